/** Puts a task's requests to a model and brings the answers back in order. */

import { type TaskAnswer, type TaskRequest, UserError } from "../../contracts/mod.ts";
import { type Passes } from "../../inference/mod.ts";
import {
  type Encoder,
  generateGreedily,
  type ScoredSequence,
  scoreSequences,
  type ScoringOptions,
} from "../scoring/mod.ts";

type Generate = Extract<TaskRequest, { kind: "generate" }>;

/** Prompts that are continued together, unless told. */
const PROMPTS_TOGETHER = 8;

/** How requests are put. */
export interface AskOptions extends ScoringOptions {
  /** Where the request at a place is from, for messages. */
  readonly whereIs: (place: number) => string;
}

/** Answers, and the places of the requests whose beginning did not fit into the model. */
export interface Answers {
  readonly answers: readonly TaskAnswer[];
  readonly cut: readonly number[];
}

/**
 * Answers to requests, in their order. `onDone` is told of requests, not of sequences.
 *
 * @throws {UserError} for a request that the model cannot read, with where it is from.
 */
export async function askRequests(
  passes: Passes,
  encoder: Encoder,
  requests: readonly TaskRequest[],
  options: AskOptions,
): Promise<Answers> {
  const all: { answers: TaskAnswer[]; cut: number[] } = { answers: [], cut: [] };
  await scoreRequests(passes, encoder, requests, options, all);
  await continueRequests(passes, encoder, requests, options, all);
  return all;
}

/** What `encode` gives; its errors say where the request is from. */
function located<T>(place: number, { whereIs }: AskOptions, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${whereIs(place)}: ${error.message}`);
    throw error;
  }
}

/** Answers everything that is a matter of likelihood. */
async function scoreRequests(
  passes: Passes,
  encoder: Encoder,
  requests: readonly TaskRequest[],
  options: AskOptions,
  { answers, cut }: { answers: TaskAnswer[]; cut: number[] },
): Promise<void> {
  const sequences: ScoredSequence[] = [];
  const owners: { place: number; start: number; end: number }[] = [];
  requests.forEach((request, place) => {
    if (request.kind === "generate") return;
    const own = located(
      place,
      options,
      () =>
        request.kind === "rolling"
          ? encoder.windows(request.text)
          : [encoder.pair(request.context, request.continuation)],
    );
    if (own.some(({ lost = 0 }) => lost > 0)) cut.push(place);
    owners.push({ place, start: sequences.length, end: sequences.length + own.length });
    sequences.push(...own);
  });
  if (owners.length === 0) return;
  const scores = await scoreSequences(passes, sequences, {
    ...options,
    onDone: inRequests(options.onDone, owners.length, sequences.length),
  });
  for (const { place, start, end } of owners) {
    const own = scores.slice(start, end);
    const logLikelihood = own.reduce((sum, score) => sum + score.logLikelihood, 0);
    answers[place] = requests[place]!.kind === "rolling"
      ? { kind: "rolling", logLikelihood }
      : { kind: "loglikelihood", logLikelihood, isGreedy: own[0]!.isGreedy };
  }
}

/** Tells of whole requests while sequences are counted, and in the end of all of them. */
function inRequests(
  onDone: ScoringOptions["onDone"],
  requests: number,
  sequences: number,
): (count: number) => void {
  let [done, told] = [0, 0];
  return (count) => {
    done += count;
    const now = Math.floor(done * requests / sequences);
    onDone?.(now - told);
    told = now;
  };
}

/** Continues prompts, those of like length and like limits together. */
async function continueRequests(
  passes: Passes,
  encoder: Encoder,
  requests: readonly TaskRequest[],
  options: AskOptions,
  { answers, cut }: { answers: TaskAnswer[]; cut: number[] },
): Promise<void> {
  const { batchSize = PROMPTS_TOGETHER, onDone } = options;
  const prompts = requests.flatMap((request, place) => {
    if (request.kind !== "generate") return [];
    const { context, maxTokens } = request;
    const { ids, lost } = located(place, options, () => encoder.prompt(context, maxTokens));
    if (lost > 0) cut.push(place);
    return [{ place, request, ids }];
  });
  const kinds = Map.groupBy(prompts, ({ request }) => limitsOf(request));
  for (const alike of kinds.values()) {
    alike.sort((a, b) => b.ids.length - a.ids.length);
    for (let start = 0; start < alike.length; start += batchSize) {
      const batch = alike.slice(start, start + batchSize);
      const { tokenizer } = encoder.encoding;
      const ids = batch.map((prompt) => prompt.ids);
      const texts = await generateGreedily(passes, tokenizer, ids, batch[0]!.request);
      batch.forEach(({ place }, i) => answers[place] = { kind: "generate", text: texts[i]! });
      onDone?.(batch.length);
    }
  }
}

function limitsOf({ until, maxTokens }: Generate): string {
  return JSON.stringify([until, maxTokens]);
}
