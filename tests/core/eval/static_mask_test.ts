/** The best fixed choice of blocks: how it is searched for, and how a share of it is skipped. */

import assert from "node:assert/strict";
import {
  type Evaluator,
  greedyStaticMask,
  type LabelledBatch,
  staticMaskGates,
} from "../../../core/eval/mod.ts";
import { type Weights } from "../../../core/nn/mod.ts";
import { floats, type FloatTensor, ints } from "../../../core/tensor/mod.ts";
import { drawBatch, drawWeights, MODEL } from "../../support/tiny_student.ts";
import { ROUTERS, withEvaluator } from "./support.ts";

const [ROWS, LENGTH, LAYERS] = [3, 6, 3];
const BATCHES = [drawBatch([6, 5, 6], LENGTH, 1), drawBatch([6, 6, 3], LENGTH, 2)];

/** The tiny model with what each routable block adds to the state multiplied by a factor. */
function weightsWith(factors: readonly number[]): Weights {
  return Object.fromEntries(
    Object.entries(drawWeights()).map(([name, { shape, data }]) => {
      const layer = Number(/layers\.(\d+)\..*(?:o_proj|down_proj)/.exec(name)?.[1] ?? 0);
      const factor = layer === 0 ? 1 : factors[layer - 1]!;
      return [name, floats(shape, data.map((x) => factor * x))];
    }),
  );
}

/** Gates that leave these blocks out, for everyone. */
const without = (...skipped: readonly number[]) => (shape: readonly number[]): FloatTensor =>
  floats(shape, floats(shape).data.map((_, i) => skipped.includes(i % LAYERS) ? 0 : 1));

const student = <T>(factors: readonly number[], body: (evaluator: Evaluator) => Promise<T>) =>
  withEvaluator(ROUTERS["token-gumbel"], [ROWS, LENGTH], body, { weights: weightsWith(factors) });

Deno.test("blocks that add nothing are left out first, in their order", async () => {
  assert.equal(MODEL.dims.numLayers, 1 + LAYERS);
  for (const [factors, expected] of [[[0, 1, 0], [0, 2]], [[1, 0, 0], [1, 2]]] as const) {
    await student(factors, async (evaluator) => {
      const heavy = factors.indexOf(1);
      // On a text for which the heavy block is worth its price.
      const useful = await usefulFor(evaluator, heavy);
      assert.deepEqual(await greedyStaticMask(evaluator, [useful], LAYERS, 2), expected);
      assert.deepEqual(await greedyStaticMask(evaluator, [useful], LAYERS, 3), [
        ...expected,
        heavy,
      ]);
    });
  }
});

/** A batch of only those tokens that are said better with a block than without. */
async function usefulFor(evaluator: Evaluator, block: number): Promise<LabelledBatch> {
  const batch = drawBatch([6, 6, 6], LENGTH, 5);
  const scoreMask = floats([ROWS, LENGTH]);
  for (let i = 0; i < scoreMask.data.length; i++) {
    const only = floats([ROWS, LENGTH]);
    only.data[i] = 1;
    const one = [{ ...batch, scoreMask: only }];
    const [kept, left] = [
      await evaluator.under(one, without()),
      await evaluator.under(one, without(block)),
    ];
    if (kept.loss < left.loss) scoreMask.data[i] = 1;
  }
  assert.ok(scoreMask.data.some((counts) => counts === 1));
  return { ...batch, scoreMask };
}

Deno.test("each choice is the one that costs least beside those before it", async () => {
  await student([1, 1, 1], async (evaluator) => {
    const costOf = async (...skipped: readonly number[]) =>
      (await evaluator.under(BATCHES, without(...skipped))).loss;
    const chosen = await greedyStaticMask(evaluator, BATCHES, LAYERS, 2);
    assert.equal(new Set(chosen).size, 2);
    const [first, second] = chosen as [number, number];
    for (const other of [0, 1, 2].filter((layer) => layer !== first)) {
      assert.ok(await costOf(first) < await costOf(other), `${first} before ${other}`);
    }
    const third = [0, 1, 2].find((layer) => !chosen.includes(layer))!;
    assert.ok(await costOf(first, second) < await costOf(first, third));
    // Fewer are the beginning of more.
    assert.deepEqual(await greedyStaticMask(evaluator, BATCHES, LAYERS, 1), [first]);
    assert.deepEqual(await greedyStaticMask(evaluator, BATCHES, LAYERS, 3), [first, second, third]);
    assert.deepEqual(await greedyStaticMask(evaluator, BATCHES, LAYERS, 0), []);
  });
});

Deno.test("the choice is made on the text that is given, padding left out", async () => {
  await student([1, 1, 1], async (evaluator) => {
    const choose = (seed: number, padding: number) => {
      const { tokens, targets, tokenMask } = drawBatch([6, 4, 5], LENGTH, seed);
      const filled = (tensor: typeof tokens) =>
        ints(
          tensor.shape,
          Array.from(tensor.data, (id, i) => tokenMask.data[i] === 1 ? id : padding),
        );
      const batch = { tokens: filled(tokens), targets: filled(targets), tokenMask };
      return greedyStaticMask(evaluator, [batch], LAYERS, 3);
    };
    const choices = new Set<string>();
    for (let seed = 0; seed < 10; seed++) {
      const chosen = await choose(seed, 1);
      assert.deepEqual(await choose(seed, 9), chosen);
      choices.add(chosen.join());
    }
    assert.ok(choices.size > 1, "other texts, other choices");
  });
});

/** Share of gates that are 0. */
const skippedOf = (gates: FloatTensor) =>
  gates.data.reduce((sum, gate) => sum + (1 - gate), 0) / gates.data.length;

Deno.test("a share of the blocks is skipped, by sequences that leave out one more than others", async () => {
  const [rows, length] = [4000, 2];
  for (const skip of [0.1, 0.45, 0.5, 0.9]) {
    const gates = await staticMaskGates([2, 0, 1], skip, 3)([rows, length, LAYERS], 0, BATCHES[0]!);
    const wanted = skip * LAYERS;
    const rest = wanted % 1;
    const allowed = 4 * Math.sqrt(rest * (1 - rest) / rows) / LAYERS;
    assert.ok(Math.abs(skippedOf(gates) - skip) <= allowed, `${skippedOf(gates)} for ${skip}`);
    const patterns = new Map<string, number>();
    for (let row = 0; row < rows; row++) {
      const own = [...gates.data.subarray(row * length * LAYERS, (row + 1) * length * LAYERS)];
      const pattern = own.slice(0, LAYERS);
      assert.deepEqual(own, [...pattern, ...pattern], "all tokens of a sequence alike");
      patterns.set(pattern.join(""), (patterns.get(pattern.join("")) ?? 0) + 1);
    }
    // Block 2 goes first, then 0, then 1.
    const byCount = ["111", "110", "010", "000"];
    const floor = Math.floor(wanted);
    assert.deepEqual([...patterns.keys()].sort(), byCount.slice(floor, floor + 2).sort());
  }
});

Deno.test("a whole number of blocks is skipped by everyone", async () => {
  for (const [count, chosen] of [[0, []], [1, [1]], [2, [1, 2]], [3, [1, 2, 0]]] as const) {
    const gates = await staticMaskGates(chosen, count / LAYERS, 3)([50, 2, LAYERS], 0, BATCHES[0]!);
    assert.deepEqual(gates, without(...chosen)([50, 2, LAYERS]));
  }
});

Deno.test("which sequences leave out one more follows from seed and batch", async () => {
  const draw = async (
    seed: number,
    index: number,
  ) => [...(await staticMaskGates([0, 1], 0.5, seed)([40, 1, LAYERS], index, BATCHES[0]!)).data];
  assert.deepEqual(await draw(1, 0), await draw(1, 0));
  assert.notDeepEqual(await draw(2, 0), await draw(1, 0));
  assert.notDeepEqual(await draw(1, 1), await draw(1, 0));
});
