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

function valueInfo(name: string, { dtype, shape }: TensorType): ValueInfoProto {
  const dim = shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ELEMENT[dtype], shape: { dim } } } };
}

/** Collects the operators, constants, inputs and outputs of one model. */
export class Emitter {
  readonly #graph: GraphProto = { name: "dlr", node: [], initializer: [], input: [], output: [] };
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

  /** Declares an input. */
  input(name: string, type: TensorType): string {
    this.#graph.input.push(valueInfo(name, type));
    return name;
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
  encode(): Uint8Array {
    return encodeModel(this.#graph);
  }
}
