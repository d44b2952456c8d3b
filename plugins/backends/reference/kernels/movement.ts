/** Kernels that rearrange elements of any type, and the sum over axes. */

import { sizeOf, stridesOf } from "../../../../core/tensor/mod.ts";
import { allocate, floatsOf, type Kernel, shapeAt, type Value, type Values } from "../kernel.ts";
import { blocksAround, broadcastStrides, offsets } from "../strided.ts";

/** The elements of `value` at `from`, in that order. */
function collect(value: Value, from: Int32Array): Values {
  const out = allocate(value.dtype, from.length);
  for (let i = 0; i < from.length; i++) out[i] = value.data[from[i]!]!;
  return out;
}

export const reshape: Kernel<"reshape"> = ({ inputs }) => inputs[0]!.data;

export const transpose: Kernel<"transpose"> = ({ inputs, attrs, type }) => {
  const strides = stridesOf(shapeAt(inputs, 0));
  const reordered = attrs.permutation.map((axis) => strides[axis]!);
  return collect(inputs[0]!, offsets(type.shape, reordered));
};

export const broadcastTo: Kernel<"broadcastTo"> = ({ inputs, type }) =>
  collect(
    inputs[0]!,
    offsets(type.shape, broadcastStrides(shapeAt(inputs, 0), type.shape)),
  );

export const slice: Kernel<"slice"> = ({ inputs, attrs: { axis, start, end }, type }) => {
  const { data, dtype, shape } = inputs[0]!;
  const { outer, dim, inner } = blocksAround(shape, axis);
  const out = allocate(dtype, sizeOf(type.shape));
  const taken = (end - start) * inner;
  for (let i = 0; i < outer; i++) {
    const from = (i * dim + start) * inner;
    out.set(data.subarray(from, from + taken), i * taken);
  }
  return out;
};

export const pad: Kernel<"pad"> = ({ inputs, attrs: { axis, before, after }, type }) => {
  const { data, dtype, shape } = inputs[0]!;
  const { outer, dim, inner } = blocksAround(shape, axis);
  const out = allocate(dtype, sizeOf(type.shape));
  for (let i = 0; i < outer; i++) {
    const piece = data.subarray(i * dim * inner, (i + 1) * dim * inner);
    out.set(piece, (i * (before + dim + after) + before) * inner);
  }
  return out;
};

export const concat: Kernel<"concat"> = ({ inputs, attrs: { axis }, type }) => {
  const whole = blocksAround(type.shape, axis);
  const out = allocate(type.dtype, sizeOf(type.shape));
  let start = 0;
  for (const { data, shape } of inputs) {
    const { outer, dim, inner } = blocksAround(shape, axis);
    for (let i = 0; i < outer; i++) {
      const piece = data.subarray(i * dim * inner, (i + 1) * dim * inner);
      out.set(piece, (i * whole.dim + start) * inner);
    }
    start += dim;
  }
  return out;
};

export const reduceSum: Kernel<"reduceSum"> = ({ inputs, attrs: { axes } }) => {
  const x = floatsOf(inputs, 0);
  const shape = shapeAt(inputs, 0);
  const kept = shape.map((dim, axis) => axes.includes(axis) ? 1 : dim);
  const out = new Float64Array(sizeOf(kept));
  const to = offsets(shape, broadcastStrides(kept, shape));
  for (let i = 0; i < x.length; i++) out[to[i]!]! += x[i]!;
  return out;
};
