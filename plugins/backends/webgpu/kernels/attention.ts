/** Attention as one operation, and when its kernel suits. */

import { defineOp, type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type TensorType } from "../../../../core/tensor/mod.ts";
import { countOf } from "../wgsl/sizes.ts";
import {
  type AttentionAttrs,
  AttentionKernel,
  COLUMNS,
  INVOCATIONS,
  memoryOf,
  ownRowsOf,
  SIDE,
  WIDEST,
} from "./attention_kernel.ts";
import { type KernelList } from "./plan.ts";

/**
 * softmax(alpha Q Kᵀ + mask) V. Takes queries `[..., R, d]`, the mask, and for each stretch of
 * positions its keys and its values, `[..., S, d]`; no gradient flows through it.
 */
export const ATTENTION = defineOp({
  name: "attention",
  infer: ([queries], _attrs: AttentionAttrs): TensorType => queries!,
  gradient: ({ inputs }) => inputs.map(() => null),
});

/** With fewer rows, as in decoding, too few workgroups would go through all positions. */
const FEWEST_ROWS = 16;

/**
 * Whether the kernel suits these: heads of a width, of queries, keys and values alike.
 *
 * @param memory bytes that a workgroup may have
 */
export function attentionFits(
  queries: Node,
  stretches: readonly (readonly [keys: Node, values: Node])[],
  memory: number,
): boolean {
  const [rows, width] = shapeOf(queries).slice(-2) as [number, number];
  return rows >= FEWEST_ROWS && width % COLUMNS === 0 && width <= WIDEST &&
    memoryOf(width) <= memory &&
    stretches.flat().every((part) => shapeOf(part).at(-1) === width);
}

/** Adds the kernel of {@link ATTENTION}. */
export function attention(list: KernelList, node: Node): void {
  const [queries, mask] = node.inputs as [Node, Node];
  const shape = shapeOf(queries);
  const width = shape.at(-1)!;
  const ownRows = ownRowsOf(width);
  const to = list.make(node.type);
  const [products, rows] = [countOf(shape.slice(0, -2)), countOf([shape.at(-2)!])];
  list.run({
    label: "attention",
    invocations: INVOCATIONS,
    groups: (sizes) => [Math.ceil(rows(sizes) / (ownRows * SIDE)), products(sizes), 1],
    write(kernel, all) {
      const attrs = node.attrs as AttentionAttrs;
      const one = new AttentionKernel(kernel, all, { queries, mask, attrs, ownRows, to });
      one.begin();
      for (let i = 2; i < node.inputs.length; i += 2) {
        one.read(node.inputs[i]!, node.inputs[i + 1]!);
      }
      one.end();
    },
  });
  list.store(node, to);
}
