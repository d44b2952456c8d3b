/** Ways of evaluating one student: what repeats, what agrees, and what is reached. */

import assert from "node:assert/strict";
import { type Evaluator, type LabelledBatch, type TextLoss } from "../../../core/eval/mod.ts";
import { bytes, floats } from "../../../core/tensor/mod.ts";
import { drawAdapter, drawBatch, jitter } from "../../support/tiny_student.ts";
import {
  ofRealTokens,
  PROMPT_TOKENS,
  ROUTER_NAMES,
  type RouterName,
  ROUTERS,
  withEvaluator,
} from "./support.ts";

const SHAPE = [3, 6] as const;
const BATCHES = [drawBatch([6, 4, 5], 6, 1), drawBatch([6, 6, 2], 6, 2)];
const POINT = { threshold: 0.2, targetSkip: 0.4 };

const DECIDING = ROUTER_NAMES.filter((name) => ROUTERS[name].decidesBy === "state");
const RANDOM = ["random", "random by sequence"] as const;

const evaluated = <T>(
  name: RouterName,
  body: (evaluator: Evaluator) => Promise<T>,
  told?: Parameters<typeof withEvaluator>[3],
) => withEvaluator(ROUTERS[name], SHAPE, body, told);

/** Everything that two evaluations can differ in. */
const numbers = ({ loss, sequences }: TextLoss) => ({ loss, sequences });

for (const name of ROUTER_NAMES) {
  const drawsGates = RANDOM.some((one) => one === name);

  Deno.test(`${name}: gates repeat${drawsGates ? " with the seed" : ", whatever the seed"}`, async () => {
    const run = (seed: number) =>
      evaluated(name, async (evaluator) => {
        const [first, again] = [
          await evaluator.routed(BATCHES, POINT),
          await evaluator.routed(BATCHES, POINT),
        ];
        assert.deepEqual(again, first);
        const gates = [];
        for (const [i, batch] of BATCHES.entries()) {
          gates.push([...(await evaluator.decide(batch, POINT, i)).gates.data]);
        }
        return { gates, result: numbers(first) };
      }, { seed });
    const one = await run(5);
    assert.deepEqual(await run(5), one);
    if (drawsGates) assert.notDeepEqual((await run(6)).gates, one.gates);
    else assert.deepEqual(await run(6), one);
  });

  Deno.test(`${name}: the losses are those under the gates that it answers with`, async () => {
    await evaluated(name, async (evaluator) => {
      const routed = await evaluator.routed(BATCHES, POINT);
      const given = await evaluator.under(
        BATCHES,
        async (_shape, index, batch) => (await evaluator.decide(batch, POINT, index)).gates,
      );
      // A block that nothing runs is left out of the graph, or blended in with a gate of 0.
      given.sequences.forEach(({ sum, tokens }, i) => {
        const own = routed.sequences[i]!;
        assert.equal(tokens, own.tokens);
        assert.ok(Math.abs(sum - own.sum) < 1e-9 * own.sum, `sequence ${i}`);
      });
      assert.deepEqual(given.statistics.layerActivity, routed.statistics.layerActivity);
    });
  });
}

Deno.test("token by token the numbers are those of the whole text", async () => {
  await evaluated("token-gumbel", async (evaluator) => {
    const [routed, full] = [
      await evaluator.routed(BATCHES, POINT),
      await evaluator.fullDepth(BATCHES),
    ];
    const total = { routed: 0, full: 0, active: 0, tokens: 0 };
    for (const [index, batch] of BATCHES.entries()) {
      const { losses, gates, logits } = await evaluator.routedTokens(batch, POINT, index);
      const fullDepth = await evaluator.fullDepthTokens(batch, index);
      const layers = gates.shape[2]!;
      for (let i = 0; i < losses.data.length; i++) {
        if (batch.tokenMask.data[i] !== 1) continue;
        total.tokens++;
        total.routed += losses.data[i]!;
        total.full += fullDepth.data[i]!;
        for (let layer = i * layers; layer < (i + 1) * layers; layer++) {
          total.active += gates.data[layer]!;
          assert.equal(gates.data[layer] === 1, logits!.data[layer]! > POINT.threshold);
        }
      }
    }
    const { statistics } = routed;
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} and ${b}`);
    near(total.routed / total.tokens, routed.loss);
    near(total.full / total.tokens, full.loss);
    near(total.active / total.tokens, statistics.activeLayers - statistics.anchorLayers);
  });
});

Deno.test("stochastic depth runs everything in evaluation, and skips when sampled", async () => {
  await evaluated("stochastic", async (evaluator) => {
    const routed = await evaluator.routed(BATCHES, POINT);
    assert.equal(routed.statistics.skipRatio, 0);
    assert.deepEqual(numbers(routed), numbers(await evaluator.fullDepth(BATCHES)));
    const sampled = await evaluator.sampled(BATCHES, { temperature: 1, targetSkip: 0.4 });
    assert.ok(sampled.statistics.skipRatio > 0.1 && sampled.statistics.skipRatio < 0.9);
    assert.notEqual(sampled.loss, routed.loss);
  });
});

Deno.test("sampled gates repeat with the seed and are not those of evaluation", async () => {
  const sample = (seed: number) =>
    evaluated("token-gumbel", async (evaluator) => {
      const at = { temperature: 1, targetSkip: 0.4 };
      const routed = await evaluator.routed(BATCHES, { threshold: 0, targetSkip: 0.4 });
      const sampled = await evaluator.sampled(BATCHES, at);
      assert.notDeepEqual(sampled.statistics.layerActivity, routed.statistics.layerActivity);
      // The log-odds are those from before the noise, in both.
      assert.ok(Math.abs(sampled.statistics.entropy - routed.statistics.entropy) < 0.2);
      return numbers(sampled);
    }, { seed });
  assert.deepEqual(await sample(1), await sample(1));
  assert.notDeepEqual(await sample(1), await sample(2));
});

Deno.test("base is without adapters and full depth with them", async () => {
  await evaluated("token-gumbel", async (evaluator) => {
    const [base, full] = [await evaluator.base(BATCHES), await evaluator.fullDepth(BATCHES)];
    assert.ok(Math.abs(base.loss - full.loss) > 1e-3, "the adapter changes something");
    const ones = (shape: readonly number[]) => floats(shape, floats(shape).data.fill(1));
    const near = (a: TextLoss, b: TextLoss) => assert.ok(Math.abs(a.loss - b.loss) < 1e-9);
    near(await evaluator.under(BATCHES, ones), full);
    near(await evaluator.baseUnder(BATCHES, ones), base);
    const open = await evaluator.routed(BATCHES, { threshold: -1e6, targetSkip: 0 });
    assert.equal(open.statistics.skipRatio, 0);
    near(open, full);
  });
  // Other adapters leave the base alone.
  const baseWith = (seed: number) =>
    evaluated("token-gumbel", (evaluator) => evaluator.base(BATCHES), {
      adapter: jitter(drawAdapter(), 1, seed),
    });
  assert.deepEqual(await baseWith(1), await baseWith(2));
});

for (const name of [...DECIDING, "random"] as const) {
  Deno.test(`${name}: calibration finds the threshold of a budget`, async () => {
    await evaluated(name, async (evaluator) => {
      for (const budget of [0, 0.25, 0.5, 0.6]) {
        const at = await evaluator.calibrate(BATCHES, budget);
        assert.equal(at.targetSkip, budget);
        const { skipRatio } = (await evaluator.routed(BATCHES, at)).statistics;
        // A threshold parts what differs: tokens one by one, or sequences with all of theirs.
        const step = ROUTERS[name].promptTokens ? 6 / 29 / 3 : 1 / 29 / 3;
        assert.ok(Math.abs(skipRatio - budget) <= step, `${skipRatio} instead of ${budget}`);
      }
    });
  });
}

Deno.test("a budget beyond what may be skipped leaves the prompts alone", async () => {
  await evaluated("sequence-gumbel", async (evaluator) => {
    const at = await evaluator.calibrate(BATCHES, 1);
    const { skipRatio } = (await evaluator.routed(BATCHES, at)).statistics;
    const prompts = 6 * PROMPT_TOKENS / 29;
    assert.ok(Math.abs(skipRatio - (1 - prompts)) < 1e-9, `${skipRatio}`);
  });
});

Deno.test("without log-odds there is no threshold to find", async () => {
  for (const name of ["static", "static without a layer", "stochastic"] as const) {
    await evaluated(name, async (evaluator) => {
      const at = await evaluator.calibrate(BATCHES, 0.3);
      assert.deepEqual(at, { threshold: 0, targetSkip: 0.3 });
    });
  }
});

Deno.test("a router that reads its budget skips otherwise when told another one", async () => {
  await evaluated("token-gumbel at any budget", async (evaluator) => {
    const logits = async (
      targetSkip: number,
    ) => [...(await evaluator.decide(BATCHES[0]!, { threshold: 0, targetSkip })).logits!.data];
    assert.notDeepEqual(await logits(0.1), await logits(0.9));
  });
});

/** All orders of three rows. */
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

Deno.test("gates shuffled over tokens keep every layer's activity and lose their place", async () => {
  await evaluated("token-gumbel", async (evaluator) => {
    const { statistics, loss } = await evaluator.routed(BATCHES, POINT);
    const { layerActivity } = statistics;
    const run = (seed: number) =>
      evaluator.control("shuffled", BATCHES, POINT, layerActivity, seed);
    const shuffled = await run(2);
    shuffled.statistics.layerActivity.forEach((share, layer) => {
      assert.ok(Math.abs(share - layerActivity[layer]!) < 1e-12, `layer ${layer}`);
    });
    assert.ok(Math.abs(shuffled.loss - loss) > 1e-4);
    assert.deepEqual(numbers(await run(2)), numbers(shuffled));
    assert.notEqual((await run(3)).loss, shuffled.loss);
  });
});

Deno.test("gates of whole sequences are shuffled over sequences, one's all given to another", async () => {
  const full = drawBatch([6, 6, 6], 6, 1);
  await evaluated("reinforce", async (evaluator) => {
    const at = await evaluator.calibrate([full], 0.3);
    const own = (await evaluator.decide(full, at)).gates;
    const size = own.data.length / 3;
    const rows = [0, 1, 2].map((row) => [...own.data.subarray(row * size, (row + 1) * size)]);
    assert.equal(new Set(rows.map(String)).size, 3, "every sequence has gates of its own");
    const possible: number[] = [];
    for (const order of ORDERS) {
      const gates = floats(own.shape, order.flatMap((row) => rows[row]!));
      possible.push((await evaluator.under([full], () => gates)).loss);
    }
    const seen = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const { loss } = await evaluator.control("shuffled", [full], at, [1, 1, 1], seed);
      seen.add(possible.indexOf(loss));
    }
    assert.ok(!seen.has(-1), "all of one sequence's gates are given to one other");
    assert.ok(seen.size > 2, "in an order that the seed draws");
  });
});

Deno.test("random controls skip at the rates that they are given", async () => {
  const many = Array.from({ length: 40 }, (_, i) => drawBatch([6, 6, 6], 6, i));
  const activity = [0.9, 0.5, 0.1];
  const draws = 40 * 18;
  await evaluated("token-gumbel", async (evaluator) => {
    const run = (kind: "random" | "rate-matched", seed: number) =>
      evaluator.control(kind, many, POINT, activity, seed);
    for (
      const [kind, rates] of [["random", [0.5, 0.5, 0.5]], ["rate-matched", activity]] as const
    ) {
      const { statistics } = await run(kind, 7);
      statistics.layerActivity.forEach((share, layer) => {
        const rate = rates[layer]!;
        const allowed = 4 * Math.sqrt(rate * (1 - rate) / draws);
        assert.ok(Math.abs(share - rate) <= allowed, `${kind}: ${share} instead of ${rate}`);
      });
      assert.deepEqual(numbers(await run(kind, 7)), numbers(await run(kind, 7)));
      assert.notEqual((await run(kind, 8)).loss, (await run(kind, 7)).loss);
    }
  });
});

Deno.test("depth is counted for each kind of token", async () => {
  const labelled: LabelledBatch = {
    ...BATCHES[0]!,
    kinds: bytes([3, 6], Uint8Array.from({ length: 18 }, (_, i) => i % 2)),
  };
  await evaluated("token-gumbel", async (evaluator) => {
    const { statistics } = await evaluator.routed([labelled], POINT);
    const { gates } = await evaluator.decide(labelled, POINT);
    const depths = [0, 1].map((kind) => {
      const own = Array.from({ length: 18 }, (_, i) => i)
        .filter((i) => i % 2 === kind && labelled.tokenMask.data[i] === 1);
      const open = own.flatMap((i) => [...gates.data.subarray(3 * i, 3 * i + 3)]);
      return 1 + open.reduce((sum, gate) => sum + gate, 0) / own.length;
    });
    assert.deepEqual(statistics.byKind.map(({ kind }) => kind), ["even", "odd"]);
    statistics.byKind.forEach(({ activeLayers }, kind) => {
      assert.ok(Math.abs(activeLayers - depths[kind]!) < 1e-12);
    });
    assert.notEqual(depths[0], depths[1]);
    const real = ofRealTokens(gates, labelled);
    const skipped = real.filter((gate) => gate === 0).length / real.length;
    assert.ok(Math.abs(statistics.skipRatio - skipped) < 1e-12);
  }, { kinds: ["even", "odd"] });
});
