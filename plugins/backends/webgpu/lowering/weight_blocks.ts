/** Matrices of a program in blocks of four bits, where it was asked to keep them so. */

import { type Feeds } from "../../../../core/contracts/backend.ts";
import {
  apply,
  constant,
  dequantize,
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
  quantizeInto,
  sizeOf,
} from "../../../../core/tensor/mod.ts";

/** Products with fewer weights gain nothing. */
const FEWEST_WEIGHTS = 2 ** 12;

/** Gives the numbers of a constant. */
export type ReadConstant = (tensor: Feeds[string]) => Promise<Float32Array>;

/** `outputs` with every product by a constant matrix `[N, K]`, transposed, taking it from blocks. */
export async function withWeightsInBlocks<Output extends string>(
  outputs: Readonly<Record<Output, Node>>,
  constants: Feeds,
  read: ReadConstant,
): Promise<Record<Output, Node>> {
  const names = Object.keys(outputs) as Output[];
  const made = new Map<Node, Node>();
  const blocks = new Map<Node, Node>();
  for (const node of topologicalOrder(names.map((name) => outputs[name]))) {
    const inputs = node.inputs.map((input) => made.get(input)!);
    const weight = weightOf(node, constants);
    if (weight) {
      let own = blocks.get(weight);
      if (!own) {
        const values = await read(constants[inputName(weight)!]!);
        blocks.set(weight, own = inBlocks(values, shapeOf(weight)));
      }
      inputs[1] = own;
    }
    const isSame = inputs.every((input, i) => input === node.inputs[i]);
    made.set(node, isSame ? node : apply(node.op, inputs, node.attrs));
  }
  return Object.fromEntries(names.map((name) => [name, made.get(outputs[name])!])) as Record<
    Output,
    Node
  >;
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

function inBlocks(values: Float32Array, shape: readonly number[]): Node {
  const size = sizeOf(shape);
  const blocks = emptyBlocks("int4", size);
  quantizeInto(blocks, values);
  return dequantize(
    constant(bytes([size / 2], blocks.codes)),
    constant(floats([size / BLOCK_SIZE], blocks.scales)),
    shape,
    "int4",
  );
}
