/** What a model writes after prompts, as text, up to stop strings. */

import { continueTexts, type Passes } from "../../inference/mod.ts";
import { type Tokenizer } from "../../io/mod.ts";

/** When a continuation is over, besides at the end token. */
export interface GenerationLimits {
  /** At the first of these strings, which is cut off. */
  readonly until: readonly string[];
  /** After so many tokens. */
  readonly maxTokens: number;
}

/**
 * The greedy continuation of each prompt, as text without special tokens, cut at the first place of
 * each stop string in turn.
 *
 * @param prompts token ids; each with `maxTokens` no longer than the model reads
 */
export async function generateGreedily(
  passes: Passes,
  tokenizer: Tokenizer,
  prompts: readonly Int32Array[],
  { until, maxTokens }: GenerationLimits,
): Promise<string[]> {
  const stops = [...until];
  const end = tokenizer.eosId;
  if (end !== undefined) {
    const text = tokenizer.decode([end], { keepSpecial: true });
    if (text !== "" && !stops.includes(text)) stops.push(text);
  }
  const isOver = (_text: number, made: readonly number[]) =>
    made.at(-1) === end || stops.some((stop) => tailOf(tokenizer, made, stop).includes(stop));
  const lines = prompts.map((): number[] => []);
  for await (const written of continueTexts(passes, prompts, { maxTokens, isOver })) {
    for (const { text, token } of written) lines[text]!.push(token);
  }
  return lines.map((made) => {
    let text = tokenizer.decode(made);
    for (const stop of stops) {
      const at = stop === "" ? -1 : text.indexOf(stop);
      if (at >= 0) text = text.slice(0, at);
    }
    return text;
  });
}

/** The text of the last tokens: as many as could hold the stop string. */
function tailOf(tokenizer: Tokenizer, made: readonly number[], stop: string): string {
  const count = Buffer.byteLength(stop) + 2;
  return tokenizer.decode(made.slice(-count), { keepSpecial: true });
}
