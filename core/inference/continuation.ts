/**
 * Continuing texts token by token with a cache: a prompt is read once, in pieces where it is long, and
 * then every step reads one token of each text and what was kept of those before it.
 */

import { type FloatTensor, RandomStream } from "../tensor/mod.ts";
import { type TextCache } from "./cache.ts";
import { gatesAt, lastGates, routingOf } from "./inference_model.ts";
import { type PassSizes } from "./pass_graph.ts";
import { type Passes, type PassOutputs } from "./passes.ts";
import { GREEDY, sampleToken, type SamplingOptions } from "./sampling.ts";

/** How texts are continued. */
export interface ContinuationOptions {
  /** Tokens that are written to each text at most. */
  readonly maxTokens: number;
  /** Whether a text is over, given all that was written to it; unless told, never. */
  readonly isOver?: (text: number, made: readonly number[]) => boolean;
  /** How tokens are chosen; the likeliest unless told. */
  readonly sampling?: SamplingOptions | undefined;
  /** Draws the tokens; of each text from a stream of its own. */
  readonly seed?: number | undefined;
  /** Tokens of a prompt that are read at once. */
  readonly chunk?: number | undefined;
}

/** A token that was written. */
export interface WrittenToken {
  /** Which text it continues. */
  readonly text: number;
  readonly token: number;
  /**
   * Gates of the token before it, which it was written after: `[L']`, under a router. The first one's
   * are those of the prompt's last token.
   */
  readonly gates?: Float32Array | undefined;
}

/** Tokens of a prompt that are read at once, unless told. */
const CHUNK = 512;

/** Sizes that all passes have which read one token of each of so many texts. */
export function stepSizes(texts: number): Partial<PassSizes> {
  return texts === 1 ? { batch: 1, length: 1, rows: 1 } : { length: 1 };
}

/** Makes the program of the steps that so many texts are continued by ahead of its first use. */
export async function prepareContinuation(passes: Passes, texts: number): Promise<void> {
  await passes.prepare({
    past: "own",
    answers: "logits",
    keepsMemory: true,
    sizes: stepSizes(texts),
  });
}

/**
 * Continues prompts, none of them empty, until each is over: yields the tokens of each step together.
 *
 * @param prompts each with `maxTokens` no longer than the model reads
 */
export async function* continueTexts(
  passes: Passes,
  prompts: readonly Int32Array[],
  { maxTokens, isOver, sampling = GREEDY, seed = 0, chunk = CHUNK }: ContinuationOptions,
): AsyncGenerator<readonly WrittenToken[]> {
  const made = prompts.map((): number[] => []);
  const streams = prompts.map((_, text) => new RandomStream(seed, "continuation", text));
  let open = prompts.map((_, text) => text);
  const sizes = stepSizes(prompts.length);
  const read = await readPrompts(passes, prompts, chunk);
  using cache = read.cache;
  let { answers, decided } = read;
  for (let step = 0; step < maxTokens && open.length > 0; step++) {
    const written = open.map((text, row): WrittenToken => {
      const { logits, place, gates } = answers[row]!;
      const token = sampleToken(logits, place, sampling, streams[text]!);
      made[text]!.push(token);
      return { text, token, gates };
    });
    yield written;
    const staying = open.keys().filter((row) => !isOver?.(open[row]!, made[open[row]!]!)).toArray();
    if (staying.length < open.length) {
      open = staying.map((row) => open[row]!);
      decided = decided && staying.map((row) => decided![row]!);
      await cache.select(staying);
    }
    if (step + 1 === maxTokens || open.length === 0) return;
    const last = open.map((text) => made[text]!.at(-1)!);
    const outputs = await readOne(passes, cache, last, decided, sizes);
    answers = open.map((_, row) => answerOf(outputs, row, row, 0));
  }
}

/** Reads one more token of each text of a cache. */
export async function readOne(
  passes: Passes,
  cache: TextCache,
  tokens: readonly number[],
  decided: readonly Float32Array[] | undefined,
  sizes: Partial<PassSizes>,
): Promise<PassOutputs> {
  const { outputs, memory } = await passes.runKeeping({
    sequences: tokens.map((token) => Int32Array.of(token)),
    rows: tokens.map((_, row) => [row, 0] as const),
    answers: "logits",
    earlier: { memory: cache.memory, lengths: cache.lengths, shared: false, gates: decided },
    sizes,
  });
  await cache.append(memory, tokens.map(() => 1));
  return outputs;
}

/** What is known after the last token of a text. */
interface Answer {
  readonly logits: PassOutputs[string];
  /** The row of the logits. */
  readonly place: number;
  readonly gates: Float32Array | undefined;
}

function answerOf(outputs: PassOutputs, place: number, row: number, token: number): Answer {
  const gates = outputs["gates"] as FloatTensor | undefined;
  return {
    logits: outputs["logits"]!,
    place,
    gates: gates && gatesAt(gates, row * gates.shape[1]! + token),
  };
}

/** Prompts, read. */
export interface ReadPrompts {
  readonly cache: TextCache;
  readonly answers: Answer[];
  /** What a router that decides for whole sequences has decided, for each. */
  readonly decided: Float32Array[] | undefined;
}

/** Reads prompts in pieces of `chunk` tokens, which changes no number by more than rounding. */
export async function readPrompts(
  passes: Passes,
  prompts: readonly Int32Array[],
  chunk = CHUNK,
): Promise<ReadPrompts> {
  const { promptTokens } = routingOf(passes.model);
  // A router that decides from the prompt has to see all that it decides from.
  const size = Math.max(chunk, promptTokens + 1);
  using opening = new DisposableStack();
  const cache = opening.use(passes.openCache(prompts.length));
  const answers = new Array<Answer>(prompts.length);
  let decided: Float32Array[] | undefined;
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  for (let start = 0; start < longest; start += size) {
    const sequences = prompts.map((prompt) => prompt.subarray(start, start + size));
    const ending = prompts.keys()
      .filter((text) => sequences[text]!.length > 0 && prompts[text]!.length <= start + size)
      .toArray();
    const { outputs, memory } = await passes.runKeeping({
      sequences,
      rows: ending.map((text) => [text, sequences[text]!.length - 1] as const),
      answers: "logits",
      // Nothing earlier is no tokens earlier: the program that reads a prompt is the one that goes on
      // from it. Not where a router has to decide first.
      ...(start === 0 && promptTokens > 0 ? {} : {
        earlier: { memory: cache.memory, lengths: cache.lengths, shared: false, gates: decided },
      }),
    });
    ending.forEach((text, place) => {
      answers[text] = answerOf(outputs, place, text, sequences[text]!.length - 1);
    });
    if (start === 0 && promptTokens > 0) decided = lastGates(outputs["gates"]!, sequences);
    await cache.append(memory, sequences.map((own) => own.length));
  }
  opening.move();
  return { cache, answers, decided };
}
