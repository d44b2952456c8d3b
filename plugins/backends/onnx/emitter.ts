/** Collects ONNX nodes while a graph is lowered. */

import {
  type HostTensor,
  isRuntimeSize,
  sizeTerms,
  type TensorType,
} from "../../../core/tensor/mod.ts";
import {
  type LargeConstant,
  type ModelFeed,
  type OnnxModel,
  placeConstants,
  type Placement,
} from "./model_file.ts";
import { ELEMENT, encodeModel, type GraphProto, renamed, type TensorProto } from "./proto.ts";
import { CONTRIB, encodeAttribute, type OnnxAttrs, type OnnxType, valueInfo } from "./values.ts";

/** Bytes of an input that are fed as 16-bit words. */
const WORDS = ":words";

/** Constants from this size on, in bytes, are large. */
const LARGE_FROM = 4096;

/** What all graphs of a model have in common. */
interface Shared {
  /** Values of inputs that are constant, by name. */
  readonly constants: Readonly<Record<string, HostTensor>>;
  readonly feeds: ModelFeed[];
  /** Large constants, whose values are not placed yet. */
  readonly large: LargeConstant[];
  /** Numbers of what constants are made from. */
  readonly numbers: Map<object, number>;
  /** What outputs call the values that they are. */
  readonly outputs: Map<string, string>;
  /** Operators and branches so far; what they are numbered by. */
  count: number;
}

/**
 * Collects the operators, constants, inputs and outputs of a model, or of a branch of one. A branch
 * sees the values of the graph around it, and keeps its own to itself.
 */
export class Emitter {
  readonly #graph: GraphProto;
  /** Names of values that may be used again, by what they are. */
  readonly #known = new Map<string, string>();
  readonly #shared: Shared;

  /** @param constants values of inputs that become part of the model, where this is no branch */
  constructor(private readonly around?: Emitter, constants: Shared["constants"] = {}) {
    this.#shared = around ? around.#shared : {
      constants,
      feeds: [],
      large: [],
      numbers: new Map(),
      outputs: new Map(),
      count: 0,
    };
    const name = around ? `branch_${this.#shared.count++}` : "dlr";
    this.#graph = { name, node: [], initializer: [], input: [], output: [], valueInfo: [] };
  }

  /** The graph that is no branch: it holds the constants and inputs of all. */
  get #root(): Emitter {
    return this.around ? this.around.#root : this;
  }

  /** Adds an operator and returns the names of its outputs. */
  nodes(
    opType: string,
    input: readonly string[],
    attrs: OnnxAttrs = {},
    outputs = 1,
    domain = "",
  ): string[] {
    const name = `${opType}_${this.#shared.count++}`;
    const output = outputs === 1
      ? [name]
      : Array.from({ length: outputs }, (_, i) => `${name}_${i}`);
    const attribute = Object.entries(attrs).map(([key, value]) => encodeAttribute(key, value));
    this.#graph.node.push({ name, opType, domain, input, output, attribute });
    return output;
  }

  /** Adds an operator with one output and returns its name. */
  node(opType: string, input: readonly string[], attrs: OnnxAttrs = {}, domain = ""): string {
    return this.nodes(opType, input, attrs, 1, domain)[0]!;
  }

  /** Adds one of ONNX Runtime's own operators. */
  contrib(opType: string, input: readonly string[], attrs: OnnxAttrs = {}): string {
    return this.node(opType, input, attrs, CONTRIB);
  }

  /** The value made by `make`, made once for each `key`. */
  once(key: string, make: () => string): string {
    let name = this.recall(key);
    if (name === undefined) this.#known.set(key, name = make());
    return name;
  }

  /** As {@link once}, for what belongs to the whole model. */
  #onceForAll(key: string, make: (root: Emitter) => string): string {
    const root = this.#root;
    return root.once(key, () => make(root));
  }

  /** A constant of the whole model that is made from `source`, once for each `what`. */
  constantOf(source: object, what: string, make: (root: Emitter) => string): string {
    const { numbers } = this.#shared;
    const number = numbers.get(source) ?? numbers.size;
    numbers.set(source, number);
    return this.#onceForAll(`${what} of ${number}`, make);
  }

  /** Remembers a value under `key` for {@link recall}. */
  remember(key: string, name: string): void {
    this.#known.set(key, name);
  }

  /** The value remembered under `key`, here or around, if there is one. */
  recall(key: string): string | undefined {
    return this.#known.get(key) ?? this.around?.recall(key);
  }

  /** Adds a constant. */
  constant({ dtype, shape, data }: HostTensor, name?: string): string {
    const values = dtype === "float32" && !(data instanceof Float32Array)
      ? Float32Array.from(data)
      : data;
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.#initializer(ELEMENT[dtype], shape, rawData, name);
  }

  /** Constant bytes, as the operators for blocks of four bits take them. */
  constantBytes(shape: readonly number[], bytes: Uint8Array): string {
    return this.#initializer(ELEMENT.uint8, shape, bytes);
  }

  /** A float32 scalar; equal ones are shared. */
  scalar(value: number): string {
    const raw = () => new Uint8Array(Float32Array.of(value).buffer);
    return this.#onceForAll(
      `scalar ${value}`,
      (root) => root.#initializer(ELEMENT.float32, [], raw()),
    );
  }

  /** A list of int64, as operators take axes and shapes; equal ones are shared. */
  int64s(values: readonly number[]): string {
    const raw = () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#onceForAll(
      `int64s ${values}`,
      (root) => root.#initializer(ELEMENT.int64, [values.length], raw()),
    );
  }

  /** An int64 scalar. */
  int64(value: number): string {
    const raw = () => new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
    return this.#onceForAll(
      `int64 ${value}`,
      (root) => root.#initializer(ELEMENT.int64, [], raw()),
    );
  }

  /** A shape, or places along an axis, as a list of int64; some may be known only at run time. */
  sizes(values: readonly number[]): string {
    if (!values.some(isRuntimeSize)) return this.int64s(values);
    return this.once(`sizes ${values}`, () => {
      const parts: string[] = [];
      let plain: number[] = [];
      const close = () => {
        if (plain.length > 0) parts.push(this.int64s(plain));
        plain = [];
      };
      for (const value of values) {
        if (!isRuntimeSize(value)) {
          plain.push(value);
          continue;
        }
        close();
        parts.push(this.#size(value));
      }
      close();
      return parts.length === 1 ? parts[0]! : this.node("Concat", parts, { axis: 0 });
    });
  }

  /** One size, `[1]`. */
  #size(value: number): string {
    return this.once(`size ${value}`, () => {
      const { factor, terms } = sizeTerms(value);
      const parts = terms.map((term) => {
        if (typeof term !== "string") {
          return term.map((part) => this.#size(part)).reduce((a, b) => this.node("Add", [a, b]));
        }
        const name = this.recall(`size named ${term}`);
        if (name !== undefined) return name;
        throw new TypeError(`The onnx backend cannot tell the size "${term}": no input has it`);
      });
      if (factor !== 1 || parts.length === 0) parts.push(this.int64s([factor]));
      return parts.reduce((a, b) => this.node("Mul", [a, b]));
    });
  }

  /** Takes the named sizes of a value's shape from it, those that are not known yet. */
  learnSizes(value: string, shape: readonly number[]): void {
    shape.forEach((size, axis) => {
      const { factor, terms } = sizeTerms(size);
      const [name] = terms;
      if (factor !== 1 || terms.length !== 1 || typeof name !== "string") return;
      const key = `size named ${name}`;
      if (this.recall(key) !== undefined) return;
      this.remember(key, this.node("Shape", [value], { start: axis, end: axis + 1 }));
    });
  }

  #initializer(
    dataType: number,
    dims: readonly number[],
    rawData: Uint8Array,
    name?: string,
  ): string {
    const { initializer } = this.#root.#graph;
    const own = name ?? `constant_${initializer.length}`;
    const constant: TensorProto = { name: own, dataType, dims };
    initializer.push(constant);
    if (rawData.length < LARGE_FROM) constant.rawData = rawData;
    else this.#shared.large.push({ constant, bytes: rawData });
    return own;
  }

  /** An input of the model, declared at its first use, or its value where that is constant. */
  input(name: string, type: TensorType): string {
    return this.#onceForAll(`input ${name}`, (root) => {
      const value = this.#shared.constants[name];
      if (value) return root.constant(value, name);
      root.#declare({ name, source: name, asWords: false }, type);
      root.learnSizes(name, type.shape);
      return name;
    });
  }

  /** The uint8 input of this name as half as many 16-bit words: the same memory. */
  inputWords(source: string, bytes: number): string {
    return this.#onceForAll(`words ${source}`, (root) => {
      const value = this.#shared.constants[source];
      if (value) return root.constantWords(value.data as Uint8Array);
      const name = source + WORDS;
      root.#declare({ name, source, asWords: true }, { dtype: "uint16", shape: [bytes / 2] });
      return name;
    });
  }

  #declare(feed: ModelFeed, type: OnnxType): void {
    this.#shared.feeds.push(feed);
    this.#graph.input.push(valueInfo(feed.name, type));
  }

  /** Constant bytes as 16-bit words. */
  constantWords(bytes: Uint8Array): string {
    return this.#initializer(ELEMENT.uint16, [bytes.length / 2], bytes);
  }

  /** Notes the type of a value inside, where it would not be found out. */
  describe(name: string, type: OnnxType): void {
    this.#graph.valueInfo.push(valueInfo(name, type));
  }

  /** Declares that the output `name` is `value`. */
  output(name: string, value: string, type: TensorType): void {
    this.#graph.output.push(valueInfo(name, type));
    const maker = this.#graph.node.findLast(({ output }) => output.includes(value));
    if (maker && !this.#shared.outputs.has(value)) this.#shared.outputs.set(value, name);
    else this.#copy(value, name);
  }

  #copy(value: string, name: string): void {
    this.#graph.node.push({
      name: `output_${name}`,
      opType: "Identity",
      domain: "",
      input: [value],
      output: [name],
      attribute: [],
    });
  }

  /** This branch as the graph that makes `value`. */
  asBranch(value: string, type: TensorType): { readonly graph: GraphProto } {
    this.output(`${this.#graph.name}_result`, value, type);
    return { graph: this.#graph };
  }

  /** The finished model. @param about facts about it that the file tells, by name */
  finish(placement: Placement, about: Readonly<Record<string, string>> = {}): OnnxModel {
    const { feeds, large, outputs } = this.#shared;
    const outside = placeConstants(large, placement);
    return { bytes: encodeModel(renamed(this.#graph, outputs), about), feeds, outside };
  }
}
