/**
 * Speculative decoding (Leviathan et al. 2022, arXiv 2211.17192; with skipped layers as the draft:
 * Elhoushi et al. 2024, LayerSkip, arXiv 2404.16710), greedy: the routed model writes a few tokens
 * ahead, the same model at full depth reads them all in one pass and keeps what it would have written
 * itself. The text is that of full depth alone, token for token, but for ties within rounding.
 *
 * Both use one cache. What the draft has left there of its tokens is overwritten by full depth.
 */

import { type TextCache } from "./cache.ts";
import {
  type ContinuationOptions,
  readOne,
  readPrompts,
  stepSizes,
  type WrittenToken,
} from "./continuation.ts";
import { gatesAt, lastGates, routingOf } from "./inference_model.ts";
import { type Passes } from "./passes.ts";
import { likeliest } from "./sampling.ts";

/** How texts are continued speculatively. */
export interface SpeculationOptions
  extends Pick<ContinuationOptions, "maxTokens" | "isOver" | "chunk"> {
  /** Tokens that are drafted for each pass at full depth. */
  readonly draftTokens: number;
  /** Where to count; made anew unless given. */
  readonly counts?: SpeculationCounts | undefined;
}

/** What speculating came to. */
export interface SpeculationCounts {
  /** Tokens that were drafted. */
  drafted: number;
  /** Those of them that full depth agreed with. */
  accepted: number;
  /** Passes at full depth after the prompts were read. */
  passes: number;
}

/** Nothing counted yet. */
export function noCounts(): SpeculationCounts {
  return { drafted: 0, accepted: 0, passes: 0 };
}

/** A text that is being written. */
interface Line {
  readonly text: number;
  readonly made: number[];
  /** Whether nothing more is written to it. */
  over: boolean;
}

/**
 * Continues prompts, none of them empty: yields what each pass at full depth has confirmed.
 *
 * @param draft passes of the routed model
 * @param full passes of the same model at full depth
 */
export async function* continueSpeculatively(
  draft: Passes,
  full: Passes,
  prompts: readonly Int32Array[],
  options: SpeculationOptions,
): AsyncGenerator<readonly WrittenToken[]> {
  const { maxTokens, isOver, draftTokens, chunk, counts = noCounts() } = options;
  const { maxPositions } = full.model.student.model.dims;
  const { answers, ...read } = await readPrompts(full, prompts, chunk);
  using cache = read.cache;
  const decided = await decideAhead(draft, prompts);
  const sizes = stepSizes(prompts.length);
  const lines = prompts.map((_, text): Line => ({ text, made: [], over: false }));

  const add = (line: Line, token: number, gates?: Float32Array): WrittenToken => {
    line.made.push(token);
    line.over = line.made.length === maxTokens || isOver?.(line.text, line.made) === true;
    return { text: line.text, token, gates };
  };
  let open = lines;
  yield lines.map((line) => {
    const { logits, place } = answers[line.text]!;
    return add(line, likeliest(logits, place));
  });
  for (;;) {
    const staying = open.keys().filter((row) => !open[row]!.over).toArray();
    if (staying.length === 0) return;
    if (staying.length < open.length) {
      await cache.select(staying);
      decided?.splice(0, decided.length, ...staying.map((row) => decided[row]!));
      open = staying.map((row) => open[row]!);
    }
    const known = [...cache.lengths];
    const room = maxPositions - 1 - Math.max(...known);
    const left = Math.max(...open.map(({ made }) => maxTokens - made.length));
    const ahead = Math.max(0, Math.min(draftTokens, left - 1, room));
    const drafts = await draftAhead(draft, cache, open, { ahead, decided, sizes });
    known.forEach((length, row) => cache.lengths[row] = length);

    const { outputs, memory } = await full.runKeeping({
      sequences: open.map(({ made }, row) => Int32Array.of(made.at(-1)!, ...drafts[row]!.tokens)),
      rows: open.flatMap((_, row) =>
        Array.from({ length: ahead + 1 }, (_, token) => [row, token] as const)
      ),
      answers: "logits",
      earlier: { memory: cache.memory, lengths: cache.lengths, shared: false },
    });
    counts.passes++;
    const written: WrittenToken[] = [];
    const kept = open.map((line, row) => {
      let agreed = 0;
      for (; !line.over; agreed++) {
        const right = likeliest(outputs["logits"]!, row * (ahead + 1) + agreed);
        written.push(add(line, right, drafts[row]!.gates[agreed]));
        if (agreed === ahead || right !== drafts[row]!.tokens[agreed]) break;
      }
      counts.drafted += ahead;
      counts.accepted += agreed;
      return agreed + 1;
    });
    await cache.append(memory, kept);
    yield written;
  }
}

/** What a router that decides for whole sequences decides about these; undefined for others. */
async function decideAhead(draft: Passes, prompts: readonly Int32Array[]) {
  const { promptTokens } = routingOf(draft.model);
  if (promptTokens === 0) return undefined;
  const beginnings = prompts.map((prompt) => prompt.subarray(0, promptTokens + 1));
  const { gates } = await draft.run({ sequences: beginnings });
  return lastGates(gates!, beginnings);
}

/** What was drafted for a text. */
interface Draft {
  readonly tokens: number[];
  readonly gates: (Float32Array | undefined)[];
}

/** How to draft. */
interface DraftPlan {
  readonly ahead: number;
  readonly decided: readonly Float32Array[] | undefined;
  readonly sizes: ReturnType<typeof stepSizes>;
}

/** Has the routed model write `ahead` tokens to each text. Its traces stay in the cache. */
async function draftAhead(
  draft: Passes,
  cache: TextCache,
  open: readonly Line[],
  { ahead, decided, sizes }: DraftPlan,
): Promise<Draft[]> {
  const drafts = open.map((): Draft => ({ tokens: [], gates: [] }));
  for (let step = 0; step < ahead; step++) {
    const tokens = open.map(({ made }, row) => drafts[row]!.tokens.at(-1) ?? made.at(-1)!);
    const outputs = await readOne(draft, cache, tokens, decided, sizes);
    drafts.forEach(({ tokens, gates }, row) => {
      tokens.push(likeliest(outputs["logits"]!, row));
      gates.push(outputs["gates"] && gatesAt(outputs["gates"], row));
    });
  }
  return drafts;
}
