/** Collects ONNX nodes while a graph is lowered. */

import { type HostTensor, type TensorType } from "../../../core/tensor/mod.ts";
import {
  ATTRIBUTE,
  type AttributeProto,
  ELEMENT,
  encodeModel,
  type GraphProto,
  type ValueInfoProto,
} from "./proto.ts";

/** Settings of an ONNX operator; a bare number is an integer. */
export type OnnxAttrs = Readonly<
  Record<string, number | string | readonly number[] | { readonly float: number }>
>;

/** Operators outside the standard live here. */
export const CONTRIB = "com.microsoft";

function encodeAttribute(name: string, value: OnnxAttrs[string]): AttributeProto {
  if (typeof value === "number") return { name, type: ATTRIBUTE.int, i: value };
  if (typeof value === "string") {
    return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  }
  return "float" in value
    ? { name, type: ATTRIBUTE.float, f: value.float }
    : { name, type: ATTRIBUTE.ints, ints: value };
}

function valueInfo(
  name: string,
  { dtype, shape }: Omit<TensorType, "dtype"> & { readonly dtype: keyof typeof ELEMENT },
): ValueInfoProto {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ELEMENT[dtype], shape: { dim } } } };
}

/** Bytes of an input that are fed as 16-bit words. */
const WORDS = ":words";

/** Where an input of a model comes from. */
export interface ModelFeed {
  /** Its name in the model. */
  readonly name: string;
  /** The name of what is fed to it. */
  readonly source: string;
  /** Whether uint8 values are fed as 16-bit words. */
  readonly asWords: boolean;
}

/** A finished model. */
export interface OnnxModel {
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  readonly feeds: readonly ModelFeed[];
}

/** Collects the operators, constants, inputs and outputs of one model. */
export class Emitter {
  readonly #graph: GraphProto = {
    name: "dlr",
    node: [],
    initializer: [],
    input: [],
    output: [],
    valueInfo: [],
  };
  readonly #feeds: ModelFeed[] = [];
  /** Names of values that may be used again, by what they are. */
  readonly #known = new Map<string, string>();

  /** Adds an operator and returns the names of its outputs. */
  nodes(
    opType: string,
    input: readonly string[],
    attrs: OnnxAttrs = {},
    outputs = 1,
    domain = "",
  ): string[] {
    const name = `${opType}_${this.#graph.node.length}`;
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
    let name = this.#known.get(key);
    if (name === undefined) this.#known.set(key, name = make());
    return name;
  }

  /** Remembers a value under `key` for {@link recall}. */
  remember(key: string, name: string): void {
    this.#known.set(key, name);
  }

  /** The value remembered under `key`, if there is one. */
  recall(key: string): string | undefined {
    return this.#known.get(key);
  }

  /** Adds a constant. */
  constant({ dtype, shape, data }: HostTensor): string {
    const values = dtype === "float32" ? Float32Array.from(data) : data;
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.#initializer(ELEMENT[dtype], shape, rawData);
  }

  /** A float32 scalar; equal ones are shared. */
  scalar(value: number): string {
    const raw = () => new Uint8Array(Float32Array.of(value).buffer);
    return this.once(`scalar ${value}`, () => this.#initializer(ELEMENT.float32, [], raw()));
  }

  /** A list of int64, as operators take axes and shapes; equal ones are shared. */
  int64s(values: readonly number[]): string {
    const raw = () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.once(
      `int64s ${values}`,
      () => this.#initializer(ELEMENT.int64, [values.length], raw()),
    );
  }

  #initializer(dataType: number, dims: readonly number[], rawData: Uint8Array): string {
    const name = `constant_${this.#graph.initializer.length}`;
    this.#graph.initializer.push({ name, dataType, dims, rawData });
    return name;
  }

  /** An input of the graph, declared at its first use. */
  input(name: string, type: TensorType): string {
    return this.once(`input ${name}`, () => {
      this.#feeds.push({ name, source: name, asWords: false });
      this.#graph.input.push(valueInfo(name, type));
      return name;
    });
  }

  /** The uint8 input of this name as half as many 16-bit words: the same memory. */
  inputWords(source: string, bytes: number): string {
    return this.once(`words ${source}`, () => {
      const name = source + WORDS;
      this.#feeds.push({ name, source, asWords: true });
      this.#graph.input.push(valueInfo(name, { dtype: "uint16", shape: [bytes / 2] }));
      return name;
    });
  }

  /** Constant bytes as 16-bit words. */
  constantWords(bytes: Uint8Array): string {
    return this.#initializer(ELEMENT.uint16, [bytes.length / 2], bytes);
  }

  /**
   * `x` of this type, not to be had before the float32 values `awaited`. It becomes a reshape to the
   * shape that it has already, which copies nothing; a 0 that follows from what is awaited is added
   * to that shape. It is 0 for NaN and infinities too, and cannot be worked out ahead.
   */
  after(
    x: string,
    type: Parameters<typeof valueInfo>[1],
    awaited: readonly { readonly name: string; readonly rank: number }[],
  ): string {
    const names = awaited.map(({ name }) => name);
    const zero = this.once(`zero after ${names}`, () => {
      const firsts = awaited.map(({ name, rank }) => this.#firstOf(name, rank));
      const all = firsts.length === 1 ? firsts[0]! : this.node("Concat", firsts, { axis: 0 });
      const most = firsts.length === 1 ? all : this.node("ReduceMax", [all, this.int64s([0])]);
      const never = this.node("Greater", [most, this.scalar(Infinity)]);
      return this.node("Cast", [never], { to: ELEMENT.int64 });
    });
    const shape = type.shape.length === 0
      ? this.node("Slice", [zero, this.int64s([0]), this.int64s([0])])
      : this.node("Add", [this.int64s(type.shape), zero]);
    const late = this.node("Reshape", [x, shape], { allowzero: 1 });
    this.#graph.valueInfo.push(valueInfo(late, type));
    return late;
  }

  /** The first element of a value, `[1]`. */
  #firstOf(name: string, rank: number): string {
    return this.once(`first of ${name}`, () => {
      const each = (value: number) => this.int64s(new Array<number>(rank).fill(value));
      const corner = rank === 0 ? name : this.node("Slice", [name, each(0), each(1)]);
      return this.node("Reshape", [corner, this.int64s([1])]);
    });
  }

  /** Declares that the output `name` is `value`. */
  output(name: string, value: string, type: TensorType): void {
    this.#graph.node.push({
      name: `output_${name}`,
      opType: "Identity",
      domain: "",
      input: [value],
      output: [name],
      attribute: [],
    });
    this.#graph.output.push(valueInfo(name, type));
  }

  /** The finished model. */
  finish(): OnnxModel {
    return { bytes: encodeModel(this.#graph), feeds: this.#feeds };
  }
}
