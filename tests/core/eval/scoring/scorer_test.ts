/** Scores: what they are, and that company, padding and a shared beginning change none. */

import assert from "node:assert/strict";
import {
  type ScoredSequence,
  scoreSequences,
  type SequenceScore,
} from "../../../../core/eval/scoring/mod.ts";
import { input, logSoftmax } from "../../../../core/graph/mod.ts";
import { type Depth, type Passes } from "../../../../core/inference/mod.ts";
import { inputNodes, ParamNodes } from "../../../../core/nn/mod.ts";
import { forward } from "../../../../core/routing/mod.ts";
import { ints } from "../../../../core/tensor/mod.ts";
import { evaluate } from "../../../../plugins/backends/reference/mod.ts";
import { drawWeights, MODEL } from "../../../support/tiny_student.ts";
import { ROUTER_NAMES, type RouterName } from "../support.ts";
import { drawTokens, passesOf } from "./support.ts";

/** Two beginnings of different lengths with several ends each, and one sequence by itself. */
function sequences(): ScoredSequence[] {
  const [first, second] = [drawTokens(25, 1), drawTokens(26, 2)];
  const made = [
    [...first, 1, 2, 3],
    [...first, 1, 2, 5],
    [...second, 4],
    [...first, 7],
    [...second, 9, 9, 8, 2],
    drawTokens(6, 3),
  ];
  const counts = [2, 1, 1, 1, 4, 5];
  return made.map((tokens, i) => ({
    input: Int32Array.from(tokens.slice(0, -1)),
    targets: Int32Array.from(tokens.slice(-counts[i]!)),
  }));
}

function assertScores(
  actual: readonly SequenceScore[],
  expected: readonly SequenceScore[],
): void {
  assert.equal(actual.length, expected.length);
  actual.forEach(({ logLikelihood, isGreedy }, i) => {
    const difference = Math.abs(logLikelihood - expected[i]!.logLikelihood);
    assert.ok(difference < 1e-5, `sequence ${i} differs by ${difference}`);
    assert.equal(isGreedy, expected[i]!.isGreedy);
  });
}

/** Each sequence by itself, at its own length. */
async function alone(passes: Passes): Promise<SequenceScore[]> {
  const scores: SequenceScore[] = [];
  for (const sequence of sequences()) scores.push(...await scoreSequences(passes, [sequence]));
  return scores;
}

Deno.test("a score is the sum of the targets' log-probabilities in one plain pass", async () => {
  await using passes = passesOf("base");
  const expected = sequences().map(({ input: tokens, targets }): SequenceScore => {
    const node = input("tokens", [1, tokens.length], "int32");
    const params = new ParamNodes(inputNodes(MODEL.params()));
    const logits = MODEL.head(params, forward(MODEL, params, node).hiddenStates);
    const { data } = evaluate({ probabilities: logSoftmax(logits) }, {
      ...drawWeights(),
      tokens: ints([1, tokens.length], [...tokens]),
    }).probabilities;
    const { vocabSize } = MODEL.dims;
    let [logLikelihood, isGreedy] = [0, true];
    targets.forEach((target, i) => {
      const start = (tokens.length - targets.length + i) * vocabSize;
      const row = [...data.slice(start, start + vocabSize)];
      logLikelihood += row[target]!;
      isGreedy &&= row.indexOf(Math.max(...row)) === target;
    });
    return { logLikelihood, isGreedy };
  });
  assertScores(await scoreSequences(passes, sequences()), expected);
});

const REPEATABLE = ROUTER_NAMES.filter((name) => !name.startsWith("random"));

const cases: (readonly [Depth, RouterName | undefined])[] = [
  ["base", undefined],
  ["fullDepth", undefined],
  ...REPEATABLE.map((name) => ["routed", name] as const),
];

for (const [depth, router] of cases) {
  const name = router ? `routed by ${router}` : depth;
  Deno.test(`${name}: together, with beginnings shared or not, scores are those of each alone`, async () => {
    await using passes = passesOf(depth, router);
    const expected = await alone(passes);
    for (const sharesPrefixes of [true, false]) {
      for (const batchSize of [undefined, 2]) {
        const scores = await scoreSequences(passes, sequences(), { sharesPrefixes, batchSize });
        assertScores(scores, expected);
      }
    }
  });
}

Deno.test("equal sequences are computed once, and a shared beginning too", async () => {
  await using passes = passesOf("fullDepth");
  const twice = [...sequences(), ...sequences()];
  await scoreSequences(passes, twice, { sharesPrefixes: false });
  const single = sequences().reduce((sum, sequence) => sum + sequence.input.length, 0);
  // The two first sequences read the same tokens.
  assert.equal(passes.tokens, single - 27);
  passes.resetCounts();
  await scoreSequences(passes, twice);
  assert.ok(passes.tokens < single - 27 - 25, `${passes.tokens} tokens`);
});

Deno.test("progress is told of every sequence once", async () => {
  await using passes = passesOf("base");
  let done = 0;
  const onDone = (count: number) => done += count;
  await scoreSequences(passes, [...sequences(), ...sequences()], { onDone, batchSize: 2 });
  assert.equal(done, 12);
});

Deno.test("gates are counted over the tokens that were computed", async () => {
  await using passes = passesOf("routed", "static without a layer");
  await scoreSequences(passes, sequences());
  const { statistics, tokens } = passes;
  assert.ok(tokens > 0);
  assert.equal(statistics!.tokens, tokens);
  assert.deepEqual(statistics!.layerActivity, [1, 0, 1]);
});
