/** AdamW and clipping; PyTorch's own numbers are in `tests/parity`. */

import assert from "node:assert/strict";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { AdamW, type AdamWOptions, clipByNorm } from "../../../core/train/mod.ts";

const OPTIONS: AdamWOptions = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.5 };

function assertNear(actual: number, expected: number, relative = 1e-6): void {
  assert.ok(
    Math.abs(actual - expected) <= relative * Math.abs(expected),
    `${actual} instead of ${expected}`,
  );
}

Deno.test("the first step is the learning rate against the gradient's sign, plus decay", () => {
  const params = { w: floats([1, 2], [2, -4]) };
  new AdamW(params, OPTIONS).step({ w: floats([1, 2], [1e-3, -70]) }, 0.1, 1);
  // Bias-corrected, both averages are the gradient itself: g / (|g| + epsilon) is its sign.
  assertNear(params.w.data[0]!, 2 * (1 - 0.1 * 0.5) - 0.1, 1e-5);
  assertNear(params.w.data[1]!, -4 * (1 - 0.1 * 0.5) + 0.1, 1e-5);
});

Deno.test("averages follow their recurrence and correct for having started at 0", () => {
  const params = { w: floats([1], [1]) };
  const optimizer = new AdamW(params, { ...OPTIONS, weightDecay: 0 });
  let [w, m, v] = [1, 0, 0];
  [0.5, -0.25, 2].forEach((g, i) => {
    optimizer.step({ w: floats([1], [g]) }, 0.01, i + 1);
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    w -= 0.01 * (m / (1 - 0.9 ** (i + 1))) / (Math.sqrt(v / (1 - 0.99 ** (i + 1))) + 1e-8);
    assertNear(optimizer.first["w"]!.data[0]!, m);
    assertNear(optimizer.second["w"]!.data[0]!, v);
    assertNear(params.w.data[0]!, w);
  });
});

Deno.test("parameters that are exempt from decay are moved by their gradient only", () => {
  const params = { matrix: floats([1, 1], [3]), gain: floats([1], [3]) };
  const optimizer = new AdamW(params, OPTIONS, ({ shape }) => shape.length > 1);
  optimizer.step({ matrix: floats([1, 1]), gain: floats([1]) }, 0.1, 1);
  assert.equal(params.gain.data[0], 3);
  assertNear(params.matrix.data[0]!, 3 * 0.95);
});

Deno.test("a parameter with a rate of its own takes steps and decays at that rate", () => {
  const step = (learningRate: number, factor: number) => {
    const params = { w: floats([2], [1, -2]) };
    const rateOf = (name: string) => name === "w" ? factor : NaN;
    const optimizer = new AdamW(params, OPTIONS, undefined, rateOf);
    optimizer.step({ w: floats([2], [0.5, 0.1]) }, learningRate, 1);
    return params.w.data;
  };
  assert.deepEqual(step(0.01, 4), step(0.04, 1));
  assert.deepEqual(step(0.01, 0), Float32Array.of(1, -2));
});

Deno.test("a rate may wait for its step: until then a parameter stays, but its averages go on", () => {
  const asked: [string, number][] = [];
  const params = { adapter: floats([2], [3, -3]), router: floats([1], [3]) };
  const rateOf = (name: string, step: number) => {
    asked.push([name, step]);
    return name === "router" || step > 2 ? 1 : 0;
  };
  const optimizer = new AdamW(params, { ...OPTIONS, weightDecay: 0 }, undefined, rateOf);
  const gradients = { adapter: floats([2], [0.5, -20]), router: floats([1], [7]) };
  for (const step of [1, 2]) {
    optimizer.step(gradients, 0.1, step);
    assert.deepEqual(params.adapter.data, Float32Array.of(3, -3));
    assertNear(params.router.data[0]!, 3 - 0.1 * step, 1e-5);
  }
  // Of one gradient all along, the corrected averages are that gradient and its square.
  assertNear(optimizer.first["adapter"]!.data[0]!, 0.5 * (1 - 0.9 ** 2));
  optimizer.step(gradients, 0.1, 3);
  assertNear(params.adapter.data[0]!, 2.9, 1e-5);
  assertNear(params.adapter.data[1]!, -2.9, 1e-5);
  assert.deepEqual(asked.map(([, step]) => step), [1, 1, 2, 2, 3, 3], "steps count from 1");
});

Deno.test("a parameter that waits for its step does not decay either", () => {
  const params = { w: floats([1], [3]) };
  const optimizer = new AdamW(params, OPTIONS, undefined, (_, step) => step > 1 ? 1 : 0);
  optimizer.step({ w: floats([1], [1]) }, 0.1, 1);
  assert.equal(params.w.data[0], 3);
  optimizer.step({ w: floats([1], [1]) }, 0.1, 2);
  assertNear(params.w.data[0]!, 3 * (1 - 0.1 * 0.5) - 0.1, 1e-5);
});

Deno.test("decay is decoupled: it does not depend on the gradient's size", () => {
  const step = (weightDecay: number, gradient: number) => {
    const params = { w: floats([1], [1]) };
    const optimizer = new AdamW(params, { ...OPTIONS, weightDecay });
    optimizer.step({ w: floats([1], [gradient]) }, 0.1, 1);
    return params.w.data[0]!;
  };
  for (const gradient of [1e-4, 1, 1e4]) {
    assertNear(step(0, gradient) - step(0.5, gradient), 0.1 * 0.5, 1e-5);
  }
});

Deno.test("gradients are scaled together to the largest norm, and the norm before is told", () => {
  const gradients: Record<string, HostTensor> = { a: floats([2], [3, 0]), b: floats([1], [4]) };
  assert.equal(clipByNorm(gradients, 2.5), 5);
  assertNear(gradients["a"]!.data[0]!, 1.5);
  assertNear(gradients["b"]!.data[0]!, 2);
  assertNear(clipByNorm(gradients, 0), 2.5);
});

Deno.test("small gradients are left alone, and so are all where clipping is off", () => {
  for (const maxNorm of [5.1, 0]) {
    const gradients = { a: floats([2], [3, 4]) };
    assert.equal(clipByNorm(gradients, maxNorm), 5);
    assert.deepEqual(gradients.a.data, Float32Array.of(3, 4));
  }
});

Deno.test("a gradient that is not finite shows in the norm", () => {
  assert.ok(!Number.isFinite(clipByNorm({ a: floats([2], [NaN, 1]) }, 1)));
  assert.ok(!Number.isFinite(clipByNorm({ a: floats([2], [Infinity, 1]) }, 1)));
});
