/**
 * Running a block for the kept tokens only, with the numbers of the gated pass.
 *
 * The kept rows of all sequences are gathered, computed as one list, and put back. Only attention
 * needs to know which sequence a row is from: there each sequence that has any rows is given as many
 * places as the one with most. Nothing is computed where nothing is kept, and nothing is gathered
 * where everything is.
 */

import { type KeysValues, type Memory } from "../contracts/mod.ts";
import {
  add,
  broadcastTo,
  cast,
  choose,
  constant,
  countUp,
  cumulativeSum,
  gatherRows,
  greater,
  mul,
  type Node,
  nonZero,
  putRows,
  reduceSum,
  reshape,
  scalar,
  shapeOf,
  slice,
  sub,
} from "../graph/mod.ts";
import { ints, runtimeSize, type Shape } from "../tensor/mod.ts";

/** Who runs a block. */
export interface KeptTokens {
  /** `[B, T]`: 1 for the tokens that run it, else 0. */
  readonly gates: Node;
  /** Scalar: how many run it. */
  readonly count: Node;
  /** Scalar: how many do not, padding included. */
  readonly skipped: Node;
}

/**
 * Who runs each block, by its place among the routable ones. Counted for all blocks at once: with few
 * tokens, what a block costs beside its products is the number of its operations.
 *
 * @param gates `[B, T, L']` or of a shape that broadcasts to it
 * @param shape `[B, T]`
 * @param tokenMask float32 `[B, T]`, 0 for padding, which runs nothing; absent: there is none
 */
export function keptTokens(
  gates: Node,
  [batch, length]: Shape,
  tokenMask?: Node,
): (at: number) => KeptTokens {
  const layers = shapeOf(gates).at(-1)!;
  const all = broadcastTo(gates, [batch!, length!, layers]);
  const each = tokenMask ? mul(all, reshape(tokenMask, [batch!, length!, 1])) : all;
  const counts = reduceSum(each, [0, 1]); // [L']
  const skipped = reduceSum(sub(scalar(1), each), [0, 1]);
  return (at) => ({
    gates: reshape(slice(each, 2, at, at + 1), [batch!, length!]),
    count: reshape(slice(counts, 0, at, at + 1), []),
    skipped: reshape(slice(skipped, 0, at, at + 1), []),
  });
}

/** A block of a pass, and who runs it. */
export interface KeptBlock {
  /** States `[B, T, D]` before the block. */
  readonly states: Node;
  /** int32 `[B, T]` */
  readonly positions: Node;
  readonly memory: Memory;
  readonly kept: KeptTokens;
  /** New states of rows, as `DecoderModel.block`. */
  block(rows: Node, positions: Node, memory: Memory): Node;
  /** What skipped tokens get added, `[B, T, D]`; absent: nothing. */
  readonly instead?: Node | undefined;
  /** Tells the sizes of this block from those of others. */
  readonly layer: number;
}

/** States after the block: new ones for the kept tokens, the others as they were. */
export function runKept({ states, positions, memory, kept, block, instead, layer }: KeptBlock) {
  const [batch, length, width] = shapeOf(states) as [number, number, number];
  const all = () => block(states, positions, memory);
  const passed = instead ? add(states, instead) : states;
  const { gates, count, skipped } = kept;
  if (batch * length === 1) return choose(count, all(), passed);

  const flat = [batch * length, width];
  const size = (what: string) => runtimeSize(`${what} of layer ${layer}`);
  const rows = nonZero(reshape(gates, [batch * length]), size("kept")); // [N]
  const [n] = shapeOf(rows) as [number];
  const own = gatherRows(reshape(states, flat), rows); // [N, D]
  const at = gatherRows(reshape(positions, [batch * length]), rows); // [N]
  const packed = length === 1
    ? oneRowEach(memory, gates, rows)
    : packedMemory(memory, gates, rows, {
      kept: n,
      sequences: batch === 1 ? 1 : size("sequences"),
      most: size("most kept"),
    });
  const made = block(reshape(own, [n, 1, width]), reshape(at, [n, 1]), packed);
  const put = putRows(reshape(passed, flat), rows, reshape(made, [n, width]));
  // Two choices one after the other, as one within the other may be made in vain.
  const whole = choose(skipped, passed, all());
  return choose(mul(count, skipped), reshape(put, shapeOf(states)), whole);
}

/**
 * What kept rows read where a sequence has one row at most: the whole memory, for which the others
 * read too, in vain. Sorting the memory out would copy it, which takes longer.
 */
function oneRowEach(memory: Memory, kept: Node, rows: Node): Memory {
  const [batch] = shapeOf(kept) as [number];
  const before = sub(cumulativeSum(kept, 0), scalar(1)); // [B, 1]
  const index = cast(mul(kept, before), "int32"); // the first row for those that have none
  return { ...memory, packing: { index: reshape(index, [batch, 1]), slots: rows } };
}

/** Sizes that are known once the gates are. */
interface PackedSizes {
  /** Kept rows of all sequences. */
  readonly kept: number;
  /** Sequences that have any. */
  readonly sequences: number;
  /** Kept rows of the sequence that has most. */
  readonly most: number;
}

/**
 * What kept rows read: the memory of the sequences that have any, and where each row stands among
 * those of its sequence.
 */
function packedMemory(memory: Memory, kept: Node, rows: Node, sizes: PackedSizes): Memory {
  const [batch, length] = shapeOf(kept) as [number, number];
  const counts = reduceSum(kept, [1]); // [B]
  const active = batch === 1 ? undefined : nonZero(counts, sizes.sequences); // [A]
  const own = active ? gatherRows(counts, active) : counts; // [A]
  const before = sub(cumulativeSum(own, 0), own);
  const column = (x: Node) => reshape(x, [sizes.sequences, 1]);
  const place = cast(countUp(own, sizes.most), "float32"); // [K]
  const isUsed = greater(column(own), place); // [A, K]
  // Rows stand in the order of their sequences. A place that nobody uses repeats the first row.
  const index = cast(add(column(before), mul(isUsed, place)), "int32"); // [A, K] into [N]
  const slots = nonZero(reshape(isUsed, [sizes.sequences * sizes.most]), sizes.kept); // [N]

  const ofActive = ({ keys, values }: KeysValues) =>
    active ? { keys: gatherRows(keys, active), values: gatherRows(values, active) } : {
      keys,
      values,
    };
  const [masks, , maskRows, positions] = shapeOf(memory.mask) as [number, number, number, number];
  const table = reshape(memory.mask, [masks * maskRows, positions]);
  const inTable = masks === batch ? rows : gatherRows(tokenOfRow(batch, length), rows);
  const mask = gatherRows(table, gatherRows(inTable, index)); // [A, K, S]
  return {
    ...ofActive(memory),
    ...(memory.earlier ? { earlier: ofActive(memory.earlier) } : {}),
    mask: reshape(mask, [sizes.sequences, 1, sizes.most, positions]),
    packing: { index, slots },
  };
}

/** Which token of its sequence each row is, int32 `[B T]`. */
function tokenOfRow(batch: number, length: number): Node {
  const tokens = ints([1, length], Array.from({ length }, (_, token) => token));
  return reshape(broadcastTo(constant(tokens), [batch, length]), [batch * length]);
}
