/** Settings and types as an ONNX file has them. */

import { isRuntimeSize, showSize, type TensorType } from "../../../core/tensor/mod.ts";
import {
  ATTRIBUTE,
  type AttributeProto,
  ELEMENT,
  type GraphProto,
  type ValueInfoProto,
} from "./proto.ts";

/** Settings of an ONNX operator; a bare number is an integer. */
export type OnnxAttrs = Readonly<
  Record<
    string,
    | number
    | string
    | readonly number[]
    | { readonly float: number }
    | { readonly graph: GraphProto }
  >
>;

/** Operators outside the standard live here. */
export const CONTRIB = "com.microsoft";

/** A setting under its name. */
export function encodeAttribute(name: string, value: OnnxAttrs[string]): AttributeProto {
  if (typeof value === "number") return { name, type: ATTRIBUTE.int, i: value };
  if (typeof value === "string") {
    return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  }
  if ("graph" in value) return { name, type: ATTRIBUTE.graph, g: value.graph };
  return "float" in value
    ? { name, type: ATTRIBUTE.float, f: value.float }
    : { name, type: ATTRIBUTE.ints, ints: value };
}

/** A type of the graph, or one that only ONNX has. */
export type OnnxType = Pick<TensorType, "shape"> & { readonly dtype: keyof typeof ELEMENT };

/** A name with its type; sizes that are not known go by their names. */
export function valueInfo(name: string, { dtype, shape }: OnnxType): ValueInfoProto {
  const dim = shape.map((size) =>
    isRuntimeSize(size) ? { dimParam: showSize(size) } : { dimValue: size }
  );
  return { name, type: { tensorType: { elemType: ELEMENT[dtype], shape: { dim } } } };
}
