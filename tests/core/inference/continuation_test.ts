/** Continuing texts: neither chunks, nor company, nor what others do changes what is written. */

import assert from "node:assert/strict";
import {
  type ContinuationOptions,
  continueTexts,
  type Passes,
  readPrompts,
} from "../../../core/inference/mod.ts";
import { type HostTensor } from "../../../core/tensor/mod.ts";
import { type RouterName } from "../eval/support.ts";
import { passesOf } from "../eval/scoring/support.ts";
import { ANCHOR_LAYERS, MODEL } from "../../support/tiny_student.ts";
import { collect, promptsOf, writtenAnew } from "./support.ts";

const CASES: (readonly [string, RouterName | undefined])[] = [
  ["at full depth", undefined],
  ["routed per token", "token-gumbel"],
  ["routed per sequence", "sequence-gumbel"],
  ["without a layer", "static without a layer"],
];
const opened = (router: RouterName | undefined) =>
  passesOf(router ? "routed" : "fullDepth", router);
const ROUTED_LAYERS = MODEL.dims.numLayers - ANCHOR_LAYERS;
/** More tokens than a prompt of a router for sequences has, fewer than one, and all of one. */
const LENGTHS = [9, 4, 12, 3];

const rowOf = ({ data, shape }: HostTensor, row: number) =>
  Array.from(data.slice(row * shape[1]!, (row + 1) * shape[1]!));

function assertNear(actual: readonly number[], expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length);
  const off = Math.max(...actual.map((x, i) => Math.abs(x - expected[i]!)));
  assert.ok(off < 1e-6, `${what}: off by ${off}`);
}

/** Logits after each prompt. */
async function logitsAfter(passes: Passes, prompts: readonly Int32Array[], chunk?: number) {
  const { answers } = await readPrompts(passes, prompts, chunk);
  return answers.map(({ logits, place }) => rowOf(logits!, place));
}

const write = (
  passes: Passes,
  prompts: readonly Int32Array[],
  options: Partial<ContinuationOptions> = {},
) => collect(continueTexts(passes, prompts, { maxTokens: 10, ...options }), prompts.length);

for (const [name, router] of CASES) {
  Deno.test(`${name}, prompts that are read in chunks give the logits and gates of one pass`, async () => {
    await using passes = opened(router);
    const prompts = promptsOf(...LENGTHS);
    for (const chunk of [1, 3, 512]) {
      const { answers, cache } = await readPrompts(passes, prompts, chunk);
      assert.deepEqual(cache.lengths, LENGTHS);
      for (const [text, prompt] of prompts.entries()) {
        const whole = await passes.run({
          sequences: [prompt],
          rows: [[0, prompt.length - 1]],
          answers: "logits",
        });
        const { logits, place, gates } = answers[text]!;
        const what = `text ${text} in chunks of ${chunk}`;
        assertNear(rowOf(logits!, place), rowOf(whole["logits"]!, 0), what);
        const last = whole["gates"]?.data.slice(-ROUTED_LAYERS);
        assert.deepEqual(gates && [...gates], last && [...last], what);
      }
    }
  });

  Deno.test(`${name}, what is written does not depend on the chunks of the prompts`, async () => {
    await using passes = opened(router);
    const prompts = promptsOf(...LENGTHS);
    const expected = await write(passes, prompts);
    assert.ok(expected.tokens.every((tokens) => tokens.length === 10));
    // Or else there would be nothing that could differ.
    const gates = new Set(expected.gates.flat(2));
    assert.deepEqual([...gates].sort(), router ? [0, 1] : [undefined]);
    for (const chunk of [1, 3]) {
      assert.deepEqual(await write(passes, prompts, { chunk }), expected);
    }
  });

  Deno.test(`${name}, it is what reading everything anew for each token would write`, async () => {
    await using passes = opened(router);
    const prompts = promptsOf(...LENGTHS);
    const { tokens } = await write(passes, prompts, { chunk: 3 });
    for (const [text, prompt] of prompts.entries()) {
      assert.deepEqual(tokens[text], await writtenAnew(passes, prompt, 10));
    }
  });

  Deno.test(`${name}, prompts of unequal length together are continued as each alone`, async () => {
    await using passes = opened(router);
    const prompts = promptsOf(1, 9, 2, 20, 3);
    const together = await write(passes, prompts, { chunk: 4 });
    const logits = await logitsAfter(passes, prompts);
    for (const [text, prompt] of prompts.entries()) {
      const alone = await write(passes, [prompt]);
      assert.deepEqual(together.tokens[text], alone.tokens[0]);
      assert.deepEqual(together.gates[text], alone.gates[0]);
      assertNear(logits[text]!, (await logitsAfter(passes, [prompt]))[0]!, `text ${text}`);
    }
  });

  Deno.test(`${name}, texts that end early do not disturb the others`, async () => {
    await using passes = opened(router);
    const prompts = promptsOf(...LENGTHS);
    const whole = await write(passes, prompts);
    const ends = [3, 10, 1, 6];
    const cut = await write(passes, prompts, {
      isOver: (text, made) => made.length === ends[text],
    });
    assert.deepEqual(cut.tokens, whole.tokens.map((tokens, i) => tokens.slice(0, ends[i])));
    assert.deepEqual(cut.gates, whole.gates.map((gates, i) => gates.slice(0, ends[i])));
    assert.deepEqual(cut.steps, [4, 3, 3, 2, 2, 2, 1, 1, 1, 1]);
  });
}

Deno.test("every token is computed once, and nothing after the last", async () => {
  await using passes = opened("token-gumbel");
  await write(passes, promptsOf(5, 8), { maxTokens: 4, chunk: 3 });
  assert.equal(passes.tokens, 5 + 8 + 2 * 3);
  assert.equal(passes.statistics!.tokens, passes.tokens);
  passes.resetCounts();
  await write(passes, promptsOf(5), { isOver: (_, made) => made.length === 1 });
  assert.equal(passes.tokens, 5);
});

Deno.test("a prompt may fill the model but for what is written", async () => {
  await using passes = opened("token-gumbel");
  const [prompt] = promptsOf(26);
  const { tokens } = await write(passes, [prompt!], { maxTokens: 6 });
  assert.deepEqual(tokens[0], await writtenAnew(passes, prompt!, 6));
});

Deno.test("drawn texts repeat with their seed, and no text's draws depend on its company", async () => {
  await using passes = opened("token-gumbel");
  const prompts = promptsOf(4, 7, 5);
  const sampling = { temperature: 1, topP: 0.95 };
  const drawn = async (seed: number, count = 3, ends = Infinity) =>
    (await write(passes, prompts.slice(0, count), {
      sampling,
      seed,
      isOver: (text, made) => text === 0 && made.length >= ends,
    })).tokens;
  const first = await drawn(1);
  assert.deepEqual(await drawn(1), first);
  assert.notDeepEqual(await drawn(2), first);
  assert.deepEqual(await drawn(1, 2), first.slice(0, 2));
  assert.deepEqual((await drawn(1, 3, 2)).slice(1), first.slice(1));
  const [one, two] =
    (await write(passes, [prompts[0]!, prompts[0]!], { sampling, seed: 1 })).tokens;
  assert.notDeepEqual(one, two, "two texts from one prompt draw each for itself");
});
