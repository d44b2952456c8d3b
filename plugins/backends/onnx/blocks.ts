/** Four-bit weights in ONNX Runtime. */

import {
  type DequantizeAttrs,
  inputName,
  type MatmulAttrs,
  matmulSizes,
  type Node,
  shapeOf,
} from "../../../core/graph/mod.ts";
import {
  BLOCK_LEVELS,
  BLOCK_SIZE,
  type BlockFormat,
  floats,
  type FloatTensor,
  type HostTensor,
  type RowRange,
  rowsIn,
  type Shape,
  sizeOf,
} from "../../../core/tensor/mod.ts";
import { type Emitter } from "./emitter.ts";
import { ELEMENT } from "./proto.ts";
import { emitAfter } from "./waiting.ts";

/** Weights that one 16-bit word holds. */
const PER_WORD = 4;

/** The four levels that each 16-bit word stands for, `[65536, 4]`. */
function levelTable(format: BlockFormat): FloatTensor {
  const levels = BLOCK_LEVELS[format];
  const table = floats([2 ** 16, PER_WORD]);
  for (let word = 0; word < 2 ** 16; word++) {
    // A word's lower byte comes first, and in each byte the upper half.
    [4, 0, 12, 8].forEach((shift, i) => {
      table.data[PER_WORD * word + i] = levels[(word >> shift) & 15]!;
    });
  }
  return table;
}

/** Something that weights wait for. */
export interface Awaited {
  readonly name: string;
  readonly node: Node;
}

/**
 * The float32 matrix of a `dequantize` node. Words are looked up four weights at a time: three times
 * as fast as ONNX Runtime's own operators for blocks (`GatherBlockQuantized`, `DequantizeLinear`),
 * and any sixteen levels will do.
 *
 * @param awaited waits for this, so that the matrix is made just before it is used
 */
export function emitDequantized(emit: Emitter, weight: Node, awaited?: Awaited): string {
  const { format, shape, rows } = weight.attrs as DequantizeAttrs;
  const [codes, scales] = weight.inputs as [Node, Node];
  const words = wordsOf(emit, codes);
  const type = { dtype: "uint16", shape: [sizeOf(shape) / PER_WORD] } as const;
  const late = awaited
    ? emitAfter(emit, words, type, [{ name: awaited.name, rank: shapeOf(awaited.node).length }])
    : words;
  const table = emit.once(`levels ${format}`, () => emit.constant(levelTable(format)));
  const index = emit.node("Cast", [pick(emit, late, shape, rows, PER_WORD)], {
    to: ELEMENT.int32,
  });
  const levels = emit.node("Gather", [table, index], { axis: 0 });
  const made = shapeOf(weight);
  const blocks = [sizeOf(made) / BLOCK_SIZE, BLOCK_SIZE];
  const wanted = pick(emit, given(emit, scales), shape, rows, BLOCK_SIZE);
  const factors = emit.node("Reshape", [wanted, emit.int64s([blocks[0]!, 1])]);
  const scaled = emit.node("Mul", [emit.node("Reshape", [levels, emit.int64s(blocks)]), factors]);
  return emit.node("Reshape", [scaled, emit.int64s(made)]);
}

/**
 * What belongs to the rows of `range`, of a list that belongs to a matrix of this shape.
 *
 * @param range absent: everything
 * @param share how many of the matrix's elements share one of the list's
 */
function pick(
  emit: Emitter,
  list: string,
  shape: Shape,
  range: RowRange | undefined,
  share: number,
): string {
  if (!range) return list;
  const { groups, start, end } = range;
  const perRow = sizeOf(shape.slice(1)) / share;
  const at = (row: number) => emit.int64s([row * perRow]);
  const inGroup = shape[0]! / groups * perRow;
  const grouped = emit.node("Reshape", [list, emit.int64s([groups, inGroup])]);
  const picked = emit.node("Slice", [grouped, at(start), at(end), emit.int64s([1])]);
  return emit.node("Reshape", [picked, emit.int64s([rowsIn(range) * perRow])]);
}

/** `left` times the matrix of a `dequantize` node, which is in memory only meanwhile. */
export function emitQuantizedProduct(
  emit: Emitter,
  left: string,
  node: Node,
  product: (weight: string) => string,
): string {
  const [a, weight] = node.inputs as [Node, Node];
  const attrs = node.attrs as MatmulAttrs;
  const { format, shape, rows } = weight.attrs as DequantizeAttrs;
  const [codes, scales] = weight.inputs as [Node, Node];
  // ONNX Runtime's own product does not lend its transposed form: with transB = 0 it computes
  // something else on the CPU (1.30).
  const own = format === "nf4" && attrs.transB && !attrs.transA && attrs.alpha === 1;
  if (!own) return product(emitDequantized(emit, weight, { name: left, node: a }));
  const { inner, columns } = matmulSizes(a.type, weight.type, attrs);
  const wanted = [
    pick(emit, given(emit, codes), shape, rows, 2),
    pick(emit, given(emit, scales), shape, rows, BLOCK_SIZE),
  ];
  return emit.contrib("MatMulBnb4", [left, ...wanted], {
    K: inner,
    N: columns,
    "block_size": BLOCK_SIZE,
    "quant_type": 1,
  });
}

/** Name of codes or scales, which are given from outside. */
function given(emit: Emitter, node: Node): string {
  const name = inputName(node);
  return name === undefined ? emit.constant(constantOf(node)) : emit.input(name, node.type);
}

function wordsOf(emit: Emitter, codes: Node): string {
  const name = inputName(codes);
  return name === undefined
    ? emit.constantWords(constantOf(codes).data as Uint8Array)
    : emit.inputWords(name, sizeOf(shapeOf(codes)));
}

function constantOf(node: Node): HostTensor {
  if (node.op.name === "constant") return (node.attrs as { value: HostTensor }).value;
  throw new TypeError(
    `The onnx backend takes four-bit weights as inputs or constants, not from ${node.op.name}`,
  );
}
