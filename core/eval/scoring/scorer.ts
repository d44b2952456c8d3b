/** How likely sequences are: planned, computed in batches, given back in the order of the asking. */

import { type Earlier, gatesAt, type Passes, routingOf } from "../../inference/mod.ts";
import {
  planBatches,
  planGroups,
  type PlannedInput,
  type PrefixGroup,
  SHORTEST_PREFIX,
} from "./plan.ts";
import { type ScoredSequence } from "./sequences.ts";

/** How likely a sequence's targets are. */
export interface SequenceScore {
  /** In nats, summed over the targets. */
  readonly logLikelihood: number;
  /** Whether no target had a likelier token beside it. */
  readonly isGreedy: boolean;
}

/** How sequences are computed. Neither changes a number by more than rounding. */
export interface ScoringOptions {
  /** Sequences computed together; unless told, as many as make about 2,048 tokens. */
  readonly batchSize?: number | undefined;
  /** Whether a common beginning is computed once; it is unless told. */
  readonly sharesPrefixes?: boolean | undefined;
  /** Told how many more sequences are done. */
  readonly onDone?: ((count: number) => void) | undefined;
}

const BATCH_TOKENS = 2048;
const MOST_SEQUENCES = 256;

/** Scores sequences; the scores are in their order. */
export async function scoreSequences(
  passes: Passes,
  sequences: readonly ScoredSequence[],
  { batchSize, sharesPrefixes = true, onDone }: ScoringOptions = {},
): Promise<SequenceScore[]> {
  const scores: SequenceScore[] = [];
  // A router that decides from a prompt has to have seen all of it.
  const routing = routingOf(passes.model);
  const shortest = Math.max(SHORTEST_PREFIX, routing.promptTokens + 1);
  const shares = sharesPrefixes && routing.sharesPrefixes;
  for (const group of planGroups(sequences, shares, shortest)) {
    const earlier = await runPrefix(passes, group);
    const budget = batchSize === undefined ? BATCH_TOKENS : Infinity;
    for (const batch of planBatches(group, budget, batchSize ?? MOST_SEQUENCES)) {
      const done = await runBatch(passes, sequences, batch, group.prefix, earlier, scores);
      onDone?.(done);
    }
  }
  return scores;
}

/** Computes what a group begins with. */
async function runPrefix(
  passes: Passes,
  { prefix, inputs }: PrefixGroup,
): Promise<Earlier | undefined> {
  if (prefix === 0) return undefined;
  const { gates, ...memory } = await passes.run({
    sequences: [inputs[0]!.input.subarray(0, prefix)],
    keepsMemory: true,
  });
  return {
    memory,
    lengths: [prefix],
    shared: true,
    ...(gates ? { gates: [gatesAt(gates, prefix - 1)] } : {}),
  };
}

/** Computes one batch and notes its scores; the number of sequences that are done with it. */
async function runBatch(
  passes: Passes,
  sequences: readonly ScoredSequence[],
  inputs: readonly PlannedInput[],
  prefix: number,
  earlier: Earlier | undefined,
  scores: SequenceScore[],
): Promise<number> {
  const rows: [number, number][] = [];
  const targets: number[] = [];
  const spans: { place: number; start: number; end: number }[] = [];
  inputs.forEach(({ input, asked }, row) => {
    for (const place of asked) {
      const wanted = sequences[place]!.targets;
      const first = input.length - prefix - wanted.length;
      spans.push({ place, start: rows.length, end: rows.length + wanted.length });
      wanted.forEach((target, i) => {
        rows.push([row, first + i]);
        targets.push(target);
      });
    }
  });
  const { states } = await passes.run({
    sequences: inputs.map(({ input }) => input.subarray(prefix)),
    rows,
    answers: "states",
    earlier,
  });
  const { losses, better } = await passes.score(states!, targets);
  for (const { place, start, end } of spans) {
    let logLikelihood = 0;
    let isGreedy = true;
    for (let i = start; i < end; i++) {
      logLikelihood -= losses[i]!;
      isGreedy &&= better[i] === 0;
    }
    scores[place] = { logLikelihood, isGreedy };
  }
  return spans.length;
}
