/** In what precision a frozen model is kept, and how a graph reads it. */

import { type DecoderModel } from "../contracts/mod.ts";
import { dequantize, input, type Node } from "../graph/mod.ts";
import { BLOCK_SIZE, type BlockFormat, sizeOf } from "../tensor/mod.ts";
import { inputNodes } from "./params.ts";
import { allProjections } from "./projections.ts";

/** `float32`, or the projections in four-bit blocks (Dettmers et al. 2023, arXiv 2305.14314). */
export type BasePrecision = "float32" | BlockFormat;

/** Every precision there is. */
export const BASE_PRECISIONS = [
  "float32",
  "int4",
  "nf4",
] as const satisfies readonly BasePrecision[];

/** Names under which a matrix in blocks is fed, beside the name it has in the checkpoint. */
export function blockNames(name: string): { codes: string; scales: string } {
  return { codes: `${name}.codes`, scales: `${name}.scales` };
}

/**
 * Names of the weights that are kept in blocks: those of the projections. Embedding, head, norms and
 * biases stay as they are, as in QLoRA, and so does a matrix that does not fill whole blocks.
 */
export function blockWeights(model: DecoderModel, precision: BasePrecision): ReadonlySet<string> {
  if (precision === "float32") return new Set();
  const specs = model.params();
  const names = allProjections(model).map((name) => `${name}.weight`);
  return new Set(names.filter((name) => sizeOf(specs[name]!.shape) % BLOCK_SIZE === 0));
}

/** The frozen model's parameters as nodes: inputs, or matrices made from blocks when they are used. */
export function baseNodes(model: DecoderModel, precision: BasePrecision): Record<string, Node> {
  const specs = model.params();
  const nodes = inputNodes(specs);
  for (const name of blockWeights(model, precision)) {
    const { shape } = specs[name]!;
    const size = sizeOf(shape);
    const { codes, scales } = blockNames(name);
    nodes[name] = dequantize(
      input(codes, [size / 2], "uint8"),
      input(scales, [size / BLOCK_SIZE]),
      shape,
      precision as BlockFormat,
    );
  }
  return nodes;
}
