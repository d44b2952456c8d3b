/** Losses worked off in parts are those of all rows at once, and so are their gradients. */

import assert from "node:assert/strict";
import {
  gradients,
  input,
  matmulFlops,
  matmulRows,
  type Node,
  stopGradient,
  tanh,
  topologicalOrder,
} from "../../../core/graph/mod.ts";
import { floats, type HostTensor, ints } from "../../../core/tensor/mod.ts";
import {
  languageLoss,
  lossesInParts,
  lossInParts,
  type PartSize,
} from "../../../core/train/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { signed } from "../../conformance/cases.ts";
import { assertClose } from "../../conformance/close.ts";

const [BATCH, LENGTH, WIDTH, VOCABULARY] = [2, 5, 4, 7];
const ALL: PartSize = { logits: 1e6, rows: 1 };
const PARTS: readonly [string, PartSize][] = [
  ["three rows at once", { logits: 3 * VOCABULARY, rows: 1 }],
  ["one row at once", { logits: 1, rows: 1 }],
  ["at least four rows", { logits: 1, rows: 4 }],
];
const CLOSE = { relative: 1e-9, absolute: 1e-12 };

const x = input("x", [BATCH, LENGTH, WIDTH]);
const inner = input("inner", [WIDTH, WIDTH]);
const head = input("head", [VOCABULARY, WIDTH]);
const targets = input("targets", [BATCH, LENGTH], "int32");
const tokenMask = input("tokenMask", [BATCH, LENGTH]);

const feeds: Record<string, HostTensor> = {
  x: signed(BATCH, LENGTH, WIDTH)("x"),
  inner: signed(WIDTH, WIDTH)("inner"),
  head: signed(VOCABULARY, WIDTH)("head"),
  targets: ints([BATCH, LENGTH], [0, 6, 3, 3, 1, 2, 5, 0, 4, 6]),
  tokenMask: floats([BATCH, LENGTH], [1, 1, 1, 1, 0, 1, 1, 0, 0, 0]),
  lossScale: floats([], [1 / 6]),
  distillShare: floats([], [0.3]),
};

/** A student that learns its states and its head, taught by one that learns nothing. */
function loss(most: PartSize) {
  const student = tanh(matmulRows(x, inner));
  const teacher = stopGradient(tanh(x));
  const inputs = { lossScale: input("lossScale", []), distillShare: input("distillShare", []) };
  return lossInParts(
    [student, teacher],
    [targets, tokenMask],
    [inner, head],
    VOCABULARY,
    ([own, taught], [targets, mask]) =>
      languageLoss(
        { distillTemperature: 2 },
        inputs,
        matmulRows(own!, head),
        targets!,
        mask!,
        matmulRows(taught!, stopGradient(head)),
      ),
    most,
  );
}

function outputsOf(most: PartSize): Record<string, Node> {
  const parts = loss(most);
  const [slopeInner, slopeHead] = gradients(parts.loss, [inner, head]);
  return { ...parts, slopeInner: slopeInner!, slopeHead: slopeHead! };
}

for (const [what, most] of PARTS) {
  Deno.test(`loss, its parts and its gradients with ${what}`, () => {
    const expected = evaluate(outputsOf(ALL), feeds);
    const actual = evaluate(outputsOf(most), feeds);
    assert.deepEqual(Object.keys(actual), Object.keys(expected));
    for (const name of Object.keys(expected)) {
      assertClose(actual[name]!, expected[name]!, CLOSE, name);
    }
    assert.notEqual(expected["distill"]!.data[0], 0);
  });

  Deno.test(`losses of each token with ${what}`, () => {
    const rows = (states: Node) => matmulRows(states, head);
    const losses = (size: PartSize) =>
      evaluate({ losses: lossesInParts(rows, x, targets, VOCABULARY, size) }, feeds).losses;
    assert.deepEqual(losses(most).shape, [BATCH, LENGTH]);
    assertClose(losses(most), losses(ALL), CLOSE, "losses");
  });
}

Deno.test("the loss of each token is told in the places of the targets, padding and all", () => {
  const student = tanh(matmulRows(x, inner));
  const each = lossesInParts((rows) => matmulRows(rows, head), student, targets, VOCABULARY, ALL);
  for (const [, most] of PARTS) {
    const { tokenLosses, crossEntropy } = loss(most);
    const result = evaluate({ tokenLosses, crossEntropy, each }, feeds);
    assert.deepEqual(result.tokenLosses.shape, [BATCH, LENGTH]);
    assertClose(result.tokenLosses, result.each, CLOSE, "loss of each token");
    // Their masked sum is the cross-entropy.
    const mask = feeds["tokenMask"]!.data;
    const sum = [...result.each.data].reduce((total, one, i) => total + one * mask[i]!, 0);
    const scale = feeds["lossScale"]!.data[0]!;
    assert.ok(Math.abs(result.crossEntropy.data[0]! - sum * scale) < 1e-9);
  }
});

Deno.test("no logits of more rows than a part has are ever made, and nothing is made twice", () => {
  const rowsOfLogits = (outputs: Record<string, Node>) =>
    topologicalOrder(Object.values(outputs))
      .filter(({ op, type }) => op.name === "matmul" && type.shape.at(-1) === VOCABULARY)
      .map(({ type }) => type.shape[0]);
  const outputs = outputsOf({ logits: 3 * VOCABULARY, rows: 1 });
  // Ten rows in four parts of three, for student and teacher.
  assert.deepEqual(rowsOfLogits(outputs).toSorted(), [1, 1, 3, 3, 3, 3, 3, 3]);
  assert.equal(
    matmulFlops(Object.values(outputs)),
    matmulFlops(Object.values(outputsOf(ALL))),
  );
});

Deno.test("a step does not take gradients of what nobody learns", () => {
  const { loss: whole } = loss(ALL);
  const [known, ...others] = whole.inputs;
  assert.equal(known!.type.shape.length, 0);
  // The student's rows and the head, and a gradient for each; none for the teacher's rows.
  assert.deepEqual(others.map(({ type }) => type.shape), [
    [BATCH * LENGTH, WIDTH],
    [VOCABULARY, WIDTH],
    [BATCH * LENGTH, WIDTH],
    [VOCABULARY, WIDTH],
  ]);
});
