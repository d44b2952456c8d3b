/**
 * In what order and company sequences are computed: equal ones once, those that begin alike after one
 * computation of their common beginning, and the rest by length, so that little is padding.
 */

import { type ScoredSequence } from "./sequences.ts";

/** An input, and everything that is asked about it. */
export interface PlannedInput {
  readonly input: Int32Array;
  /** The sequences that read it, by their places in the list that was planned. */
  readonly asked: readonly number[];
}

/** Inputs that begin alike. */
export interface PrefixGroup {
  /** How many leading tokens they share and are computed once; 0: none. */
  readonly prefix: number;
  readonly inputs: readonly PlannedInput[];
}

/** Beginnings shorter than this are not worth a pass of their own. */
export const SHORTEST_PREFIX = 24;

/**
 * Groups sequences by what they begin with. Every group keeps at least one token of each input
 * outside its prefix, and all that are scored.
 *
 * @param shares whether beginnings may be shared at all
 * @param shortest the shortest beginning that may be shared
 */
export function planGroups(
  sequences: readonly ScoredSequence[],
  shares: boolean,
  shortest: number,
): PrefixGroup[] {
  const inputs = distinctInputs(sequences);
  if (!shares) return [{ prefix: 0, inputs: inputs.map(({ planned }) => planned) }];
  const single: PlannedInput[] = [];
  const groups: PrefixGroup[] = [];
  let members: typeof inputs = [];
  let common = 0;
  const close = () => {
    if (members.length > 1 && common >= shortest) {
      groups.push({ prefix: common, inputs: members.map(({ planned }) => planned) });
    } else single.push(...members.map(({ planned }) => planned));
  };
  for (const next of inputs) {
    const last = members.at(-1);
    const shared = last
      ? Math.min(sharedLength(last.planned.input, next.planned.input), next.free)
      : 0;
    const joined = Math.min(members.length > 1 ? common : last?.free ?? 0, shared);
    // Joining gives up what the prefix loses for each member, and saves the new one's prefix.
    const saves = members.length * joined - (members.length - 1) * common;
    if (last && joined >= shortest && saves > 0) {
      members.push(next);
      common = joined;
    } else {
      close();
      members = [next];
      common = 0;
    }
  }
  close();
  return single.length > 0 ? [...groups, { prefix: 0, inputs: single }] : groups;
}

/** Inputs in the order of their tokens, each once, with how much of it nobody scores. */
function distinctInputs(sequences: readonly ScoredSequence[]) {
  const order = sequences.map((_, place) => place)
    .sort((a, b) => compareTokens(sequences[a]!.input, sequences[b]!.input));
  const inputs: { planned: PlannedInput & { asked: number[] }; free: number }[] = [];
  for (const place of order) {
    const { input, targets } = sequences[place]!;
    const free = input.length - targets.length;
    const last = inputs.at(-1);
    if (last && compareTokens(last.planned.input, input) === 0) {
      last.planned.asked.push(place);
      last.free = Math.min(last.free, free);
    } else inputs.push({ planned: { input, asked: [place] }, free });
  }
  return inputs;
}

function sharedLength(a: Int32Array, b: Int32Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

function compareTokens(a: Int32Array, b: Int32Array): number {
  const shared = sharedLength(a, b);
  return shared < a.length && shared < b.length ? a[shared]! - b[shared]! : a.length - b.length;
}

/**
 * Cuts a group into batches of about `tokens` tokens, longest inputs first.
 *
 * @param rows the most inputs of a batch
 */
export function planBatches(
  { prefix, inputs }: PrefixGroup,
  tokens: number,
  rows: number,
): PlannedInput[][] {
  const sorted = [...inputs].sort((a, b) => b.input.length - a.input.length);
  const batches: PlannedInput[][] = [];
  for (let start = 0; start < sorted.length;) {
    const fitting = Math.max(1, Math.floor(tokens / (sorted[start]!.input.length - prefix)));
    const count = Math.min(fitting, rows, sorted.length - start);
    batches.push(sorted.slice(start, start + count));
    start += count;
  }
  return batches;
}
