/** Decisions made from a prompt: what is averaged, and for whom they hold. */

import assert from "node:assert/strict";
import { constant, gradients, input } from "../../../core/graph/mod.ts";
import { afterPrompt, leadingPrompt, pooledState } from "../../../core/routing/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { assertClose, CLOSE } from "../../conformance/close.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";

const STATES = floats([2, 3, 2], [1, 10, 2, 20, 6, 60, -1, 0, -2, 0, -3, 3]);
const states = input("states", [2, 3, 2]);

/** The mean states of both sequences over the tokens that count. */
function pooled(counts: readonly number[]) {
  return evaluate([pooledState(states, constant(floats([2, 3], counts)))], { states: STATES })[0]!;
}

Deno.test("the pooled state is the mean over the tokens that count, whichever they are", () => {
  const close = { relative: 1e-7, absolute: 1e-7 };
  assertClose(
    pooled([1, 1, 1, 1, 1, 1]),
    floats([2, 1, 2], [3, 30, -2, 1]),
    close,
    "all of them",
  );
  assertClose(pooled([1, 1, 0, 0, 0, 1]), floats([2, 1, 2], [1.5, 15, -3, 3]), close, "some");
});

Deno.test("a sequence in which no token counts has a state of zeros, and a gradient that is finite", () => {
  const { data } = pooled([1, 0, 0, 0, 0, 0]);
  assert.deepEqual([...data].slice(2), [0, 0]);
  const counts = constant(floats([2, 3]));
  const loss = weightedSum(pooledState(states, counts));
  const [slope] = evaluate(gradients(loss, [states]), { states: STATES });
  assert.ok(slope!.data.every((x) => x === 0));
});

Deno.test("the gradient of a mean goes to the tokens that count, in equal shares", () => {
  const counts = constant(floats([2, 3], [1, 0, 1, 1, 1, 1]));
  const loss = weightedSum(pooledState(states, counts));
  assertGradient(loss, "states", { states: STATES });
  const { data } = evaluate(gradients(loss, [states]), { states: STATES })[0]!;
  assert.ok(data.slice(2, 4).every((x) => x === 0), "the second token does not count");
  assert.deepEqual([...data.slice(0, 2)], [...data.slice(4, 6)]);
});

Deno.test("what is decided holds after the prompt, and on it what always does", () => {
  const decided = constant(floats([2, 1, 2], [0.25, -7, 3, 4]));
  const prompt = constant(floats([2, 3], [1, 1, 0, 0, 0, 0]));
  const [spread] = evaluate([afterPrompt(decided, prompt, 9)], {});
  const expected = [9, 9, 9, 9, 0.25, -7, 3, 4, 3, 4, 3, 4];
  assertClose(spread!, floats([2, 3, 2], expected), CLOSE.float64, "spread");
});

Deno.test("a decision's gradient comes from the tokens after the prompt only", () => {
  const decided = input("decided", [1, 1, 1]);
  const count = (prompt: number) => {
    const mask = constant(leadingPrompt(1, 5, prompt));
    const weights = weightedSum(afterPrompt(decided, mask, 1));
    return evaluate(gradients(weights, [decided]), { decided: floats([1, 1, 1], [2]) })[0]!
      .data[0]!;
  };
  assert.notEqual(count(3), count(0));
  assert.equal(count(5), 0);
});

Deno.test("the leading tokens of every sequence are its prompt, at most all of them", () => {
  assert.deepEqual(leadingPrompt(2, 3, 0), floats([2, 3]));
  assert.deepEqual(leadingPrompt(2, 3, 2), floats([2, 3], [1, 1, 0, 1, 1, 0]));
  assert.deepEqual(leadingPrompt(1, 2, 16), floats([1, 2], [1, 1]));
});
