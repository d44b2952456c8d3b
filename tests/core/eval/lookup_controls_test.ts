/** Tables in the router's place: as good as it where tokens or positions are all that it goes by. */

import assert from "node:assert/strict";
import { type Router } from "../../../core/contracts/mod.ts";
import {
  type Evaluator,
  gateInformation,
  type LabelledBatch,
  lookupGates,
} from "../../../core/eval/mod.ts";
import { constant, greater } from "../../../core/graph/mod.ts";
import { floats, type FloatTensor, ints, RandomStream } from "../../../core/tensor/mod.ts";
import { drawBatch } from "../../support/tiny_student.ts";
import { ofRealTokens, ROUTERS, type Told, withEvaluator } from "./support.ts";

const [ROWS, LENGTH, SKIP] = [4, 8, 0.4];
const batches = (count: number, from: number): LabelledBatch[] =>
  Array.from({ length: count }, (_, i) => drawBatch([8, 6, 8, 7], LENGTH, from + i));
const TRAINING = batches(6, 100);
const HELD_OUT = batches(4, 200);

/** Without anchor layers a router reads embeddings: nothing but the token. */
const BY_TOKEN: Told = { anchorLayers: 0 };

/** Goes by the position alone. */
const byPosition: Router = {
  name: "by-position",
  decidesBy: "state",
  params: () => ({}),
  decide(_params, _anchor, { routableLayers }, context) {
    const random = new RandomStream(8, "positions");
    const rows = floats([1, LENGTH, routableLayers]);
    const logits = constant(floats(rows.shape, rows.data.map(() => random.normal())));
    assert.equal(context.mode, "eval");
    return { logits, gates: greater(logits, constant(floats([], [0]))) };
  },
};

/** Share of real tokens' gates in which a table agrees with the router, on held-out text. */
async function agreement(evaluator: Evaluator, key: "token" | "position", skip = SKIP) {
  const at = await evaluator.calibrate(TRAINING, skip);
  const gates = (await lookupGates(evaluator, TRAINING, at, skip))?.[key];
  let [same, all] = [0, 0];
  for (const [i, batch] of HELD_OUT.entries()) {
    const own = (await evaluator.decide(batch, at, i)).gates;
    const table = await gates!(own.shape, i, batch);
    assert.deepEqual(table.shape, own.shape);
    const [a, b] = [ofRealTokens(own, batch), ofRealTokens(table, batch)];
    same += a.filter((gate, j) => gate === b[j]).length;
    all += a.length;
  }
  return same / all;
}

Deno.test("a router that sees the token alone is replaced by a table of tokens, to the gate", async () => {
  await withEvaluator(ROUTERS["token-gumbel"], [ROWS, LENGTH], async (evaluator) => {
    assert.ok(await agreement(evaluator, "token") > 0.99);
    assert.ok(await agreement(evaluator, "position") < 0.8, "positions say nothing of it");
  }, BY_TOKEN);
});

Deno.test("a router that goes by the position is replaced by a table of positions", async () => {
  await withEvaluator(byPosition, [ROWS, LENGTH], async (evaluator) => {
    // At 0, where the router decides, its own share is what the table is asked for.
    const at = { threshold: 0, targetSkip: SKIP };
    const batch = HELD_OUT[0]!;
    const own = (await evaluator.decide(batch, at)).gates;
    const { skipRatio } = (await evaluator.routed(TRAINING, at)).statistics;
    const gatesBy = (key: "token" | "position") =>
      lookupGates(evaluator, TRAINING, at, skipRatio).then((both) => both?.[key]);
    const byPosition = await (await gatesBy("position"))!(own.shape, 0, batch);
    assert.deepEqual([...byPosition.data], [...own.data]);
    const byToken = await (await gatesBy("token"))!(own.shape, 0, batch);
    assert.notDeepEqual([...byToken.data], [...own.data]);
  });
});

Deno.test("a table skips its share of the text that it is made from", async () => {
  await withEvaluator(ROUTERS["token-gumbel"], [ROWS, LENGTH], async (evaluator) => {
    for (const skip of [0.2, 0.5, 0.8]) {
      const at = await evaluator.calibrate(TRAINING, skip);
      for (const [key, distinct] of [["token", 32], ["position", LENGTH]] as const) {
        const gates = (await lookupGates(evaluator, TRAINING, at, skip))?.[key];
        const { skipRatio } = (await evaluator.under(TRAINING, gates!)).statistics;
        // Tokens of one key fall together: a share of theirs is as near as it gets.
        assert.ok(
          Math.abs(skipRatio - skip) <= 1.5 / (3 * distinct),
          `${key}: ${skipRatio} for ${skip}`,
        );
      }
    }
  });
});

Deno.test("padding enters no table", async () => {
  await withEvaluator(ROUTERS["token-gumbel"], [ROWS, LENGTH], async (evaluator) => {
    const withOther = (id: number) =>
      TRAINING.map((batch): LabelledBatch => ({
        ...batch,
        tokens: ints(
          batch.tokens.shape,
          Array.from(batch.tokens.data, (own, i) => batch.tokenMask.data[i] === 1 ? own : id),
        ),
      }));
    const at = { threshold: 0, targetSkip: SKIP };
    const batch = HELD_OUT[0]!;
    for (const key of ["token", "position"] as const) {
      const tables: FloatTensor[] = [];
      for (const id of [0, 31]) {
        const gates = (await lookupGates(evaluator, withOther(id), at, SKIP))?.[key];
        tables.push(await gates!([ROWS, LENGTH, 3], 0, batch));
      }
      assert.deepEqual(tables[1], tables[0]);
    }
  });
});

Deno.test("a token that the table has not seen gets the mean of all", async () => {
  await withEvaluator(ROUTERS["token-gumbel"], [1, LENGTH], async (evaluator) => {
    const sequence = (ids: readonly number[]): LabelledBatch => ({
      tokens: ints([1, LENGTH], ids),
      targets: ints([1, LENGTH]),
      tokenMask: floats([1, LENGTH], ids.map(() => 1)),
    });
    const known = sequence([0, 1, 2, 3, 4, 5, 6, 7]);
    const at = { threshold: 0, targetSkip: SKIP };
    const { logits } = await evaluator.decide(known, at);
    const layers = logits!.shape[2]!;
    const means = Array.from(
      { length: layers },
      (_, layer) =>
        Array.from({ length: LENGTH }, (_, t) => logits!.data[layers * t + layer]!)
          .reduce((sum, logit) => sum + logit) / LENGTH,
    );
    // The threshold that skips half of the table's own entries.
    const sorted = logits!.data.toSorted();
    const half = sorted.length / 2;
    const threshold = (sorted[half - 1]! + sorted[half]!) / 2;
    const gates = (await lookupGates(evaluator, [known], at, 0.5))?.token;
    const unknown = await gates!(logits!.shape, 0, sequence(Array(LENGTH).fill(20)));
    const expected = means.map((mean) => mean > threshold ? 1 : 0);
    assert.ok(means.every((mean) => Math.abs(mean - threshold) > 1e-3));
    for (let t = 0; t < LENGTH; t++) {
      assert.deepEqual([...unknown.data.subarray(layers * t, layers * (t + 1))], expected);
    }
  }, BY_TOKEN);
});

Deno.test("a router without log-odds has no table", async () => {
  for (const name of ["static", "stochastic"] as const) {
    await withEvaluator(ROUTERS[name], [ROWS, LENGTH], async (evaluator) => {
      const at = { threshold: 0, targetSkip: SKIP };
      assert.equal(await lookupGates(evaluator, TRAINING, at, SKIP), undefined);
    });
  }
});

Deno.test("gates that follow from the token tell all of their bits about it, random ones none", async () => {
  const many = batches(30, 300);
  const informationOf = (name: "token-gumbel" | "random", told: Told) =>
    withEvaluator(ROUTERS[name], [ROWS, LENGTH], async (evaluator) => {
      const at = await evaluator.calibrate(many, SKIP);
      const { layerActivity } = (await evaluator.routed(many, at)).statistics;
      const entropy = layerActivity
        .map((p) => p === 0 || p === 1 ? 0 : -p * Math.log2(p) - (1 - p) * Math.log2(1 - p))
        .reduce((sum, bits) => sum + bits / layerActivity.length, 0);
      return { bits: await gateInformation(evaluator, many, at), entropy };
    }, told);
  const all = await informationOf("token-gumbel", BY_TOKEN);
  assert.ok(all.entropy > 0.5, `${all.entropy}`);
  // What tokens in random order would seem to tell is taken off, some 31 / (2 n ln 2) bits.
  const chance = 31 / (2 * 30 * 29 * Math.LN2);
  assert.ok(Math.abs(all.bits - (all.entropy - chance)) < 0.02, `${all.bits} of ${all.entropy}`);
  const none = await informationOf("random", BY_TOKEN);
  assert.ok(none.entropy > 0.9);
  assert.ok(Math.abs(none.bits) < 0.02, `${none.bits}`);
});

Deno.test("without text there is no information", async () => {
  await withEvaluator(ROUTERS["token-gumbel"], [ROWS, LENGTH], async (evaluator) => {
    assert.equal(await gateInformation(evaluator, [], { threshold: 0, targetSkip: 0 }), 0);
  });
});
