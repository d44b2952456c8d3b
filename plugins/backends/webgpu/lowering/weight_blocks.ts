/** Matrices of a program in blocks of four bits, where it was asked to keep them so. */

import { type Feeds } from "../../../../core/contracts/backend.ts";
import {
  apply,
  dequantize,
  input,
  inputName,
  type MatmulAttrs,
  type Node,
  ops,
  shapeOf,
  topologicalOrder,
} from "../../../../core/graph/mod.ts";
import {
  BLOCK_SIZE,
  bytes,
  emptyBlocks,
  floats,
  type HostTensor,
  quantizeInto,
  type Shape,
  sizeOf,
} from "../../../../core/tensor/mod.ts";
import { rewrite } from "./rewrite.ts";

/** Products with fewer weights gain nothing. */
const FEWEST_WEIGHTS = 2 ** 12;

/** A matrix in blocks: `uint8` codes and `float32` scales. */
export interface WeightBlocks<Tensor = Feeds[string]> {
  readonly codes: Tensor;
  readonly scales: Tensor;
}

/** Gives a constant matrix in blocks. */
export type ToBlocks = (tensor: Feeds[string]) => Promise<WeightBlocks>;

/** A graph, and what of it is constant. */
export interface ConstantGraph<Output extends string> {
  readonly outputs: Readonly<Record<Output, Node>>;
  readonly constants: Feeds;
}

/** The graph with every product by a constant matrix `[N, K]`, transposed, taking it from blocks. */
export async function withWeightsInBlocks<Output extends string>(
  { outputs, constants }: ConstantGraph<Output>,
  toBlocks: ToBlocks,
): Promise<ConstantGraph<Output>> {
  const all: Record<string, Feeds[string]> = { ...constants };
  const weights = new Map<Node, Node>();
  for (const node of topologicalOrder(Object.values<Node>(outputs))) {
    const weight = weightOf(node, constants);
    if (!weight) continue;
    const name = inputName(weight)!;
    const { codes, scales } = await toBlocks(constants[name]!);
    all[`${name}:codes`] = codes;
    all[`${name}:scales`] = scales;
    weights.set(node, inBlocks(name, shapeOf(weight)));
  }
  const replaced = rewrite(outputs, (node, became) => {
    const weight = weights.get(node);
    return weight && apply(node.op, [became(node.inputs[0]!), weight], node.attrs);
  });
  return { outputs: replaced, constants: all };
}

/** The constant matrix that a product takes in a form that blocks can have. */
function weightOf(node: Node, constants: Feeds): Node | undefined {
  if (node.op !== ops.matmul) return undefined;
  const [, weight] = node.inputs as [Node, Node];
  const { transA, transB } = node.attrs as MatmulAttrs;
  const shape = shapeOf(weight);
  const name = inputName(weight);
  const fits = name !== undefined && name in constants && transB && !transA &&
    shape.length === 2 && shape[1]! % BLOCK_SIZE === 0 && sizeOf(shape) >= FEWEST_WEIGHTS;
  return fits ? weight : undefined;
}

/** The matrix that the blocks of this name stand for. */
function inBlocks(name: string, shape: Shape): Node {
  const size = sizeOf(shape);
  return dequantize(
    input(`${name}:codes`, [size / 2], "uint8"),
    input(`${name}:scales`, [size / BLOCK_SIZE]),
    shape,
    "int4",
  );
}

/** Numbers in blocks, on the host. */
export function quantized(values: Float32Array): WeightBlocks<HostTensor> {
  const blocks = emptyBlocks("int4", values.length);
  quantizeInto(blocks, values);
  return {
    codes: bytes([values.length / 2], blocks.codes),
    scales: floats([values.length / BLOCK_SIZE], blocks.scales),
  };
}
