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
  const { format, shape } = weight.attrs as DequantizeAttrs;
  const [codes, scales] = weight.inputs as [Node, Node];
  const size = sizeOf(shape);
  const words = wordsOf(emit, codes);
  const type = { dtype: "uint16", shape: [size / PER_WORD] } as const;
  const late = awaited
    ? emitAfter(emit, words, type, [{ name: awaited.name, rank: shapeOf(awaited.node).length }])
    : words;
  const table = emit.once(`levels ${format}`, () => emit.constant(levelTable(format)));
  const index = emit.node("Cast", [late], { to: ELEMENT.int32 });
  const levels = emit.node("Gather", [table, index], { axis: 0 });
  const blocks = [size / BLOCK_SIZE, BLOCK_SIZE];
  const factors = emit.node("Reshape", [given(emit, scales), emit.int64s([blocks[0]!, 1])]);
  const scaled = emit.node("Mul", [emit.node("Reshape", [levels, emit.int64s(blocks)]), factors]);
  return emit.node("Reshape", [scaled, emit.int64s(shape)]);
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
  const { format } = weight.attrs as DequantizeAttrs;
  const [codes, scales] = weight.inputs as [Node, Node];
  // ONNX Runtime's own product does not lend its transposed form: with transB = 0 it computes
  // something else on the CPU (1.30).
  const own = format === "nf4" && attrs.transB && !attrs.transA && attrs.alpha === 1;
  if (!own) return product(emitDequantized(emit, weight, { name: left, node: a }));
  const { inner, columns } = matmulSizes(a.type, weight.type, attrs);
  return emit.contrib("MatMulBnb4", [left, given(emit, codes), given(emit, scales)], {
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
