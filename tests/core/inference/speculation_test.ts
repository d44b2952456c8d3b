/** Speculative decoding writes what full depth alone would, whatever the router drafts. */

import assert from "node:assert/strict";
import { type Backend } from "../../../core/contracts/mod.ts";
import {
  continueSpeculatively,
  continueTexts,
  noCounts,
  Passes,
  type SpeculationOptions,
} from "../../../core/inference/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { ROUTER_NAMES, type RouterName } from "../eval/support.ts";
import { tinyModel } from "../eval/scoring/support.ts";
import { collect, promptsOf, writtenAnew } from "./support.ts";

const BACKENDS: readonly [string, () => Backend][] = [
  ["reference", () => referenceBackend()],
  ["onnx", () => onnxBackend({ threads: 1 })],
];

/** Passes of the routed model and of the same at full depth. */
function passesOn(backend: Backend, router: RouterName, threshold = 0.1) {
  const model = { ...tinyModel("routed", router), backend };
  const point = { threshold, targetSkip: 0.4 };
  const draft = new Passes({ ...model, point });
  return { draft, full: draft.fullDepth(), alone: new Passes({ ...model, depth: "fullDepth" }) };
}

type Opened = ReturnType<typeof passesOn>;

async function speculate(
  { draft, full }: Pick<Opened, "draft" | "full">,
  prompts: readonly Int32Array[],
  options: Partial<SpeculationOptions> = {},
) {
  const counts = noCounts();
  const steps = continueSpeculatively(draft, full, prompts, {
    maxTokens: 12,
    draftTokens: 4,
    counts,
    ...options,
  });
  return { ...await collect(steps, prompts.length), counts };
}

const greedy = async (passes: Passes, prompts: readonly Int32Array[], maxTokens = 12) =>
  (await collect(continueTexts(passes, prompts, { maxTokens }), prompts.length)).tokens;

for (const [name, make] of BACKENDS) {
  for (const router of ROUTER_NAMES) {
    Deno.test(`${name}, drafted by ${router}, the text is that of full depth`, async () => {
      await using backend = make();
      const passes = passesOn(backend, router);
      await using alone = passes.alone;
      await using _ = passes.draft;
      const prompts = promptsOf(5, 1, 11);
      const expected = await greedy(alone, prompts);
      for (const draftTokens of [1, 2, 4, 7]) {
        const { tokens } = await speculate(passes, prompts, { draftTokens, chunk: 4 });
        assert.deepEqual(tokens, expected, `${draftTokens} drafted`);
      }
    });
  }
}

/** Runs `body` with passes in float64. */
async function withPasses(
  router: RouterName,
  body: (passes: Opened) => Promise<void>,
  threshold?: number,
): Promise<void> {
  await using backend = referenceBackend();
  const passes = passesOn(backend, router, threshold);
  await using _alone = passes.alone;
  await using _draft = passes.draft;
  await body(passes);
}

Deno.test("the text is that of reading everything anew at full depth", () =>
  withPasses("token-gumbel", async (passes) => {
    const [prompt] = promptsOf(6) as [Int32Array];
    const { tokens } = await speculate(passes, [prompt]);
    assert.deepEqual(tokens[0], await writtenAnew(passes.alone, prompt, 12));
  }));

Deno.test("a limit that cuts a draft cuts the text there, for one prompt and for several", () =>
  withPasses("token-gumbel", async (passes) => {
    for (const prompts of [promptsOf(5), promptsOf(5, 2, 8)]) {
      const expected = await greedy(passes.alone, prompts, 10);
      for (let maxTokens = 1; maxTokens <= 10; maxTokens++) {
        const { tokens } = await speculate(passes, prompts, { maxTokens });
        assert.deepEqual(tokens, expected.map((own) => own.slice(0, maxTokens)));
      }
    }
  }));

Deno.test("a text that is over in the middle of a draft ends there, and the others go on", () =>
  withPasses("static", async (passes) => {
    const prompts = promptsOf(5, 2, 8);
    const expected = await greedy(passes.alone, prompts);
    // Nothing is skipped, so every draft is accepted: each end is in the middle of one.
    for (const ends of [[3, 12, 7], [1, 4, 2], [12, 8, 12]]) {
      const seen: number[][] = [];
      const { tokens } = await speculate(passes, prompts, {
        isOver: (text, made) => {
          seen.push([text, ...made]);
          return made.length === ends[text];
        },
      });
      const wanted = expected.map((own, text) => own.slice(0, ends[text]));
      assert.deepEqual(tokens, wanted);
      // It is asked about every beginning of every text once.
      const beginnings = wanted.flatMap((own, text) =>
        own.map((_, i) => [text, ...own.slice(0, i + 1)])
      );
      const sorted = (lists: readonly number[][]) => lists.map(String).sort();
      assert.deepEqual(
        sorted(seen),
        sorted(beginnings.filter(([, ...own]) => own.length < 12)),
      );
    }
  }));

Deno.test("a draft that skips nothing is accepted whole: five tokens a pass", () =>
  withPasses("token-gumbel", async (passes) => {
    const { counts, steps } = await speculate(passes, promptsOf(5), { maxTokens: 16 });
    assert.deepEqual(counts, { drafted: 12, accepted: 12, passes: 3 });
    assert.deepEqual(steps, [1, 5, 5, 5]);
  }, -Infinity));

Deno.test("counts add up to the text: what was accepted, and one more for each text and pass", () =>
  withPasses("token-gumbel", async (passes) => {
    const all = noCounts();
    for (const prompt of promptsOf(3, 4, 5, 6, 7, 8)) {
      for (const draftTokens of [1, 3]) {
        const { counts, tokens, steps } = await speculate(passes, [prompt], { draftTokens });
        assert.equal(tokens[0]!.length, 12);
        assert.equal(steps.length, 1 + counts.passes);
        assert.equal(1 + counts.accepted + counts.passes, 12);
        assert.ok(
          counts.accepted <= counts.drafted && counts.drafted <= draftTokens * counts.passes,
        );
        for (const key of ["drafted", "accepted", "passes"] as const) all[key] += counts[key];
      }
    }
    // The router does skip, and is right at times.
    assert.ok(all.accepted > 0 && all.accepted < all.drafted, JSON.stringify(all));
  }));

Deno.test("it drafts no further than the model reads, though another text has further to go", () =>
  withPasses("token-gumbel", async (passes) => {
    for (let long = 4; long <= 24; long += 4) {
      const prompts = promptsOf(long, 3, 4, 5);
      const maxTokens = 32 - long;
      const { tokens } = await speculate(passes, prompts, { maxTokens, draftTokens: 7 });
      assert.deepEqual(tokens, await greedy(passes.alone, prompts, maxTokens));
    }
  }));

Deno.test("what was decided for a text is drafted with to its end, whichever others end before", () =>
  withPasses("sequence-gumbel", async (passes) => {
    const prompts = promptsOf(5, 4, 11, 8);
    const ends = [2, 12, 5, 12];
    const { gates } = await speculate(passes, prompts, {
      draftTokens: 2,
      isOver: (text, made) => made.length === ends[text],
    });
    const decisions: string[] = [];
    for (const [text, prompt] of prompts.entries()) {
      const { gates: [expected] } = await collect(
        continueTexts(passes.draft, [prompt], { maxTokens: 1 }),
        1,
      );
      decisions.push(String(expected![0]));
      const told = gates[text]!.filter((own) => own !== undefined).map(String);
      assert.ok(told.length > 0);
      assert.deepEqual([...new Set(told)], [decisions[text]], `text ${text}`);
    }
    assert.ok(decisions[0] !== decisions[1] || decisions[2] !== decisions[3], String(decisions));
  }));

Deno.test("drafted tokens carry the gates that they were drafted with, others none", () =>
  withPasses("static without a layer", async (passes) => {
    const { gates, counts } = await speculate(passes, promptsOf(5), { draftTokens: 2 });
    assert.equal(gates[0]![0], undefined);
    const told = gates[0]!.filter((own) => own !== undefined);
    assert.ok(told.length >= counts.accepted && counts.accepted > 0);
    assert.ok(told.every((own) => String(own) === "1,0,1"));
  }));
