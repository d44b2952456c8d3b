/** A model beside everything that it is compared with: which rows there are, and their numbers. */

import assert from "node:assert/strict";
import { type ChoiceQuestion } from "../../../core/contracts/mod.ts";
import {
  choiceAccuracy,
  choiceBatches,
  compareWays,
  type Comparison,
  type ComparisonPlan,
  type Evaluator,
  gateInformation,
  greedyStaticMask,
  lookupGates,
  rowOf,
  staticMaskGates,
  type TextLoss,
  type Way,
} from "../../../core/eval/mod.ts";
import { flopsAt, randomGates, tokenFlops } from "../../../core/routing/mod.ts";
import { RandomStream } from "../../../core/tensor/mod.ts";
import { ANCHOR_LAYERS, drawBatch, MODEL } from "../../support/tiny_student.ts";
import { type RouterName, ROUTERS, withEvaluator } from "./support.ts";

const SHAPE = [3, 6] as const;
const [LENGTH, SEED] = [SHAPE[1], 9];
const VALIDATION = [drawBatch([6, 4, 5], LENGTH, 1), drawBatch([6, 6, 2], LENGTH, 2)];
const TRAINING = [drawBatch([6, 6, 6], LENGTH, 11), drawBatch([5, 6, 6], LENGTH, 12)];
const NO_QUESTIONS = { batches: [], questions: [] };

const letters = {
  bosId: 0,
  eosId: undefined,
  encode: (text: string) => Int32Array.from(text, (letter) => letter.charCodeAt(0) - 96),
};
const QUESTIONS = choiceBatches(
  Array.from("abcdefg", (letter, i): ChoiceQuestion => ({
    prompt: `${letter}k`,
    choices: ["mn", "o", "pq"],
    answer: i % 3,
  })),
  letters,
  { batchSize: SHAPE[0], length: LENGTH, most: 20 },
);

/** Everything there is to compare on, for a router at a budget. */
async function planFor(
  evaluator: Evaluator,
  name: RouterName,
  changes: Partial<ComparisonPlan> = {},
): Promise<ComparisonPlan> {
  const router = ROUTERS[name];
  return {
    router,
    point: await evaluator.calibrate(TRAINING, 0.4),
    validation: VALIDATION,
    calibration: TRAINING,
    maskSearch: TRAINING.slice(0, 1),
    choices: QUESTIONS,
    budgets: [0.6, 0.2, 0.4],
    costs: tokenFlops(MODEL, ANCHOR_LAYERS, LENGTH, router),
    seed: SEED,
    ...changes,
  };
}

/** Compares, and hands on what a test may ask the evaluator itself. */
function compared(
  name: RouterName,
  body: (
    comparison: Comparison,
    evaluator: Evaluator,
    plan: ComparisonPlan,
  ) => Promise<void> | void,
  changes: Partial<ComparisonPlan> = {},
): Promise<void> {
  return withEvaluator(ROUTERS[name], SHAPE, async (evaluator) => {
    const plan = await planFor(evaluator, name, changes);
    await body(await compareWays(evaluator, plan), evaluator, plan);
  });
}

const waysOf = ({ rows }: Comparison) => rows.map(({ way }) => way);

const MODELS: Way[] = ["base", "full-depth", "routed"];
const DRAWN: Way[] = ["shuffled", "rate-matched", "random"];
const BY_TOKEN: Way[] = [
  ...MODELS,
  ...DRAWN,
  "static-mask",
  "by-token",
  "by-position",
  "base-random",
];
// One decision for a whole sequence has no token to be looked up by.
const BY_SEQUENCE: Way[] = [...MODELS, ...DRAWN, "static-mask", "base-random"];
const UNREAD: Way[] = [...MODELS, "base-random"];

for (
  const [name, ways] of [
    ["token-gumbel", BY_TOKEN],
    ["token-gumbel at any budget", BY_TOKEN],
    ["sequence-gumbel", BY_SEQUENCE],
    ["sequence-gumbel of all tokens", BY_SEQUENCE],
    ["reinforce", BY_SEQUENCE],
    // Full depth in evaluation; what it skips in training is what the base is compared at.
    ["stochastic", ["base", "routed", "sampled", "base-random"]],
    ["random", UNREAD],
    ["random by sequence", UNREAD],
    ["static", ["base", "routed"]],
    ["static without a layer", UNREAD],
  ] as const
) {
  Deno.test(`${name} is run in these ways: ${ways.join(", ")}`, async () => {
    await compared(name, (comparison) => {
      assert.deepEqual(waysOf(comparison), ways);
      const reads = ROUTERS[name].decidesBy === "state";
      assert.equal(comparison.frontier.length, reads ? 3 : 0);
      assert.equal(comparison.information !== undefined, reads);
      assert.equal(comparison.staticMask !== undefined, reads);
      // Who is asked questions: the models themselves, not the controls.
      for (const { way, accuracy } of comparison.rows) {
        const asked = ["base", "routed", "full-depth", "sampled"].includes(way);
        assert.equal(accuracy !== undefined, asked, way);
      }
    });
  });
}

Deno.test("gates drawn as in training are a row when they are asked for", async () => {
  await compared("reinforce", async (comparison, evaluator, plan) => {
    assert.deepEqual(waysOf(comparison).slice(0, 4), ["base", "full-depth", "routed", "sampled"]);
    const at = { temperature: 0.7, targetSkip: plan.point.targetSkip };
    assert.deepEqual(
      numbersOf(rowOf(comparison, "sampled").result),
      numbersOf(await evaluator.sampled(VALIDATION, at)),
    );
  }, { sampleAt: 0.7 });
});

Deno.test("no search, no questions and no budgets leave out what would come of them", async () => {
  await compared("token-gumbel", (comparison) => {
    assert.ok(!waysOf(comparison).includes("static-mask"));
    assert.equal(comparison.staticMask, undefined);
    assert.deepEqual(comparison.frontier, []);
    assert.ok(comparison.rows.every(({ accuracy }) => accuracy === undefined));
  }, { maskSearch: [], choices: NO_QUESTIONS, budgets: [] });
});

Deno.test("a router that skips nothing is the model at full depth", async () => {
  await compared("token-gumbel", (comparison) => {
    assert.deepEqual(waysOf(comparison).slice(0, 3), ["base", "routed", "shuffled"]);
    assert.throws(() => rowOf(comparison, "full-depth"), {
      name: "RangeError",
      message: /not run in the way "full-depth"/,
    });
    assert.deepEqual(comparison.staticMask, []);
  }, { point: { threshold: -1e6, targetSkip: 0 }, budgets: [] });
});

const numbersOf = ({ loss, perplexity, tokens, sequences }: TextLoss) => ({
  loss,
  perplexity,
  tokens,
  sequences,
});

Deno.test("every row has the numbers that the evaluator gives when it is asked itself", async () => {
  await compared("token-gumbel", async (comparison, evaluator, plan) => {
    const { point, calibration, maskSearch } = plan;
    const routed = await evaluator.routed(VALIDATION, point);
    const { layerActivity, skipRatio } = routed.statistics;
    const control = (kind: "shuffled" | "rate-matched" | "random") =>
      evaluator.control(kind, VALIDATION, point, layerActivity, SEED);
    const table = async (key: "token" | "position") =>
      evaluator.under(
        VALIDATION,
        (await lookupGates(evaluator, calibration, point, skipRatio))![key],
      );
    const mask = await greedyStaticMask(evaluator, maskSearch, 3, Math.ceil(3 * skipRatio));
    const skips = (shape: readonly number[], batch: number) =>
      randomGates(shape, 1 - skipRatio, new RandomStream(SEED, "base-skips", batch));
    const expected: Partial<Record<Way, TextLoss>> = {
      "base": await evaluator.base(VALIDATION),
      "full-depth": await evaluator.fullDepth(VALIDATION),
      routed,
      "shuffled": await control("shuffled"),
      "rate-matched": await control("rate-matched"),
      "random": await control("random"),
      "by-token": await table("token"),
      "by-position": await table("position"),
      "static-mask": await evaluator.under(VALIDATION, staticMaskGates(mask, skipRatio, SEED)),
      "base-random": await evaluator.baseUnder(VALIDATION, skips),
    };
    assert.deepEqual(waysOf(comparison).toSorted(), Object.keys(expected).toSorted());
    for (const { way, result } of comparison.rows) {
      assert.deepEqual(numbersOf(result), numbersOf(expected[way]!), way);
    }
    assert.equal(new Set(comparison.rows.map(({ result }) => result.loss)).size, 10);
    assert.deepEqual(comparison.staticMask, mask);
    assert.equal(comparison.information, await gateInformation(evaluator, VALIDATION, point));
    const answers = await evaluator.routed(QUESTIONS.batches, point);
    assert.equal(rowOf(comparison, "routed").accuracy, choiceAccuracy(QUESTIONS, answers));
    const plain = await evaluator.base(QUESTIONS.batches);
    assert.equal(rowOf(comparison, "base").accuracy, choiceAccuracy(QUESTIONS, plain));
  });
});

Deno.test("controls skip about as much as the router, and shuffled gates exactly", async () => {
  await compared("token-gumbel", (comparison) => {
    const skipOf = (way: Way) => rowOf(comparison, way).statistics!.skipRatio;
    assert.ok(Math.abs(skipOf("shuffled") - skipOf("routed")) < 1e-12);
    const gates = 29 * 3;
    const allowed = 4 * Math.sqrt(0.25 / gates);
    for (const way of ["rate-matched", "random", "base-random"] as const) {
      assert.ok(Math.abs(skipOf(way) - skipOf("routed")) <= allowed, way);
    }
  });
});

Deno.test("a routed model costs less than the base: its blocks by their share, and the router", async () => {
  await compared("token-gumbel", (comparison, _evaluator, { costs }) => {
    const at = (way: Way) => rowOf(comparison, way);
    const base = at("base").flopsPerToken;
    const [anchor, keysValues, block] = [costs.anchor, costs.keysValues, costs.block];
    const total = (parts: readonly number[]) => parts.reduce((sum, part) => sum + part, 0);
    assert.equal(base, anchor + total(keysValues) + total(block) + costs.head);
    assert.equal(at("full-depth").flopsPerToken, base, "adapters can be merged");

    const routed = at("routed");
    assert.ok(routed.flopsPerToken < base, `${routed.flopsPerToken} of ${base}`);
    const saved = total(
      routed.statistics!.layerActivity.map((share, layer) => (1 - share) * block[layer]!),
    );
    assert.ok(Math.abs(routed.flopsPerToken - (base - saved + costs.router)) < 1e-6);
    // Who shuffles the router's answers has asked it; who tosses coins has not.
    assert.equal(at("shuffled").flopsPerToken, routed.flopsPerToken);
    const { statistics, flopsPerToken } = at("random");
    assert.equal(flopsPerToken, flopsAt({ ...costs, router: 0 }, statistics!.layerActivity));
    assert.ok(costs.router > 0);
    // The mask leaves its first layer out for everyone: nobody needs that one's keys and values.
    const masked = at("static-mask");
    const { layerActivity } = masked.statistics!;
    assert.equal(layerActivity.filter((share) => share === 0).length, 1);
    assert.equal(masked.flopsPerToken, flopsAt({ ...costs, router: 0 }, layerActivity, false));
    assert.ok(masked.flopsPerToken < flopsAt({ ...costs, router: 0 }, layerActivity));
  });
});

Deno.test("a layer that is left out for all makes no keys and values either", async () => {
  await compared("static without a layer", (comparison, _evaluator, { costs }) => {
    const [base, routed] = [rowOf(comparison, "base"), rowOf(comparison, "routed")];
    const layer = 2 - ANCHOR_LAYERS;
    const saved = costs.block[layer]! + costs.keysValues[layer]!;
    assert.ok(Math.abs(base.flopsPerToken - routed.flopsPerToken - saved) < 1e-6);
    assert.deepEqual(routed.statistics!.layerActivity, [1, 0, 1]);
  });
});

for (const name of ["token-gumbel", "sequence-gumbel", "reinforce"] as const) {
  Deno.test(`${name}: along its budgets a model skips more and costs less`, async () => {
    const budgets = [0.65, 0.1, 0.3, 0.5];
    await compared(name, async ({ frontier }, evaluator) => {
      assert.deepEqual(frontier.map(({ budget }) => budget), [0.1, 0.3, 0.5, 0.65]);
      for (const [i, { budget, threshold, result, flopsPerToken }] of frontier.entries()) {
        const at = await evaluator.calibrate(TRAINING, budget);
        assert.equal(threshold, at.threshold);
        assert.deepEqual(numbersOf(result), numbersOf(await evaluator.routed(VALIDATION, at)));
        const before = frontier[i - 1];
        if (!before) continue;
        assert.ok(threshold >= before.threshold);
        assert.ok(result.statistics.skipRatio >= before.result.statistics.skipRatio);
        assert.ok(flopsPerToken <= before.flopsPerToken);
      }
      const skips = frontier.map(({ result }) => result.statistics.skipRatio);
      assert.ok(skips.at(-1)! > skips[0]! + 0.2, `${skips}`);
    }, { budgets });
  });
}

Deno.test("comparing twice gives the same bits, and another seed other controls only", async () => {
  const run = async (seed: number) => {
    const losses = new Map<Way, number>();
    await compared("token-gumbel", ({ rows }) => {
      for (const { way, result } of rows) losses.set(way, result.loss);
    }, { seed });
    return losses;
  };
  const [one, again, other] = [await run(1), await run(1), await run(2)];
  assert.deepEqual(again, one);
  const changed = [...one.keys()].filter((way) => other.get(way) !== one.get(way));
  const drawn = ["base-random", "random", "rate-matched", "shuffled", "static-mask"];
  assert.deepEqual(changed.sort(), drawn);
});
