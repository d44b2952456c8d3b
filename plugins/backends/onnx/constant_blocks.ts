/**
 * Products with constant matrices in blocks of four bits: ONNX Runtime's `MatMulNBits`, which is made
 * for few rows. It wants its matrix as a constant, packed once; one that is fed at each run takes
 * eighty times as long at one row.
 */

import {
  type AttrsOf,
  type DequantizeAttrs,
  type MatmulAttrs,
  type Node,
  ops,
  shapeOf,
} from "../../../core/graph/mod.ts";
import { type WeightFormat } from "../../../core/contracts/backend.ts";
import {
  BLOCK_SIZE,
  emptyBlocks,
  floats,
  type HostTensor,
  pickRows,
  quantizeInto,
  sizeOf,
} from "../../../core/tensor/mod.ts";
import { type Emitter } from "./emitter.ts";

/** A matrix `[N, K]` in blocks along its rows, in the layout of `MatMulNBits`. */
export interface ConstantBlocks {
  /** What is the same matrix has the same key. */
  readonly key: Node;
  readonly rows: number;
  readonly columns: number;
  /** Two codes a byte, the first in the lower half. */
  codes(): Uint8Array;
  scales(): Float32Array<ArrayBuffer>;
}

/** Products with fewer weights gain nothing. */
const FEWEST_WEIGHTS = 2 ** 12;

/**
 * The right operand of `product` in blocks, if it is constant and can be: either it has been in blocks
 * all along, or all matrices are to be.
 */
export function constantBlocks(
  product: Node,
  weight: Node,
  valueOf: (node: Node) => HostTensor | undefined,
  format: WeightFormat,
): ConstantBlocks | undefined {
  const { transA, transB, alpha } = product.attrs as MatmulAttrs;
  const shape = shapeOf(weight);
  const [rows, columns] = shape as [number, number];
  const fits = transB && !transA && alpha === 1 && shape.length === 2 &&
    columns % BLOCK_SIZE === 0;
  if (!fits) return undefined;
  if (weight.op.name === "dequantize") {
    const [codes, scales] = weight.inputs.map(valueOf);
    const { format, shape: [stored], rows: range } = weight.attrs as DequantizeAttrs;
    if (format !== "int4" || !codes || !scales) return undefined;
    const wanted = <Data extends HostTensor["data"]>(all: Data) =>
      range ? pickRows(all, stored!, range) : all;
    return {
      key: weight,
      rows,
      columns,
      codes: () => swapped(wanted(codes.data as Uint8Array<ArrayBuffer>)),
      scales: () => Float32Array.from(wanted(scales.data)),
    };
  }
  const value = constantValueOf(weight, valueOf);
  if (format !== "int4" || !value || sizeOf(shape) < FEWEST_WEIGHTS) return undefined;
  const quantized = () => {
    const blocks = emptyBlocks("int4", sizeOf(shape));
    quantizeInto(blocks, value.data as Float32Array);
    return blocks;
  };
  let made: ReturnType<typeof quantized> | undefined;
  return {
    key: weight,
    rows,
    columns,
    codes: () => swapped((made ??= quantized()).codes),
    scales: () => (made ??= quantized()).scales,
  };
}

/** The value of a matrix that is constant, or some rows of one. */
function constantValueOf(
  node: Node,
  valueOf: (node: Node) => HostTensor | undefined,
): HostTensor | undefined {
  const isRows = node.op === ops.reshape || node.op === ops.slice;
  const whole = isRows ? constantValueOf(node.inputs[0]!, valueOf) : valueOf(node);
  if (!whole) return undefined;
  const shape = shapeOf(node);
  if (node.op !== ops.slice) return { ...whole, shape } as HostTensor;
  const { axis, start, end } = node.attrs as AttrsOf<"slice">;
  const groups = sizeOf(whole.shape.slice(0, axis));
  const data = pickRows(whole.data, groups * whole.shape[axis]!, { groups, start, end });
  return { ...whole, shape, data } as HostTensor;
}

/** Bytes with their halves swapped. */
function swapped(codes: Uint8Array): Uint8Array {
  return codes.map((pair) => pair << 4 | pair >> 4);
}

/** `left` times a matrix in blocks, transposed. Inputs of the product are rounded to eight bits. */
export function emitBlockProduct(emit: Emitter, left: string, blocks: ConstantBlocks): string {
  const { rows, columns } = blocks;
  const perRow = columns / BLOCK_SIZE;
  const codes = emit.constantOf(
    blocks.key,
    "codes",
    (root) => root.constantBytes([rows, perRow, BLOCK_SIZE / 2], blocks.codes()),
  );
  const scales = emit.constantOf(
    blocks.key,
    "scales",
    (root) => root.constant(floats([rows * perRow], blocks.scales())),
  );
  return emit.contrib("MatMulNBits", [left, codes, scales], {
    K: columns,
    N: rows,
    bits: 4,
    "block_size": BLOCK_SIZE,
    "accuracy_level": 4,
  });
}
