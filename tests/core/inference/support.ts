/** What the tests of continuing texts share: prompts, and what was written to them. */

import { likeliest, type Passes, type WrittenToken } from "../../../core/inference/mod.ts";
import { drawTokens } from "../eval/scoring/support.ts";

/** Prompts of these lengths, each of tokens of its own. */
export function promptsOf(...lengths: readonly number[]): Int32Array[] {
  return lengths.map((length, i) => Int32Array.from(drawTokens(length, i + 1)));
}

/** What was written to each text. */
export interface Written {
  readonly tokens: number[][];
  /** Gates of the token before each, as plain numbers. */
  readonly gates: (number[] | undefined)[][];
  /** Tokens that came at once, in order. */
  readonly steps: number[];
}

/** Runs a continuation to its end. */
export async function collect(
  steps: AsyncIterable<readonly WrittenToken[]>,
  texts: number,
): Promise<Written> {
  const written: Written = {
    tokens: Array.from({ length: texts }, () => []),
    gates: Array.from({ length: texts }, () => []),
    steps: [],
  };
  for await (const step of steps) {
    written.steps.push(step.length);
    for (const { text, token, gates } of step) {
      written.tokens[text]!.push(token);
      written.gates[text]!.push(gates && [...gates]);
    }
  }
  return written;
}

/** Greedy continuation without a cache: the whole text is read anew for every token. */
export async function writtenAnew(
  passes: Passes,
  prompt: Int32Array,
  count: number,
): Promise<number[]> {
  const tokens = [...prompt];
  for (let i = 0; i < count; i++) {
    const { logits } = await passes.run({
      sequences: [Int32Array.from(tokens)],
      rows: [[0, tokens.length - 1]],
      answers: "logits",
    });
    tokens.push(likeliest(logits!, 0));
  }
  return tokens.slice(prompt.length);
}
