/** Writing texts: what goes where, what is said about it, and which prompts are refused. */

import assert from "node:assert/strict";
import { type Tokenizer } from "../../../core/io/mod.ts";
import { continueTexts, GREEDY, Passes } from "../../../core/inference/mod.ts";
import { depthLegend } from "../../../core/run/depth_colours.ts";
import { generate, type GenerationPlan } from "../../../core/run/generation.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { type RouterName } from "../eval/support.ts";
import { tinyModel } from "../eval/scoring/support.ts";
import { collect } from "../inference/support.ts";
import { userError } from "../io/support.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz012345";

/** A letter for each token of the tiny student; every third is followed by the end of its line. */
const tokenizer = (special: Partial<Tokenizer> = {}): Tokenizer => ({
  vocabSize: LETTERS.length,
  bosId: undefined,
  eosId: undefined,
  padId: undefined,
  encode: (text) => Int32Array.from(text.replaceAll("\n", ""), (letter) => LETTERS.indexOf(letter)),
  decode: (ids) => Array.from(ids, (id) => LETTERS[id] + (id % 3 === 0 ? "\n" : "")).join(""),
  offsets: () => assert.fail("nobody asks for offsets"),
  ...special,
});

interface Told extends Partial<GenerationPlan> {
  readonly router?: RouterName;
  readonly tokenizer?: Tokenizer;
  readonly inColour?: boolean;
}

/** Generates with the routed tiny student, and everything that was said. */
async function run({ router, tokenizer: own = tokenizer(), inColour = false, ...told }: Told = {}) {
  const writes: string[] = [];
  const notes: string[] = [];
  const plan: GenerationPlan = {
    prompts: ["house"],
    maxTokens: 8,
    sampling: GREEDY,
    seed: 0,
    showDepth: false,
    weightFormat: "float32",
    quiet: true,
    ...told,
  };
  await using backend = onnxBackend({ threads: 1 });
  const model = { ...tinyModel("routed", router), backend };
  const summary = await generate({ model, tokenizer: own }, plan, {
    write: (text) => writes.push(text),
    note: (line) => notes.push(line),
    inColour,
  });
  return { writes, notes, summary, all: writes.join("") };
}

/** What the unmerged student writes after a prompt, and how many of its four layers it ran. */
async function expected(prompt: string, maxTokens = 8) {
  await using passes = new Passes(tinyModel("routed"));
  const steps = continueTexts(passes, [tokenizer().encode(prompt)], { maxTokens });
  const { tokens, gates } = await collect(steps, 1);
  const layers = gates[0]!.map((own) => own!.reduce((sum, gate) => sum + gate, 1));
  return { tokens: tokens[0]!, layers, text: tokenizer().decode(tokens[0]!) };
}

const pieces = (ids: readonly number[]) => ids.map((id) => tokenizer().decode([id]));

Deno.test("a single prompt is written first, then token by token what comes after it", async () => {
  const { tokens, text } = await expected("house");
  const { writes, summary, notes } = await run();
  assert.deepEqual(writes, ["house", ...pieces(tokens), "\n"]);
  assert.deepEqual([summary.texts, summary.tokens], [[text], [tokens]]);
  assert.ok(summary.tokensPerSecond > 0 && Number.isFinite(summary.tokensPerSecond));
  assert.deepEqual(notes, []);
});

Deno.test("several texts come each whole after their own prompts, with a line between", async () => {
  const prompts = ["house", "q", "zebra"];
  const texts = await Promise.all(prompts.map((prompt) => expected(prompt)));
  const { all, summary } = await run({ prompts });
  assert.equal(all, prompts.map((prompt, i) => `${prompt}${texts[i]!.text}\n`).join("\n"));
  assert.deepEqual(summary.tokens, texts.map(({ tokens }) => tokens));
});

Deno.test("a text ends at the end token, which is not shown", async () => {
  const { tokens } = await expected("house");
  const end = tokens.findIndex((id, i) => i >= 2 && !tokens.slice(0, i).includes(id));
  assert.ok(end > 0);
  const { all, summary } = await run({ tokenizer: tokenizer({ eosId: tokens[end]! }) });
  assert.equal(all, `house${pieces(tokens.slice(0, end)).join("")}\n`);
  assert.deepEqual(summary.tokens, [tokens.slice(0, end + 1)]);
});

Deno.test("the first word after a prompt keeps a space that a text's own first word has not", async () => {
  const decode: Tokenizer["decode"] = (ids) =>
    Array.from(ids, (id) => ` ${LETTERS[id]}`).join("").slice(1);
  const { summary } = await run({ tokenizer: tokenizer({ decode }), maxTokens: 2 });
  assert.match(summary.texts[0]!, /^ \w \w$/);
});

Deno.test("weights in a form that the backend has not are refused with those that it has", async () => {
  await userError(
    () => run({ weightFormat: "float16" }),
    /backend onnx cannot keep matrices in float16.*--weights float32 or int4.*--backend/,
  );
  assert.equal((await run({ weightFormat: "int4" })).summary.tokens[0]!.length, 8);
});

Deno.test("a prompt that is too long is refused with its numbers, before anything is written", async () => {
  const prompts = ["house", "abcdefghijklmnopqrstuvwxyz0123"];
  await userError(
    () => run({ prompts, maxTokens: 3 }),
    /"abcdefghijklmnopqrstuvwxyz0123" has 30 tokens; with --max-tokens 3 .* the 32 of this model/,
  );
  await userError(
    () => run({ prompts: [`${prompts[1]}45`], maxTokens: 1 }),
    /"abcdefghijklmnopqrstuvwxyz0123…" has 32 tokens; with --max-tokens 1 .* 32 of this model/,
  );
  const { summary } = await run({ prompts, maxTokens: 2 });
  assert.equal(summary.tokens[1]!.length, 2);
});

Deno.test("an empty prompt is the token that texts begin with, or else end with", async () => {
  const [first] = tokenizer().encode("m");
  const { tokens } = await expected("m");
  for (const special of [{ bosId: first, eosId: 0 }, { eosId: first }]) {
    const { summary, writes } = await run({ prompts: [""], tokenizer: tokenizer(special) });
    const ends = tokens.indexOf(special.eosId!);
    assert.deepEqual(summary.tokens[0], ends < 0 ? tokens : tokens.slice(0, ends + 1));
    assert.equal(writes[0], "");
  }
  await userError(() => run({ prompts: [""] }), /prompt is empty/);
});

Deno.test("without colours the layers of each token are behind it as subscripts", async () => {
  const { tokens, layers, text } = await expected("house");
  assert.ok(new Set(layers).size > 1, "the router skips now and then");
  const shown = pieces(tokens).map((piece, i) => piece + "₀₁₂₃₄"[layers[i]!]);
  const { writes, summary, notes } = await run({ showDepth: true });
  assert.deepEqual(writes, ["house", ...shown, "\n"]);
  assert.deepEqual(summary.texts, [text], "the text itself has none");
  assert.deepEqual(notes, []);
});

Deno.test("in colour every token is on a background that ends before its line does", async () => {
  const { tokens, text } = await expected("house");
  assert.ok(text.trimEnd().includes("\n"), "lines end within the text");
  const { writes, notes } = await run({ showDepth: true, inColour: true });
  assert.deepEqual(notes, [depthLegend(4)]);
  pieces(tokens).forEach((piece, i) => {
    // deno-lint-ignore no-control-regex -- escapes are what this is about
    const parts = /^\x1b\[48;5;\d+;38;5;\d+m(.)\x1b\[0m(\n?)$/.exec(writes[i + 1]!);
    assert.ok(parts, JSON.stringify(writes[i + 1]));
    assert.equal(parts[1]! + parts[2]!, piece);
  });
  const backgrounds = new Set(writes.slice(1, -1).map((shown) => shown.split(";")[2]));
  assert.ok(backgrounds.size > 1, "they tell depths apart");
});

Deno.test("a note says how many tokens and how many layers each took, unless told to be quiet", async () => {
  const { layers } = await expected("house");
  const mean = (layers.reduce((a, b) => a + b) / layers.length).toFixed(2);
  const { notes } = await run({ quiet: false });
  assert.match(notes.join("\n"), /^\n8 tokens, \d+\.\d tokens\/s after the first, /);
  assert.ok(notes[1]!.endsWith(`, ${mean} of 4 layers a token`), notes[1]!);
  const single = await run({ quiet: false, maxTokens: 1 });
  assert.match(single.notes[1]!, /^1 tokens?, \d\.\d\d of 4 layers a token$/);
  assert.equal(single.summary.tokensPerSecond, 0);
});

Deno.test("speculating writes the text of full depth and says what was accepted", async () => {
  for (const router of ["token-gumbel", "static without a layer"] as const) {
    await using passes = new Passes(tinyModel("fullDepth", router));
    const steps = continueTexts(passes, [tokenizer().encode("house")], { maxTokens: 8 });
    const { tokens } = await collect(steps, 1);
    const { summary, notes, all } = await run({ router, draftTokens: 3, quiet: false });
    assert.deepEqual(summary.tokens, tokens);
    assert.equal(all, `house${pieces(tokens[0]!).join("")}\n`);
    const [, accepted, drafted, perPass] =
      /, (\d+) of (\d+) drafted tokens accepted, (\d\.\d\d) tokens a pass/.exec(notes[1]!)!;
    // Every pass gives what it accepted and one more; the first token comes from the prompt.
    const passesRun = 8 - 1 - Number(accepted);
    // The first token comes with the prompt.
    assert.equal(perPass, (7 / passesRun).toFixed(2));
    assert.ok(Number(accepted) <= Number(drafted));
  }
});

Deno.test("drawn texts repeat with their seed", async () => {
  const drawn = async (seed: number) =>
    (await run({ sampling: { temperature: 1, topP: 1 }, seed })).summary.tokens;
  assert.deepEqual(await drawn(5), await drawn(5));
  assert.notDeepEqual(await drawn(5), await drawn(6));
});
