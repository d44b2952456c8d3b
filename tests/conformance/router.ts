/**
 * What every router promises: gates of the right shape that are 0 or 1, decisions that repeat, a
 * threshold that means what it says, and a gradient for everything it trains.
 */

import assert from "node:assert/strict";
import {
  type DecideContext,
  type Decision,
  type Router,
  type Site,
} from "../../core/contracts/mod.ts";
import { gradients, input, inputsOf, type Node, topologicalOrder } from "../../core/graph/mod.ts";
import { initialize, inputNodes, ParamNodes, type Weights } from "../../core/nn/mod.ts";
import { floats, type FloatTensor, type HostTensor, RandomStream } from "../../core/tensor/mod.ts";
import { evaluate } from "../../plugins/backends/reference/mod.ts";
import { weightedSum } from "./gradient_check.ts";

/** What a router may read for the decision about one token. */
export interface RouterPromises {
  /** `"token"`: that token's state only. `"sequence"`: any real token of the same sequence. */
  readonly reads: "token" | "sequence";
  /** What tells this router's tests from those of the same router with other options. */
  readonly variant?: string;
}

const SITE: Site = { hiddenSize: 8, routableLayers: 3 };
const [BATCH, LENGTH] = [2, 5];
const STATE_SHAPE = [BATCH, LENGTH, SITE.hiddenSize];

/** The last token of the second sequence is padding. */
const MASK = floats([BATCH, LENGTH], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);

function normal(shape: readonly number[], name: string, std = 1): FloatTensor {
  const random = new RandomStream(12, name);
  const tensor = floats(shape);
  tensor.data.forEach((_, i) => tensor.data[i] = std * random.normal());
  return tensor;
}

function uniform(shape: readonly number[], name: string): FloatTensor {
  const random = new RandomStream(13, name);
  const tensor = floats(shape);
  tensor.data.forEach((_, i) => tensor.data[i] = random.uniform());
  return tensor;
}

/** A router's decision as a graph, with values for everything it may read. */
class Setup {
  readonly params: Readonly<Record<string, Node>>;
  readonly state = input("state", STATE_SHAPE);
  readonly train: Decision;
  readonly evaluation: Decision;
  readonly feeds: Record<string, HostTensor>;

  constructor(router: Router) {
    const specs = router.params(SITE);
    this.params = inputNodes(specs);
    const decide = (context: DecideContext) =>
      router.decide(new ParamNodes(this.params), this.state, SITE, context);
    const tokenMask = input("tokenMask", [BATCH, LENGTH]);
    this.train = decide({
      mode: "train",
      temperature: input("temperature", []),
      noise: input("noise", [BATCH, LENGTH, SITE.routableLayers]),
      tokenMask,
    });
    this.evaluation = decide({ mode: "eval", threshold: input("threshold", []), tokenMask });
    this.feeds = {
      ...moved(initialize(specs, 7)),
      state: normal(STATE_SHAPE, "state"),
      noise: uniform([BATCH, LENGTH, SITE.routableLayers], "noise"),
      temperature: floats([], [0.8]),
      threshold: floats([], [0]),
      tokenMask: MASK,
    };
  }

  /** Values of nodes, with some feeds replaced. */
  values<Name extends string>(
    nodes: Readonly<Record<Name, Node>>,
    changes: Readonly<Record<string, HostTensor>> = {},
  ): Record<Name, HostTensor> {
    return evaluate(nodes, { ...this.feeds, ...changes });
  }
}

/** Parameters away from where they start, where much may be zero and a mistake would not show. */
function moved(start: Weights): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(start).map(([name, { shape, data }]) => {
      const noise = normal(shape, `parameter ${name}`, 0.5).data;
      return [name, floats(shape, data.map((x, i) => x + noise[i]!))];
    }),
  );
}

/** The state with the tokens that `which` picks replaced by others. */
function otherState(state: HostTensor, which: (token: number) => boolean): FloatTensor {
  const other = normal(STATE_SHAPE, "other state").data;
  const width = SITE.hiddenSize;
  const data = Array.from(state.data, (x, i) => which(Math.floor(i / width)) ? other[i]! : x);
  return floats(STATE_SHAPE, data);
}

/** A decision's entries `[B, T or 1, L']` for one token of the batch. */
function ofToken({ shape, data }: HostTensor, token: number): number[] {
  const [sequence, position] = [Math.floor(token / LENGTH), token % LENGTH];
  const rows = shape[1]!;
  const row = sequence * rows + (rows === 1 ? 0 : position);
  return [...data.slice(row * SITE.routableLayers, (row + 1) * SITE.routableLayers)];
}

const TOKENS = Array.from({ length: BATCH * LENGTH }, (_, token) => token);
const real = (token: number) => MASK.data[token] === 1;

/**
 * Declares the tests of a router. Call it once from the router's own test file.
 *
 * @param make a fresh router, with any options
 */
export function testRouter(make: () => Router, { reads, variant }: RouterPromises): void {
  const name = [make().name, ...(variant ? [variant] : [])].join(" ");

  Deno.test(`${name} gives a gate and a logit per skippable block, for tokens or sequences`, () => {
    const { train, evaluation } = new Setup(make());
    for (const { gates, logits } of [train, evaluation]) {
      const rows = reads === "token" ? LENGTH : gates.type.shape[1];
      assert.ok(rows === LENGTH || rows === 1);
      assert.deepEqual(gates.type, {
        dtype: "float32",
        shape: [BATCH, rows, SITE.routableLayers],
      });
      assert.deepEqual(logits.type, gates.type);
    }
    if (train.penalty) assert.deepEqual(train.penalty.type, { dtype: "float32", shape: [] });
  });

  Deno.test(`${name} gives gates of 0 or 1, in training as in evaluation`, () => {
    const setup = new Setup(make());
    const { hard, soft } = setup.values({ hard: setup.evaluation.gates, soft: setup.train.gates });
    for (const { data } of [hard, soft]) assert.ok(data.every((gate) => gate === 0 || gate === 1));
  });

  Deno.test(`${name} needs neither noise nor temperature in evaluation`, () => {
    const { evaluation } = new Setup(make());
    const read = inputsOf(topologicalOrder([evaluation.gates, evaluation.logits]));
    assert.ok(!read.has("noise") && !read.has("temperature"));
  });

  Deno.test(`${name} gives logits from before the noise, the same in both modes`, () => {
    const setup = new Setup(make());
    const { train, evaluation } = setup;
    assert.ok(!inputsOf(topologicalOrder([train.logits])).has("noise"));
    const { a, b } = setup.values({ a: train.logits, b: evaluation.logits });
    assert.deepEqual(a, b);
  });

  Deno.test(`${name} opens a gate where its logit is above the threshold, and only there`, () => {
    const setup = new Setup(make());
    const { gates, logits } = setup.evaluation;
    const sorted = setup.values({ logits }).logits.data.toSorted();
    const between = (i: number) => (sorted[i]! + sorted[i + 1]!) / 2;
    const middle = Math.floor(sorted.length / 2);
    const thresholds = [sorted[0]! - 1, between(0), between(middle), 0, sorted.at(-1)! + 1];
    for (const threshold of thresholds) {
      const value = setup.values({ gates, logits }, { threshold: floats([], [threshold]) });
      const expected = Array.from(value.logits.data, (x) => x > Math.fround(threshold) ? 1 : 0);
      assert.deepEqual([...value.gates.data], expected);
    }
  });

  Deno.test(`${name} repeats its decision, and samples another one from other noise`, () => {
    const setup = new Setup(make());
    const { gates } = setup.train;
    const first = setup.values({ gates });
    assert.deepEqual(setup.values({ gates }), first);
    const others = Array.from(
      { length: 20 },
      (_, draw) =>
        setup.values({ gates }, { noise: uniform(setup.feeds["noise"]!.shape, `draw ${draw}`) }),
    );
    assert.ok(others.some((other) => other.gates.data.some((x, i) => x !== first.gates.data[i])));
  });

  Deno.test(`${name} passes a gradient through its sampled gates to every parameter`, () => {
    const setup = new Setup(make());
    const names = Object.keys(setup.params);
    const slopes = gradients(
      weightedSum(setup.train.gates),
      names.map((name) => setup.params[name]!),
    );
    const values = setup.values(Object.fromEntries(names.map((name, i) => [name, slopes[i]!])));
    for (const name of names) {
      const { data } = values[name]!;
      assert.ok(data.every(Number.isFinite), `the gradient of ${name} is finite`);
      assert.ok(data.some((x) => x !== 0), `nothing flows to ${name}`);
    }
  });

  Deno.test(`${name} decides alike whatever the padding and the other sequences hold`, () => {
    const setup = new Setup(make());
    const nodes = { train: setup.train.gates, logits: setup.evaluation.logits };
    const before = setup.values(nodes);
    const first = (token: number) => token < LENGTH;
    const changed = (which: (token: number) => boolean) =>
      setup.values(nodes, { state: otherState(setup.feeds["state"]!, which) });
    const [padding, second] = [changed((t) => !real(t)), changed((t) => !first(t))];
    for (const key of ["train", "logits"] as const) {
      for (const token of TOKENS.filter(real)) {
        assert.deepEqual(ofToken(padding[key], token), ofToken(before[key], token));
      }
      for (const token of TOKENS.filter(first)) {
        assert.deepEqual(ofToken(second[key], token), ofToken(before[key], token));
      }
    }
  });

  if (reads === "token") {
    Deno.test(`${name} decides about a token by that token's state alone`, () => {
      const setup = new Setup(make());
      const nodes = { train: setup.train.gates, logits: setup.evaluation.logits };
      const before = setup.values(nodes);
      for (const changed of TOKENS) {
        const state = otherState(setup.feeds["state"]!, (token) => token === changed);
        const after = setup.values(nodes, { state });
        for (const token of TOKENS.filter((token) => token !== changed)) {
          assert.deepEqual(ofToken(after.logits, token), ofToken(before.logits, token));
          assert.deepEqual(ofToken(after.train, token), ofToken(before.train, token));
        }
        assert.notDeepEqual(ofToken(after.logits, changed), ofToken(before.logits, changed));
      }
    });
  }

  Deno.test(`${name} stays finite for states of zeros and of huge numbers`, () => {
    const setup = new Setup(make());
    const huge = Array.from(setup.feeds["state"]!.data, (x) => 1e6 * x);
    for (const state of [floats(STATE_SHAPE), floats(STATE_SHAPE, huge)]) {
      const { logits } = setup.values({ logits: setup.evaluation.logits }, { state });
      assert.ok(logits.data.every(Number.isFinite));
    }
  });
}
