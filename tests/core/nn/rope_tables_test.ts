/** Frequencies of rotary positions, and tables that are no longer than what is looked up in them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type RopeScaling } from "../../../core/contracts/mod.ts";
import {
  type AttrsOf,
  broadcastTo,
  constant,
  gatherRows,
  input,
  type Node,
  reshape,
  rope,
  shapeOf,
  slice,
  topologicalOrder,
  transpose,
} from "../../../core/graph/mod.ts";
import { inputNodes, ParamNodes, ropeFrequencies, ropeTables } from "../../../core/nn/mod.ts";
import { forward } from "../../../core/routing/mod.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { MODEL } from "../../support/tiny_student.ts";

/** What every size of Llama 3.1 has. */
const LLAMA_31: RopeScaling = {
  kind: "llama3",
  factor: 8,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalMaxPositions: 8192,
};

function assertClose(actual: number, expected: number, relative: number): void {
  const error = Math.abs(actual - expected) / expected;
  assert.ok(error <= relative, `${actual} should be ${expected}, the relative error is ${error}`);
}

Deno.test("frequencies fall from 1 in equal ratios; linear scaling divides all of them", () => {
  const plain = ropeFrequencies(8, 10_000);
  assert.equal(plain.length, 4);
  plain.forEach((frequency, i) => assertClose(frequency, 10 ** -i, 1e-15));
  const slow = ropeFrequencies(8, 10_000, { kind: "linear", factor: 4 });
  slow.forEach((frequency, i) => assertClose(frequency, 10 ** -i / 4, 1e-15));
});

Deno.test("Llama 3.1's frequencies are those of transformers", () => {
  const frequencies = ropeFrequencies(128, 500_000, LLAMA_31);
  // transformers 5.23.0, `_compute_llama3_parameters` with Llama 3.1 8B's configuration, in float32:
  // the last pair that is kept, those in between, the first that is divided by 8, the last of all.
  const known = [
    [0, 1],
    [28, 0.00321144611],
    [29, 0.00216657063],
    [30, 0.00137189368],
    [31, 0.00085675146],
    [32, 0.000524846022],
    [33, 0.00031269365],
    [34, 0.000178507791],
    [35, 9.55621217e-05],
    [63, 3.06892588e-07],
  ] as const;
  for (const [i, expected] of known) assertClose(frequencies[i]!, expected, 1e-6);
});

Deno.test("llama3 scaling keeps the order of frequencies, and none is slower than by the factor", () => {
  const settings = fc.record({
    half: fc.integer({ min: 1, max: 64 }),
    theta: fc.double({ min: 2, max: 1e7, noNaN: true }),
    factor: fc.double({ min: 1, max: 64, noNaN: true }),
    low: fc.double({ min: 0.1, max: 4, noNaN: true }),
    width: fc.double({ min: 0.1, max: 8, noNaN: true }),
    positions: fc.integer({ min: 1, max: 1e5 }),
  });
  fc.assert(
    fc.property(settings, ({ half, theta, factor, low, width, positions }) => {
      const plain = ropeFrequencies(2 * half, theta);
      const scaled = ropeFrequencies(2 * half, theta, {
        kind: "llama3",
        factor,
        lowFreqFactor: low,
        highFreqFactor: low + width,
        originalMaxPositions: positions,
      });
      scaled.forEach((frequency, i) => {
        const ratio = plain[i]! / frequency;
        const turns = positions * plain[i]! / (2 * Math.PI);
        assert.ok(ratio >= 1 - 1e-12 && ratio <= factor * (1 + 1e-12), `ratio ${ratio}`);
        if (turns <= low) assertClose(ratio, factor, 1e-12);
        if (turns >= low + width) assert.equal(ratio, 1);
        assert.ok(i === 0 || frequency < scaled[i - 1]!, `pair ${i}`);
      });
    }),
    { seed: 31, numRuns: 300 },
  );
});

const FREQUENCIES = ropeFrequencies(8, 10_000);

/** Positions 0 … length-1, int32 `[1, length]`. */
const firstPositions = (length: number) =>
  constant(ints([1, length], Array.from({ length }, (_, position) => position)));

Deno.test("tables are angles in float64, rounded once", () => {
  const { cos, sin } = ropeTables(FREQUENCIES, 4096)(firstPositions(4096));
  const value = (node: Node) => (node.attrs as AttrsOf<"constant">).value.data;
  for (const position of [0, 1, 17, 4095]) {
    FREQUENCIES.forEach((frequency, i) => {
      const at = position * FREQUENCIES.length + i;
      assert.equal(value(cos)[at], Math.fround(Math.cos(position * frequency)));
      assert.equal(value(sin)[at], Math.fround(Math.sin(position * frequency)));
    });
  }
});

Deno.test("tables are as long as the largest position, through all that only selects", () => {
  const tables = ropeTables(FREQUENCIES, 1000);
  const rowsFor = (positions: Node) => shapeOf(tables(positions).cos)[0];
  const row = firstPositions(12);
  const kept = reshape(gatherRows(reshape(row, [12]), input("kept", [5], "int32")), [1, 5]);
  assert.equal(rowsFor(row), 12);
  assert.equal(rowsFor(broadcastTo(row, [3, 12])), 12);
  assert.equal(rowsFor(slice(row, 1, 4, 6)), 12);
  assert.equal(rowsFor(transpose(row, [1, 0])), 12);
  assert.equal(rowsFor(kept), 12);
  assert.equal(rowsFor(constant(ints([2, 2], [3, 70, 0, 5]))), 71);
  assert.equal(rowsFor(input("positions", [1, 12], "int32")), 1000);
});

Deno.test("tables of the same length are the same nodes, for every pass of a model", () => {
  const tables = ropeTables(FREQUENCIES, 64);
  assert.equal(tables(firstPositions(9)).cos, tables(broadcastTo(firstPositions(9), [2, 9])).cos);
  assert.equal(tables(firstPositions(9)).sin, tables(firstPositions(9)).sin);
  assert.notEqual(tables(firstPositions(9)).cos, tables(firstPositions(8)).cos);

  const params = new ParamNodes(inputNodes(MODEL.params()));
  const tokens = input("tokens", [2, 9], "int32");
  const others = input("others", [2, 9], "int32");
  const passes = [tokens, others].map((ids) => forward(MODEL, params, ids).hiddenStates);
  const read = topologicalOrder(passes).filter(({ op }) => op.name === "rope")
    .map(({ inputs }) => inputs[2]!);
  assert.equal(read.length, 2 * 2 * MODEL.dims.numLayers);
  assert.equal(new Set(read).size, 1);
  assert.deepEqual(shapeOf(read[0]!), [9, MODEL.dims.headDim / 2]);
});

Deno.test("a position that the model does not have is refused", () => {
  const tables = ropeTables(FREQUENCIES, 8);
  tables(firstPositions(8));
  assert.throws(() => tables(firstPositions(9)), {
    name: "RangeError",
    message: "Cannot rotate to position 8: the model has 8 positions",
  });
});

Deno.test("positions that start again are rotated alike on both backends", async () => {
  const positions = constant(ints([1, 5], [0, 1, 2, 0, 1]));
  const { cos, sin } = ropeTables(FREQUENCIES, 1000)(positions);
  const outputs = { turned: rope(input("x", [1, 5, 8]), positions, cos, sin, 1) };
  const feeds = { x: floats([1, 5, 8], Array.from({ length: 40 }, (_, i) => i % 7 - 3)) };
  await using backend = onnxBackend({ threads: 1 });
  await using program = await backend.compile(outputs);
  const [actual, expected] = [(await program.run(feeds)).turned, evaluate(outputs, feeds).turned];
  actual.data.forEach((x, i) => assert.ok(Math.abs(x - expected.data[i]!) < 1e-6, `element ${i}`));
});
