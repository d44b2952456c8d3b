/** Grouped-query attention over a memory of keys and values. */

import { type Memory, type Packing } from "../contracts/mod.ts";
import {
  add,
  concat,
  constant,
  gatherRows,
  matmul,
  type Node,
  reshape,
  shapeOf,
  slice,
  softmax,
  transpose,
} from "../graph/mod.ts";
import { floats, sumOfSizes } from "../tensor/mod.ts";
import { softcap } from "./activations.ts";

/** What a score gets where a row may not look: small enough that its weight is exactly 0. */
export const MASKED: number = -1e9;

/** Windows of the masks that {@link causalMask} made: what they hide need not be computed. */
const causalWindows = new WeakMap<Node, number>();

/**
 * `[1, 1, T, T]`: 0 on and below the diagonal, {@link MASKED} above it.
 *
 * @param window how many positions a row reads, the last of them its own; all before it unless told
 */
export function causalMask(length: number, window = Infinity): Node {
  const mask = floats([1, 1, length, length]);
  for (let row = 0; row < length; row++) {
    mask.data.fill(MASKED, row * length + row + 1, (row + 1) * length);
    mask.data.fill(MASKED, row * length, row * length + firstRead(row, window));
  }
  const node = constant(mask);
  causalWindows.set(node, window);
  return node;
}

/** The first position that `row` reads. */
function firstRead(row: number, window: number): number {
  return Math.max(0, row - window + 1);
}

/** How scores are made, where that is not as usual. */
export interface AttentionOptions {
  /** Factor on a query times a key; 1 / sqrt(headDim) unless told. */
  readonly scale?: number | undefined;
  /** Holds scores within ± this, as {@link softcap} does; they are free unless told. */
  readonly softcap?: number | undefined;
}

/** `[B, T, heads * headDim]` to `[B, heads, T, headDim]`. */
export function splitHeads(x: Node, heads: number): Node {
  const [batch, length, width] = shapeOf(x) as [number, number, number];
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/**
 * softmax(Q K^T / sqrt(headDim) + mask) V, or as `options` have it, where `heads / kvHeads` query heads share one head of
 * keys and values (Ainslie et al. 2023, arXiv 2305.13245).
 *
 * @param queries `[B, R, heads * headDim]`, positions already rotated in
 * @returns `[B, R, heads * headDim]`
 */
export function attention(
  queries: Node,
  memory: Memory,
  heads: number,
  options: AttentionOptions = {},
): Node {
  const [batch, rows, width] = shapeOf(queries) as [number, number, number];
  if (memory.packing) return packedAttention(queries, memory, memory.packing, heads, options);
  const split = splitHeads(queries, heads); // [B, h, R, d]
  const window = causalWindows.get(memory.mask);
  const mixed = window !== undefined && shapeOf(memory.mask)[2] === rows
    ? concat(
      stretches(rows).map(([start, end]) => {
        const first = firstRead(start, window);
        const own = {
          keys: slice(memory.keys, 2, first, end),
          values: slice(memory.values, 2, first, end),
          mask: slice(slice(memory.mask, 2, start, end), 3, first, end),
        };
        return attend(slice(split, 2, start, end), own, options);
      }),
      2,
    )
    : attend(split, memory, options);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, rows, width]);
}

/** Rows `[N, 1, heads * headDim]` of any sequences, each sorted to its own to read. */
function packedAttention(
  queries: Node,
  { packing: _, ...memory }: Memory,
  { index, slots }: Packing,
  heads: number,
  options: AttentionOptions,
): Node {
  const [rows, , width] = shapeOf(queries) as [number, number, number];
  const [sequences, most] = shapeOf(index) as [number, number];
  const sorted = gatherRows(reshape(queries, [rows, width]), index); // [A, K, W]
  const mixed = attention(sorted, memory, heads, options);
  const back = gatherRows(reshape(mixed, [sequences * most, width]), slots); // [N, W]
  return reshape(back, [rows, 1, width]);
}

/** Queries `[B, heads, R, headDim]` to what they read, likewise. */
function attend(
  queries: Node,
  { earlier, mask, ...own }: Memory,
  { scale: factor, softcap: cap }: AttentionOptions,
): Node {
  const [batch, heads, rows, headDim] = shapeOf(queries) as [number, number, number, number];
  const kvHeads = shapeOf(own.keys)[1]!;
  // Query heads that share keys are stacked as rows of one product: no key is repeated.
  const stacked = (width: number) => [batch, kvHeads, (heads / kvHeads) * rows, width];
  const q = reshape(queries, stacked(headDim)); // [B, G, hR, d]
  // Earlier positions have products of their own: putting both in one place would copy the cache.
  const parts = [...(earlier ? [earlier] : []), own];
  const alpha = factor ?? 1 / Math.sqrt(headDim);
  const raw = concat(parts.map(({ keys }) => matmul(q, keys, { transB: true, alpha })), 3);
  const scores = cap === undefined ? raw : softcap(raw, cap); // [B, G, hR, S]
  const positions = shapeOf(scores)[3]!;
  // One row sees the same as every head that is stacked beside it.
  const isSeenByAll = rows === 1 && shapeOf(mask)[1] === 1;
  const masked = isSeenByAll
    ? add(scores, mask)
    : add(reshape(scores, [batch, heads, rows, positions]), mask);
  const weights = reshape(softmax(masked), stacked(positions));
  let start = 0;
  const read = parts.map(({ values }) => {
    const end = sumOfSizes([start, shapeOf(values)[2]!]);
    const share = slice(weights, 3, start, end);
    start = end;
    return matmul(share, values); // [B, G, hR, d]
  });
  return reshape(read.reduce(add), [batch, heads, rows, headDim]);
}

/** Most stretches that {@link stretches} cuts a sequence into. */
const MOST_STRETCHES = 4;
/** Shorter ones would cost more in small operations than they save. */
const SHORTEST_STRETCH = 64;

/**
 * Under a causal mask a row reads nothing after itself, so rows are computed in stretches, each
 * against the positions up to its own end, from where its window begins. In four stretches five
 * eighths of the products are left, and fewer under a window.
 */
function stretches(rows: number): [start: number, end: number][] {
  const count = Math.max(1, Math.min(MOST_STRETCHES, Math.floor(rows / SHORTEST_STRETCH)));
  const length = Math.ceil(rows / count);
  return Array.from({ length: count }, (_, i) => [i * length, Math.min((i + 1) * length, rows)]);
}
