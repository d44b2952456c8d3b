/** Gates from log-odds: how often they open, how probable they are, and what flows back. */

import assert from "node:assert/strict";
import { type Backend } from "../../../core/contracts/mod.ts";
import { gradients, input, type Node, reduceSum } from "../../../core/graph/mod.ts";
import {
  bernoulliGates,
  bernoulliLogProbability,
  gumbelGates,
  logisticNoise,
} from "../../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { evaluate, referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { assertClose, assertShare, columnShares } from "../../conformance/close.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";
import { normal, uniform } from "../../conformance/router_setup.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const LOGITS = [-3, -0.5, 0, 1, 2.5];
const ROWS = 8000;
const SHAPE = [ROWS, 1, LOGITS.length];

const logits = input("logits", SHAPE);
const noise = input("noise", SHAPE);
const temperature = input("temperature", []);
const feeds = {
  logits: floats(SHAPE, Array.from({ length: ROWS }, () => LOGITS).flat()),
  noise: uniform(SHAPE, "sampling"),
  temperature: floats([], [0.6]),
};

Deno.test("logistic noise is log u - log(1 - u), finite at both ends of what is drawn", () => {
  const ends = [2 ** -24, 0.25, 0.5, 1 - 2 ** -24];
  const [value] = evaluate([logisticNoise(input("u", [4]))], { u: floats([4], ends) });
  const expected = ends.map((u) => Math.log(u / (1 - u)));
  assertClose(value!, { ...value!, data: Float64Array.from(expected) }, {
    relative: 1e-12,
    absolute: 1e-12,
  }, "noise");
  assert.ok(value!.data.every(Number.isFinite));
});

for (
  const [what, gates] of [
    ["Gumbel", gumbelGates(logits, noise, temperature)],
    ["Bernoulli", bernoulliGates(logits, noise)],
  ] as const
) {
  Deno.test(`${what} gates are 1 as often as the sigmoid of their log-odds says, else 0`, () => {
    const { data } = evaluate([gates], feeds)[0]!;
    assert.ok(data.every((gate) => gate === 0 || gate === 1));
    columnShares(data, LOGITS.length).forEach((share, i) => {
      assertShare(share, sigmoid(LOGITS[i]!), ROWS, `log-odds of ${LOGITS[i]}`);
    });
  });
}

Deno.test("both kinds of gates are drawn alike from the same noise", () => {
  const nodes = [gumbelGates(logits, noise, temperature), bernoulliGates(logits, noise)];
  const [gumbel, bernoulli] = evaluate(nodes, feeds);
  assert.deepEqual(gumbel, bernoulli);
});

for (const annealed of [false, true]) {
  Deno.test(`the gradient of ${annealed ? "annealed" : "Gumbel"} gates is the relaxed gate's`, () => {
    const gates = gumbelGates(logits, noise, temperature, annealed);
    const [slope] = evaluate(gradients(reduceSum(gates), [logits]), feeds);
    const t = feeds.temperature.data[0]!;
    for (let i = 0; i < 50 * LOGITS.length; i++) {
      const [z, u] = [feeds.logits.data[i]!, feeds.noise.data[i]!];
      const drawn = Math.log(u / (1 - u));
      const soft = sigmoid(annealed ? z + t * drawn : (z + drawn) / t);
      const expected = soft * (1 - soft) / (annealed ? 1 : t);
      const error = Math.abs(slope!.data[i]! - expected);
      assert.ok(error < 1e-9, `${slope!.data[i]} instead of ${expected}`);
    }
  });
}

Deno.test("no gradient passes Bernoulli gates", () => {
  const [slope] = evaluate(gradients(reduceSum(bernoulliGates(logits, noise)), [logits]), feeds);
  assert.ok(slope!.data.every((x) => x === 0));
});

/** Log-probabilities of gates `[B, N, L']` and their gradient, by a backend. */
async function logProbability(
  make: () => Backend,
  z: HostTensor,
  gates: HostTensor,
): Promise<{ log: HostTensor; slope: HostTensor }> {
  await using backend = make();
  const odds = input("z", z.shape);
  const log = bernoulliLogProbability(odds, input("gates", gates.shape));
  const slope: Node = gradients(reduceSum(log), [odds])[0]!;
  await using program = await backend.compile({ log, slope });
  return await program.run({ z, gates });
}

Deno.test("log-probability is the sum over a sequence's gates of its closed form", async () => {
  const z = normal([3, 2, 4], "log-odds");
  const gates = floats([3, 2, 4], uniform([3, 2, 4], "gates").data.map((u) => u < 0.5 ? 0 : 1));
  const { log, slope } = await logProbability(referenceBackend, z, gates);
  const term = (i: number) => Math.log(sigmoid(gates.data[i] === 1 ? z.data[i]! : -z.data[i]!));
  const expected = [0, 1, 2].map((row) => {
    let sum = 0;
    for (let i = 8 * row; i < 8 * row + 8; i++) sum += term(i);
    return sum;
  });
  const close = { relative: 1e-12, absolute: 1e-12 };
  assertClose(log, { ...log, data: Float64Array.from(expected) }, close, "log p");
  // d log p / d z = gate - sigmoid(z)
  const slopes = Float64Array.from(z.data, (x, i) => gates.data[i]! - sigmoid(x));
  assertClose(slope, { ...slope, data: slopes }, close, "its gradient");
});

Deno.test("probabilities of all patterns of gates add up to 1", async () => {
  const patterns = Array.from({ length: 8 }, (_, i) => [i & 1, (i >> 1) & 1, (i >> 2) & 1]);
  const z = floats([8, 1, 3], patterns.flatMap(() => [-1.5, 0, 0.75]));
  const { log } = await logProbability(
    referenceBackend,
    z,
    floats([8, 1, 3], patterns.flat()),
  );
  const total = [...log.data].reduce((sum, x) => sum + Math.exp(x), 0);
  assert.ok(Math.abs(total - 1) < 1e-12, `${total}`);
});

const backends: readonly [string, () => Backend][] = [
  ["reference", referenceBackend],
  // In float32 e^200 is infinite.
  ["onnx", () => onnxBackend({ threads: 1 })],
];

for (const [name, make] of backends) {
  Deno.test(`log-odds of ±200 and of 0 give finite log-probabilities and gradients (${name})`, async () => {
    const z = [200, 200, -200, -200, 0, 0];
    const gates = [1, 0, 0, 1, 0, 1];
    const { log, slope } = await logProbability(
      make,
      floats([6, 1, 1], z),
      floats([6, 1, 1], gates),
    );
    const half = Math.fround(-Math.LN2);
    const near = { relative: 1e-6, absolute: 1e-30 };
    const rounded = (tensor: HostTensor) => floats([...tensor.shape], tensor.data);
    assertClose(rounded(log), floats([6], [0, -200, 0, -200, half, half]), near, "log p");
    const slopes = floats([6, 1, 1], [0, -1, 0, 1, -0.5, 0.5]);
    assertClose(rounded(slope), slopes, { relative: 1e-6, absolute: 1e-30 }, "gradient");
  });
}

Deno.test("the log-probability's gradient agrees with finite differences", () => {
  const shape = [3, 2, 4];
  const gates = input("gates", shape);
  const loss = weightedSum(bernoulliLogProbability(input("z", shape), gates));
  const drawn = floats(shape, uniform(shape, "gates").data.map((u) => u < 0.5 ? 0 : 1));
  assertGradient(loss, "z", { z: normal(shape, "log-odds", 2), gates: drawn });
});
