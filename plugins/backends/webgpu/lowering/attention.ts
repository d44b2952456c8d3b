/**
 * Finds attention in a graph: softmax(alpha Q Kᵀ + mask) V, where nothing else reads the scores or the
 * weights, as in passes without gradients. One kernel does all of it, and the matrix of weights, which
 * grows with the square of a text's length, is never written.
 */

import {
  apply,
  type MatmulAttrs,
  type Node,
  ops,
  shapeOf,
  topologicalOrder,
} from "../../../../core/graph/mod.ts";
import { sameCount, sameShape } from "../../../../core/tensor/mod.ts";
import { ATTENTION, attentionFits } from "../kernels/attention.ts";
import { rewrite } from "./rewrite.ts";

/**
 * `outputs` with attention as one operation wherever it can be.
 *
 * @param memory bytes that a workgroup may have
 */
export function withAttention<Output extends string>(
  outputs: Readonly<Record<Output, Node>>,
  memory: number,
): Record<Output, Node> {
  const given = new Set(Object.values<Node>(outputs));
  const order = topologicalOrder(given);
  const readers = new Map<Node, Set<Node>>();
  for (const node of order) {
    for (const input of node.inputs) {
      const known = readers.get(input);
      if (known) known.add(node);
      else readers.set(input, new Set([node]));
    }
  }
  const isPrivate = ({ root, inside }: Found) =>
    inside.values().every((node) =>
      !given.has(node) &&
      readers.get(node)!.values().every((reader) => reader === root || inside.has(reader))
    );
  return rewrite(outputs, (node, became) => {
    const found = find(node, memory);
    if (!found || !isPrivate(found)) return undefined;
    return apply(ATTENTION, found.sources.map(became), found.attrs);
  });
}

/** Attention, and what of the graph it stands for. */
interface Found {
  readonly root: Node;
  /** What is worked out on the way. */
  readonly inside: ReadonlySet<Node>;
  /** Queries, mask, and keys and values of each stretch of positions. */
  readonly sources: readonly Node[];
  readonly attrs: { readonly alpha: number; readonly shape: readonly number[] };
}

/** The attention that gives a node, if it is one: over one stretch of positions, or over several. */
function find(root: Node, memory: number): Found | undefined {
  const inside = new Set<Node>();
  const reads = root.op === ops.add ? root.inputs : [root];
  if (!reads.every((read) => isProduct(read, { transA: false, transB: false, alpha: 1 }))) {
    return undefined;
  }
  if (root.op === ops.add) reads.forEach((read) => inside.add(read));
  const through = (node: Node): Node => {
    while (node.op === ops.reshape && sameWidth(node, node.inputs[0]!)) {
      inside.add(node);
      node = node.inputs[0]!;
    }
    return node;
  };
  const [weights, ...others] = reads.map((read) => {
    const share = read.inputs[0]!;
    if (share.op !== ops.slice) return through(share);
    inside.add(share);
    return through(share.inputs[0]!);
  });
  if (weights?.op !== ops.softmax || others.some((other) => other !== weights)) return undefined;
  inside.add(weights);
  const masked = weights.inputs[0]!;
  if (masked.op !== ops.add) return undefined;
  inside.add(masked);
  const [scored, mask] = masked.inputs as [Node, Node];
  const scores = through(scored);
  inside.add(scores);
  const asks = scores.op === ops.concat && lastAxis(scores) ? scores.inputs : [scores];
  const [first] = asks;
  const { alpha } = first!.attrs as MatmulAttrs;
  const fits = asks.length === reads.length &&
    asks.every((ask) =>
      isProduct(ask, { transA: false, transB: true, alpha }) && ask.inputs[0] === first!.inputs[0]
    );
  if (!fits) return undefined;
  asks.forEach((ask) => inside.add(ask));
  const queries = first!.inputs[0]!;
  // A mask may broadcast scores to more of them, which no queries ask.
  const isWhole = sameWidth(masked, scores) && sameCount(shapeOf(masked), shapeOf(scores)) &&
    sameShape(shapeOf(root), shapeOf(queries));
  if (!isWhole) return undefined;
  const stretches = asks.map((ask, i) => [ask.inputs[1]!, reads[i]!.inputs[1]!] as const);
  if (!attentionFits(queries, stretches, memory) || !slicesMatch(reads, stretches)) {
    return undefined;
  }
  return {
    root,
    inside,
    sources: [queries, mask, ...stretches.flat()],
    attrs: { alpha, shape: shapeOf(masked) },
  };
}

function isProduct(node: Node, { transA, transB, alpha }: MatmulAttrs): boolean {
  if (node.op !== ops.matmul) return false;
  const attrs = node.attrs as MatmulAttrs;
  return attrs.transA === transA && attrs.transB === transB && attrs.alpha === alpha &&
    shapeOf(node.inputs[1]!).length > 2;
}

/** Whether rows are as long: then softmax goes along the same ones, whatever the axes before. */
function sameWidth(a: Node, b: Node): boolean {
  return shapeOf(a).at(-1) === shapeOf(b).at(-1);
}

function lastAxis(node: Node): boolean {
  return (node.attrs as { axis: number }).axis === shapeOf(node).length - 1;
}

/** Whether each read takes the weights of its own stretch, one after the other. */
function slicesMatch(
  reads: readonly Node[],
  stretches: readonly (readonly [Node, Node])[],
): boolean {
  if (reads.length === 1) return reads[0]!.inputs[0]!.op !== ops.slice;
  let start = 0;
  return reads.every((read, i) => {
    const slice = read.inputs[0]!;
    const length = shapeOf(stretches[i]![0]).at(-2)!;
    if (slice.op !== ops.slice || !lastAxis(slice)) return false;
    const attrs = slice.attrs as { start: number; end: number };
    const matches = attrs.start === start && shapeOf(slice).at(-1) === length;
    start = attrs.end;
    return matches;
  });
}
