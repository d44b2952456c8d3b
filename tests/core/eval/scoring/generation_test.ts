/** Greedy generation: with the cache as without it, and where it stops. */

import assert from "node:assert/strict";
import {
  generateGreedily,
  type ScoredSequence,
  scoreSequences,
} from "../../../../core/eval/scoring/mod.ts";
import { Passes } from "../../../../core/inference/mod.ts";
import { type Tokenizer } from "../../../../core/io/mod.ts";
import { MODEL } from "../../../support/tiny_student.ts";
import { type RouterName } from "../support.ts";
import { drawTokens, passesOf, tinyModel } from "./support.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz012345";

/** A letter for each token. */
const tokenizer = (eosId?: number): Tokenizer => ({
  vocabSize: LETTERS.length,
  bosId: undefined,
  eosId,
  padId: undefined,
  encode: (text) => Int32Array.from(text, (letter) => LETTERS.indexOf(letter)),
  decode: (ids, { keepSpecial = false } = {}) =>
    Array.from(ids, (id) => id === eosId ? (keepSpecial ? "</s>" : "") : LETTERS[id]).join(""),
  offsets: () => assert.fail("nobody asks for offsets"),
});

/** The token after which nothing is likelier, found by scoring every one. */
async function next(passes: Passes, tokens: readonly number[]): Promise<number> {
  const asked = Array.from({ length: MODEL.dims.vocabSize }, (_, id): ScoredSequence => ({
    input: Int32Array.from(tokens),
    targets: Int32Array.of(id),
  }));
  return (await scoreSequences(passes, asked)).findIndex(({ isGreedy }) => isGreedy);
}

async function written(passes: Passes, prompt: readonly number[], count: number) {
  const tokens = [...prompt];
  while (tokens.length < prompt.length + count) tokens.push(await next(passes, tokens));
  return tokens.slice(prompt.length);
}

const PROMPTS = [drawTokens(9, 1), drawTokens(3, 2), drawTokens(12, 3)];
const ids = (prompts: readonly number[][]) => prompts.map((prompt) => Int32Array.from(prompt));

const cases: (readonly [string, RouterName | undefined])[] = [
  ["at full depth", undefined],
  ["routed per token", "token-gumbel"],
  ["routed per sequence", "sequence-gumbel"],
  ["without a layer", "static without a layer"],
];

for (const [name, router] of cases) {
  Deno.test(`${name}, prompts together and with a cache are continued as each without one`, async () => {
    await using passes = passesOf(router ? "routed" : "fullDepth", router);
    const limits = { until: [], maxTokens: 8 };
    const texts = await generateGreedily(passes, tokenizer(), ids(PROMPTS), limits);
    for (const [i, prompt] of PROMPTS.entries()) {
      assert.equal(texts[i], tokenizer().decode(await written(passes, prompt, 8)));
    }
  });
}

Deno.test("a text ends before its stop string, or at the end token, whatever the others do", async () => {
  await using passes = new Passes(tinyModel("base"));
  const limits = { until: [] as string[], maxTokens: 10 };
  const [long, , other] = await generateGreedily(passes, tokenizer(), ids(PROMPTS), limits);
  const stop = long!.slice(4, 6);
  const until = [stop];
  const [cut, , same] = await generateGreedily(passes, tokenizer(), ids(PROMPTS), {
    ...limits,
    until,
  });
  assert.equal(cut, long!.slice(0, long!.indexOf(stop)));
  assert.equal(same, other!.includes(stop) ? other!.slice(0, other!.indexOf(stop)) : other);
  const end = LETTERS.indexOf(long![5]!);
  const [ended] = await generateGreedily(passes, tokenizer(end), ids(PROMPTS), limits);
  assert.equal(ended, long!.slice(0, long!.indexOf(long![5]!)));
});
