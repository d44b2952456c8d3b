/** The sequence-level Gumbel router: the contract, what it averages, and how it is drawn. */

import assert from "node:assert/strict";
import { initialize } from "../../../core/nn/mod.ts";
import { leadingPrompt } from "../../../core/routing/mod.ts";
import { floats, type FloatTensor, type HostTensor } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import {
  sequenceGumbel,
  type SequenceGumbelOptions,
} from "../../../plugins/routers/sequence_gumbel.ts";
import { assertClose, assertShare, columnShares } from "../../conformance/close.ts";
import { testRouter } from "../../conformance/router.ts";
import { normal } from "../../conformance/router_setup.ts";
import { decisionOf } from "../../conformance/routing_context.ts";
import { constantRouter, sigmoid } from "./constant_router.ts";

const create = (given: Partial<SequenceGumbelOptions> = {}) =>
  sequenceGumbel.create(sequenceGumbel.options.parse(given));

testRouter(() => create(), { reads: "prompt" });
testRouter(() => create({ annealNoise: true, normalize: false }), {
  reads: "prompt",
  variant: "with annealed noise, on states as they are",
});
testRouter(() => create({ pool: "sequence" }), {
  reads: "sequence",
  variant: "over whole sequences",
});

const LOGITS = [-2, 0, 1.5];
const SITE = { hiddenSize: 4, anchorLayers: 1, routableLayers: LOGITS.length };

Deno.test("a sequence's gates open as often as the sigmoid of its log-odds, at any temperature", () => {
  const sequences = 5000;
  const { decision: { gates }, run } = constantRouter(
    sequenceGumbel,
    {},
    [sequences, 2],
    LOGITS,
  );
  const { data } = run({ gates }).gates;
  // Both tokens come after the prompt of none.
  const shares = columnShares(data, 6);
  LOGITS.forEach((logit, layer) => {
    assertShare(shares[layer]!, sigmoid(logit), sequences, `log-odds of ${logit}`);
    assert.equal(shares[layer], shares[layer + 3]);
  });
  assert.deepEqual(run({ gates }, 0.1).gates.data, data);
});

Deno.test("with annealed noise the temperature sets how random gates are", () => {
  const sequences = 5000;
  const { decision: { gates }, run } = constantRouter(
    sequenceGumbel,
    { annealNoise: true },
    [sequences, 1],
    LOGITS,
  );
  const shares = columnShares(run({ gates }, 0.5).gates.data, LOGITS.length);
  LOGITS.forEach((logit, layer) => assertShare(shares[layer]!, sigmoid(2 * logit), sequences));
});

/** Logits of the last token of one sequence, with the router as it is drawn. */
function lastLogits(
  options: Partial<SequenceGumbelOptions>,
  state: FloatTensor,
  { prompt = 2, real = state.shape[1]! } = {},
): HostTensor {
  const length = state.shape[1]!;
  const router = create(options);
  const { logits } = decisionOf(router, "eval", [1, length], SITE);
  const { data } = evaluate([logits!], {
    ...initialize(router.params(SITE), 2),
    state,
    tokenMask: leadingPrompt(1, length, real),
    promptMask: leadingPrompt(1, length, prompt),
  })[0]!;
  return floats([LOGITS.length], data.slice(-LOGITS.length));
}

Deno.test("what is read is the mean of the prompt's states, of the real ones among them", () => {
  const options = { initialStd: 0.5, normalize: false };
  const state = normal([1, 3, 4], "three tokens");
  const meanOf = (count: number) =>
    Float32Array.from({ length: 4 }, (_, i) => {
      let sum = 0;
      for (let token = 0; token < count; token++) sum += state.data[4 * token + i]!;
      return sum / count;
    });
  const close = { relative: 1e-6, absolute: 1e-6 };
  for (const [prompt, real, read] of [[1, 3, 1], [2, 3, 2], [3, 3, 3], [3, 2, 2]] as const) {
    const one = floats([1, 2, 4], [...meanOf(read), 9, 9, 9, 9]);
    const expected = lastLogits(options, one, { prompt: 1 });
    // The last token has to be one that is decided about.
    const longer = floats([1, 4, 4], [...state.data, 5, 5, 5, 5]);
    const actual = lastLogits(options, longer, { prompt, real });
    assertClose(actual, expected, close, `the mean of ${read} of ${prompt}`);
  }
});

Deno.test("without a prompt the mean is of nothing, and still a number", () => {
  const state = normal([1, 2, 4], "no prompt");
  const { data } = lastLogits({ initialBias: 1.5, initialStd: 0 }, state, { prompt: 0 });
  assert.deepEqual([...data], [1.5, 1.5, 1.5]);
});

Deno.test("normalize takes the size of the averaged state out of the decision", () => {
  const state = normal([1, 4, 4], "normalized");
  const large = floats(state.shape, state.data.map((x) => 50 * x));
  const change = (normalize: boolean) => {
    const [a, b] = [state, large].map((x) => lastLogits({ normalize, initialStd: 1 }, x).data);
    return Math.max(...Array.from(a!, (logit, i) => Math.abs(logit - b![i]!)));
  };
  assert.ok(change(true) < 1e-4, `with: ${change(true)}`);
  assert.ok(change(false) > 0.05, `without: ${change(false)}`);
});

Deno.test("logits start around initialBias, spread by initialStd or as linear layers are", () => {
  const state = normal([1, 4, 4], "start");
  const spread = (options: Partial<SequenceGumbelOptions>) =>
    Math.max(...Array.from(lastLogits(options, state).data, (logit) => Math.abs(logit - 2)));
  assert.equal(spread({ initialStd: 0 }), 0);
  assert.ok(spread({}) > 0.01 && spread({}) < 2, `${spread({})}`);
  const specs = create().params(SITE);
  assert.deepEqual(specs["router.4.weight"]!.init, { kind: "kaimingUniform", fanIn: 1 });
  assert.deepEqual(specs["router.4.bias"]!.init, { kind: "constant", value: 2 });
  const drawn = create({ initialStd: 0.1 }).params(SITE)["router.4.weight"]!.init;
  assert.deepEqual(drawn, { kind: "normal", std: 0.1 });
});

Deno.test("the prompt is as long as it is told to be, 16 tokens unless told", () => {
  assert.equal(create().promptTokens, 16);
  assert.equal(create({ promptTokens: 3 }).promptTokens, 3);
});

Deno.test("options out of range or unknown are refused by their name", () => {
  const wrongs = [
    { promptTokens: 0 },
    { promptTokens: 1.5 },
    { pool: "all" },
    { initialBias: -11 },
    { initialStd: 2 },
    { readsBudget: true },
  ];
  for (const wrong of wrongs) {
    const result = sequenceGumbel.options.safeParse(wrong);
    assert.ok(!result.success);
    assert.match(JSON.stringify(result.error.issues), new RegExp(Object.keys(wrong)[0]!));
  }
});
