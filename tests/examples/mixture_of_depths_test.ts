/** The Mixture-of-Depths example: what blocks choose in training, and what is left of it afterwards. */

import assert from "node:assert/strict";
import { keepAll } from "../../core/conformance/promise.ts";
import { decisionOf } from "../../core/conformance/router/context.ts";
import { routerPromises } from "../../core/conformance/router/mod.ts";
import { type Router } from "../../core/contracts/mod.ts";
import { add, mean } from "../../core/graph/mod.ts";
import { initialize } from "../../core/nn/mod.ts";
import { floats, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import plugin, {
  mixtureOfDepths,
  type MixtureOfDepthsOptions,
} from "../../examples/mixture_of_depths/mixture_of_depths.ts";
import { evaluate, oracle } from "../../plugins/backends/reference/mod.ts";
import { testRouter } from "../conformance/router.ts";
import { lastMean, trainOnNano } from "./training.ts";

const create = (given: Partial<MixtureOfDepthsOptions> = {}) =>
  mixtureOfDepths.create(mixtureOfDepths.options.parse(given) as MixtureOfDepthsOptions);

testRouter(() => create(), { reads: "token" });
testRouter(() => create({ predictWeight: 0 }), {
  reads: "token",
  variant: "that predicts nothing",
});

const SITE = { hiddenSize: 4, anchorLayers: 1, routableLayers: 3 };
const SHAPE = [2, 10] as const;
const REAL = [10, 5];

/** Values of a training decision at a target; the auxiliary loss counts half. */
function decided(targetSkip: number) {
  const router = create({ predictWeight: 0.5 });
  const random = new RandomStream(6, "state");
  const state = floats([...SHAPE, SITE.hiddenSize]);
  state.data.forEach((_, i) => state.data[i] = random.normal());
  const { gates, logits, penalty } = decisionOf(router, "train", SHAPE, SITE);
  return evaluate({ gates, logits: logits!, penalty: penalty! }, {
    ...initialize(router.params(SITE), 2),
    state,
    tokenMask: floats(SHAPE, REAL.flatMap((real) => mask(real))),
    targetSkip: floats([], [targetSkip]),
  });
}

const mask = (real: number) => Array.from({ length: SHAPE[1] }, (_, i) => i < real ? 1 : 0);

/** Numbers of one sequence and layer, by token. */
const column = ({ data }: HostTensor, sequence: number, layer: number) =>
  Array.from(
    { length: REAL[sequence]! },
    (_, token) => data[(sequence * SHAPE[1] + token) * SITE.routableLayers + layer]!,
  );

Deno.test("the mixture-of-depths plugin brings its router", () => {
  assert.deepEqual(plugin.routers, [mixtureOfDepths]);
});

Deno.test("who looks ahead in training only is not let off in evaluation", async () => {
  const router = create();
  const ahead = (causal?: "evaluation"): Router => ({
    name: "ahead",
    decidesBy: "state",
    ...(causal ? { causal } : {}),
    params: router.params,
    decide(params, anchor, site, context) {
      const shifted = add(anchor, mean(anchor, [1], true));
      return router.decide(params, context.mode === "eval" ? shifted : anchor, site, context);
    },
  });
  for (const causal of ["evaluation", undefined] as const) {
    const outcomes = await keepAll(routerPromises({ make: () => ahead(causal), oracle }));
    const said = outcomes.find(({ name }) => name.startsWith("reads for a decision"))!;
    assert.equal(said.state, "FAIL");
    // What is allowed to who says so is the choice in training, nothing else.
    assert.match(said.text, causal ? /^the eval / : /^the train gates /);
  }
});

Deno.test("each block chooses the highest scores of a sequence, as many as its capacity", () => {
  for (const [targetSkip, chosen] of [[0.4, [6, 3]], [0.8, [2, 1]], [0, [10, 5]]] as const) {
    const { gates, logits } = decided(targetSkip);
    for (const sequence of [0, 1]) {
      for (let layer = 0; layer < SITE.routableLayers; layer++) {
        const scores = column(logits, sequence, layer);
        const best = scores.toSorted((a, b) => b - a).slice(0, chosen[sequence]);
        assert.deepEqual(
          column(gates, sequence, layer),
          scores.map((score) => best.includes(score) ? 1 : 0),
        );
      }
    }
  }
});

Deno.test("the auxiliary loss is the cross-entropy of what was chosen, over real tokens", () => {
  const { gates, logits, penalty } = decided(0.4);
  let [sum, count] = [0, 0];
  for (const sequence of [0, 1]) {
    for (let layer = 0; layer < SITE.routableLayers; layer++) {
      const chosen = column(gates, sequence, layer);
      column(logits, sequence, layer).forEach((score, i) => {
        const probability = 1 / (1 + Math.exp(-score));
        sum -= Math.log(chosen[i] === 1 ? probability : 1 - probability);
        count++;
      });
    }
  }
  assert.ok(Math.abs(penalty.data[0]! - 0.5 * sum / count) < 1e-6);
});

Deno.test("mixture-of-depths keeps to its capacity, learns its own choice, and the text", async () => {
  const predictWeight = 0.3;
  const trained = async (learningRate: number) => {
    const { reports, skipRatios, untouched } = await trainOnNano(create({ predictWeight }), {
      steps: 40,
      targetSkip: 0.5,
      targetWeight: 0,
      learningRate,
    });
    assert.ok(skipRatios.every((skip) => Math.abs(skip - 0.5) < 0.01), `${skipRatios}`);
    const losses = reports.map((report) => report.losses);
    return {
      surprise: lastMean(
        losses.map(({ loss, crossEntropy }) => (loss - crossEntropy) / predictWeight),
        20,
      ),
      text: lastMean(losses.map(({ crossEntropy }) => crossEntropy), 20),
      untouched,
    };
  };
  // On the same texts, so that what is left is what was learned.
  const [before, after] = [await trained(1e-9), await trained(0.003)];
  assert.ok(after.surprise < before.surprise - 0.03, `${before.surprise} to ${after.surprise}`);
  assert.ok(after.text < before.text - 0.1, `${before.text} to ${after.text}`);
  assert.deepEqual(after.untouched, []);
});
