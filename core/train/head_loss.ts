/**
 * From last states to losses, a few rows at a time.
 *
 * Logits are the largest thing in a step: 512 tokens times 152,000 words are 311 MB, and a loss with
 * its gradient holds half a dozen such arrays. Here the rows are worked off in parts, one after the
 * other, and each part's gradient is taken while its logits are at hand, so that no more than a part
 * is ever in memory and nothing is computed twice.
 */

import {
  add,
  after,
  concat,
  crossEntropy,
  type Node,
  pullBack,
  reshape,
  scalar,
  shapeOf,
  slice,
  topologicalOrder,
  withGradient,
} from "../graph/mod.ts";
import { sizeOf } from "../tensor/mod.ts";
import { type LanguageLoss } from "./objective.ts";

/** How large a part may be. */
export interface PartSize {
  /** Logits that are made at once. */
  readonly logits: number;
  /** Rows that a part has whatever their logits take: fewer would make slow products. */
  readonly rows: number;
}

const PART: PartSize = { logits: 2 ** 24, rows: 128 };

/** Places of equal parts of `rows`, each of `vocabulary` logits. */
function parts(rows: number, vocabulary: number, most: PartSize): [start: number, end: number][] {
  const count = Math.ceil(rows / Math.max(most.rows, Math.floor(most.logits / vocabulary)));
  const size = Math.ceil(rows / count);
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => [
    i * size,
    Math.min((i + 1) * size, rows),
  ]);
}

/** `[B, T, ...]` as rows `[B * T, ...]`. */
function asRows(x: Node): Node {
  const [batch, length, ...rest] = shapeOf(x) as [number, number, ...number[]];
  return reshape(x, [batch * length, ...rest]);
}

/**
 * The language loss of states, summed over parts of their rows.
 *
 * @param states `[B, T, D]`, one or several
 * @param others what has a value for each token but no gradient, `[B, T]`; at least one
 * @param trainable inputs that the loss may depend on besides the states
 * @param vocabulary number of logits of a row
 * @param lossOf the loss of some rows of `states`, `[R, D]`, and of `others`, `[R]`
 * @param most how large a part may be
 */
export function lossInParts(
  states: readonly Node[],
  others: readonly Node[],
  trainable: readonly Node[],
  vocabulary: number,
  lossOf: (states: readonly Node[], others: readonly Node[]) => LanguageLoss,
  most: PartSize = PART,
): LanguageLoss {
  const rows = states.map(asRows);
  const learns = (node: Node) =>
    topologicalOrder([node]).some((inner) => trainable.includes(inner));
  const wanted = [...rows.keys()].filter((i) => learns(rows[i]!)); // not the teacher's
  let total: LanguageLoss | undefined;
  let done: readonly Node[] = [];
  for (const [start, end] of parts(shapeOf(rows[0]!)[0]!, vocabulary, most)) {
    const take = (x: Node) => slice(x, 0, start, end);
    const own = rows.map((x) => after(take(x), ...done));
    const part = lossOf(own, others.map(asRows).map(take));
    const ends = new Set(own);
    const reached = new Set(topologicalOrder([part.loss], ends));
    const wrt = [
      ...wanted.map((i) => own[i]!),
      ...trainable.filter((node) => reached.has(node)),
    ];
    // Gradients wait for the losses too: with them, the part's logits have served.
    const slopes = pullBack(part.loss, scalar(1), wrt, ends)
      .map((slope) => after(slope, ...Object.values(part)));
    done = slopes;
    const known = { ...part, loss: withGradient(part.loss, wrt, slopes) };
    total = total ? sum(total, known) : known;
  }
  const places = shapeOf(others[0]!);
  return { ...total!, tokenLosses: reshape(total!.tokenLosses, places) };
}

function sum(a: LanguageLoss, b: LanguageLoss): LanguageLoss {
  return {
    loss: add(a.loss, b.loss),
    crossEntropy: add(a.crossEntropy, b.crossEntropy),
    tokenLosses: concat([a.tokenLosses, b.tokenLosses], 0),
    ...(a.distill && b.distill ? { distill: add(a.distill, b.distill) } : {}),
  };
}

/**
 * Negative log-likelihood in nats of each target, `[B, T]`; no gradient is meant to be taken of it.
 *
 * @param head rows `[R, D]` to logits `[R, V]`
 * @param hiddenStates `[B, T, D]`
 * @param targets int32 `[B, T]`
 */
export function lossesInParts(
  head: (rows: Node) => Node,
  hiddenStates: Node,
  targets: Node,
  vocabulary: number,
  most: PartSize = PART,
): Node {
  const rows = asRows(hiddenStates);
  const losses: Node[] = [];
  for (const [start, end] of parts(sizeOf(shapeOf(targets)), vocabulary, most)) {
    const before = losses.at(-1);
    const own = slice(rows, 0, start, end);
    const logits = head(before ? after(own, before) : own);
    losses.push(crossEntropy(logits, slice(asRows(targets), 0, start, end)));
  }
  return reshape(concat(losses, 0), shapeOf(targets));
}
