/** The gradient rule of every operation against finite differences, on all of its cases. */

import assert from "node:assert/strict";
import { gradients, input, type OpName, straightThrough } from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { type OperationCase } from "../../conformance/cases.ts";
import { assertClose, CLOSE } from "../../conformance/close.ts";
import { assertGradient, weightedSum } from "../../conformance/gradient_check.ts";
import { operations } from "../../conformance/operations.ts";

const table = Object.entries(operations) as [OpName, readonly OperationCase[]][];

/** Operations without a case to compare: they are flat, or declare a gradient that is not a slope. */
const WITHOUT_SLOPE: readonly OpName[] = [
  "greater",
  "straightThrough",
  "cast",
  "nonZero",
  "countUp",
];

for (const [op, cases] of table) {
  const checks = cases.filter(({ output }) => output.type.dtype === "float32")
    .flatMap((each) => each.wrt.map((input) => ({ ...each, input })));
  if (WITHOUT_SLOPE.includes(op)) {
    Deno.test(`${op} has no slope to compare its gradient with`, () => {
      assert.equal(checks.length, 0);
    });
  } else {
    Deno.test(`the gradient of ${op} agrees with finite differences`, () => {
      assert.ok(checks.length > 0, "no case has a gradient");
      for (const { name, feeds, output, input } of checks) {
        try {
          assertGradient(weightedSum(output), input, feeds);
        } catch (cause) {
          throw new Error(`${op}, ${name}: ${(cause as Error).message}`, { cause });
        }
      }
    });
  }

  const detached = cases.filter((each) => each.detached.length > 0);
  if (detached.length === 0) continue;
  Deno.test(`the gradient of ${op} is zero where none flows`, () => {
    for (const { name, feeds, inputs, output, detached: names } of detached) {
      const loss = weightedSum(output);
      for (const input of names) {
        const [gradient] = evaluate(gradients(loss, [inputs[input]!]), feeds);
        const zeros = { ...gradient!, data: new Float64Array(gradient!.data.length) };
        assertClose(gradient!, zeros, CLOSE.float64, `${op}, ${name}: the gradient of ${input}`);
      }
    }
  });
}

Deno.test("straightThrough() has the value of hard and the gradient of soft", () => {
  const hard = input("hard", [2, 2]);
  const soft = input("soft", [2, 2]);
  const feeds = {
    hard: floats([2, 2], [1, 0, 0, 1]),
    soft: floats([2, 2], [0.7, 0.2, 0.4, 0.9]),
  };
  const gates = straightThrough(hard, soft);
  const [value] = evaluate([gates], feeds);
  assert.deepEqual([...value!.data], [1, 0, 0, 1]);

  const [through] = evaluate(gradients(weightedSum(gates), [soft]), feeds);
  const [direct] = evaluate(gradients(weightedSum(soft), [soft]), feeds);
  assert.ok(direct!.data.every((x) => x !== 0));
  assert.deepEqual(through, direct);
});
