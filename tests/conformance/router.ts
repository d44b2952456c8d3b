/**
 * What every router promises: gates of 0 or 1 that repeat, a threshold that means what it says,
 * decisions that come from what they are said to come from and from nothing else, and a gradient for
 * everything that is trained.
 */

import assert from "node:assert/strict";
import { type Router } from "../../core/contracts/mod.ts";
import {
  gradients,
  inputsOf,
  type Node,
  topologicalOrder,
} from "../../core/graph/mod.ts";
import { CERTAIN } from "../../core/routing/mod.ts";
import { floats, type HostTensor } from "../../core/tensor/mod.ts";
import { weightedSum } from "./gradient_check.ts";
import {
  BATCH,
  exchanged,
  inPrompt,
  LENGTH,
  NOISE_SHAPE,
  normal,
  ofToken,
  real,
  sequenceOf,
  Setup,
  SITE,
  STATE_SHAPE,
  TOKENS,
  uniform,
} from "./router_setup.ts";
import { partsOf, readBy } from "./routing_context.ts";

/** What a router may read for the decision about one token. */
export interface RouterPromises {
  /**
   * - `"token"`: that token's state only
   * - `"prompt"`: the real tokens of its sequence's prompt, and it decides for tokens after that only
   * - `"sequence"`: all real tokens of the same sequence
   * - `"nothing"`: no state at all, as routers do that go by chance or by a rule
   */
  readonly reads: "token" | "prompt" | "sequence" | "nothing";
  /** What tells this router's tests from those of the same router with other options. */
  readonly variant?: string;
}

/** Whether the decision about `token` may change with the state of `changed`. */
const MAY_READ: Readonly<
  Record<RouterPromises["reads"], (token: number, changed: number) => boolean>
> = {
  token: (token, changed) => token === changed,
  prompt: (token, changed) =>
    sameSequence(token, changed) && real(changed) && inPrompt(changed) &&
    !inPrompt(token),
  sequence: (token, changed) => sameSequence(token, changed) && real(changed),
  nothing: () => false,
};

/** For whom gates may be given. */
const ALL = [1, 1] as const;
const GATES_FOR: Readonly<
  Record<
    RouterPromises["reads"],
    readonly (readonly [batch: number, length: number])[]
  >
> = {
  token: [[BATCH, LENGTH]],
  prompt: [[BATCH, LENGTH]],
  sequence: [[BATCH, 1]],
  nothing: [[BATCH, LENGTH], [BATCH, 1], ALL],
};

const sameSequence = (a: number, b: number) => sequenceOf(a) === sequenceOf(b);

/**
 * Declares the tests of a router. Call it once from the router's own test file.
 *
 * @param make a fresh router, with any options
 */
export function testRouter(
  make: () => Router,
  { reads, variant }: RouterPromises,
): void {
  const router = make();
  const name = [router.name, ...(variant ? [variant] : [])].join(" ");
  testEvery(name, make, reads);
  if (router.decidesBy === "state") testDecidingByState(name, make);
  else testDecidingBlindly(name, make);
  if (reads === "prompt") testPrompt(name, make);
}

/** What holds however a router decides. */
function testEvery(
  name: string,
  make: () => Router,
  reads: RouterPromises["reads"],
): void {
  Deno.test(`${name} gives gates for tokens, sequences or all, and all else in shapes to match`, () => {
    const { train, evaluation, router } = new Setup(make());
    const allowed = router.decidesBy === "rule" ? [ALL] : GATES_FOR[reads];
    for (
      const { gates, logits, survivalScale, logProbability, penalty } of [
        train,
        evaluation,
      ]
    ) {
      assert.equal(gates.type.dtype, "float32");
      const [sequences, rows, layers] = gates.type.shape;
      assert.ok(
        allowed.some(([batch, length]) =>
          batch === sequences && length === rows
        ),
      );
      assert.equal(layers, SITE.routableLayers);
      if (logits) assert.deepEqual(logits.type, gates.type);
      if (survivalScale) {
        assert.deepEqual(survivalScale.type.shape, [1, 1, SITE.routableLayers]);
      }
      if (logProbability) assert.deepEqual(logProbability.type.shape, [BATCH]);
      if (penalty) assert.deepEqual(penalty.type.shape, []);
    }
  });

  Deno.test(`${name} says whether it looks at later tokens`, () => {
    assert.equal(make().causal === false, reads === "sequence");
  });

  Deno.test(`${name} gives gates of 0 or 1, in training as in evaluation`, () => {
    const setup = new Setup(make());
    const { a, b } = setup.values({
      a: setup.evaluation.gates,
      b: setup.train.gates,
    });
    for (const { data } of [a, b]) {
      assert.ok(data.every((gate) => gate === 0 || gate === 1));
    }
  });

  Deno.test(`${name} reads no temperature in evaluation, and noise only if it goes by chance`, () => {
    const { evaluation, router } = new Setup(make());
    const read = readBy(partsOf(evaluation));
    assert.ok(!read.has("temperature"));
    if (router.decidesBy !== "chance") assert.ok(!read.has("noise"));
  });

  Deno.test(`${name} opens a gate where its logit is above the threshold, and only there`, () => {
    const setup = new Setup(make());
    const { gates, logits } = setup.evaluation;
    if (!logits) {
      assert.ok(
        !readBy({ gates }).has("threshold"),
        "without logits there is no threshold",
      );
      return;
    }
    assertOpensAbove(setup, gates, logits);
  });

  Deno.test(`${name} repeats its decision`, () => {
    const setup = new Setup(make());
    assert.deepEqual(setup.values(setup.parts), setup.values(setup.parts));
    const again = new Setup(make());
    assert.deepEqual(again.values(again.parts), setup.values(setup.parts));
  });

  Deno.test(`${name} reads for a decision what it says, and nothing else`, () => {
    const setup = new Setup(make());
    // What a whole batch has in common, such as a penalty, is nobody's decision.
    const parts = Object.fromEntries(
      Object.entries(setup.parts).filter(([, { type }]) =>
        type.shape.length > 0
      ),
    );
    const before = setup.values(parts);
    const { state } = setup.feeds;
    for (const changed of TOKENS) {
      const other = exchanged(
        state!,
        normal(STATE_SHAPE, "other state"),
        (t) => t === changed,
      );
      const after = setup.values(parts, { state: other });
      for (const [part, value] of Object.entries(after)) {
        for (const token of TOKENS) {
          const values = [ofToken(value, token), ofToken(before[part]!, token)];
          const anyToken = part.endsWith("logProbability")
            ? TOKENS.filter((t) => sameSequence(t, token))
            : [token];
          if (!anyToken.some((t) => MAY_READ[reads](t, changed))) {
            assert.deepEqual(
              values[0],
              values[1],
              `${part} of ${token}, by ${changed}`,
            );
          } else if (!part.endsWith("gates")) {
            // Gates may stay the same; what is behind them may not.
            assert.notDeepEqual(
              values[0],
              values[1],
              `${part} of ${token}, by ${changed}`,
            );
          }
        }
      }
    }
  });

  Deno.test(`${name} draws gates from no other sequence's noise, nor from that of padding`, () => {
    const setup = new Setup(make());
    const { train: { gates }, feeds } = setup;
    const before = setup.values({ gates });
    for (let draw = 0; draw < 20; draw++) {
      const other = uniform(NOISE_SHAPE, `draw ${draw}`);
      const foreign = (token: number) =>
        sequenceOf(token) !== 1 || !real(token);
      const after = setup.values({ gates }, {
        noise: exchanged(feeds["noise"]!, other, foreign),
      });
      for (const token of TOKENS.filter((token) => !foreign(token))) {
        assert.deepEqual(
          ofToken(after.gates, token),
          ofToken(before.gates, token),
        );
      }
    }
  });
}

/** Fails unless gates are 1 where logits are above the threshold, at any, and 0 elsewhere. */
function assertOpensAbove(setup: Setup, gates: Node, logits: Node): void {
  const { data } = setup.values({ logits }).logits;
  const sorted = [...data].filter((logit) => logit !== CERTAIN).sort((a, b) =>
    a - b
  );
  const middle = sorted.findIndex((logit, i) =>
    i >= sorted.length / 2 && logit < sorted[i + 1]!
  );
  const between = (sorted[middle]! + sorted[middle + 1]!) / 2;
  const thresholds: number[] = [sorted[0]! - 1, between, 0, sorted.at(-1)! + 1];
  for (const threshold of thresholds) {
    const fed = floats([], [threshold]);
    const value = setup.values({ gates, logits }, { threshold: fed });
    const expected = Array.from(
      value.logits.data,
      (logit) => logit > fed.data[0]! ? 1 : 0,
    );
    assert.deepEqual([...value.gates.data], expected);
  }
}

/** What a router promises that reads the state. */
function testDecidingByState(name: string, make: () => Router): void {
  Deno.test(`${name} gives logits from before the noise, the same in both modes`, () => {
    const setup = new Setup(make());
    const { train, evaluation } = setup;
    assert.ok(train.logits && evaluation.logits);
    const read = readBy({ train: train.logits, evaluation: evaluation.logits });
    for (const name of ["noise", "temperature", "threshold"]) {
      assert.ok(!read.has(name), name);
    }
    const { a, b } = setup.values({ a: train.logits, b: evaluation.logits });
    assert.deepEqual(a, b);
  });

  Deno.test(`${name} samples another decision from other noise, if its gates read any`, () => {
    const setup = new Setup(make());
    const { gates } = setup.train;
    const first = setup.values({ gates });
    const differs = draws(setup, gates)
      .some(({ data }) => data.some((x, i) => x !== first.gates.data[i]));
    assert.equal(differs, readBy({ gates }).has("noise"));
  });

  Deno.test(`${name} passes a gradient to every parameter, by its gates or their probability`, () => {
    const setup = new Setup(make());
    const output = weightedSum(setup.train.logProbability ?? setup.train.gates);
    const inputs = inputsOf(topologicalOrder([output]));
    const names = setup.params;
    assert.ok(names.length > 0);
    assert.deepEqual(
      names.filter((name) => !inputs.has(name)),
      [],
      "parameters that nothing reads",
    );
    const slopes = gradients(output, names.map((name) => inputs.get(name)!));
    const values = setup.values(
      Object.fromEntries(names.map((name, i) => [name, slopes[i]!])),
    );
    for (const name of names) {
      const { data } = values[name]!;
      assert.ok(
        data.every(Number.isFinite),
        `the gradient of ${name} is finite`,
      );
      assert.ok(data.some((x) => x !== 0), `nothing flows to ${name}`);
    }
  });

  Deno.test(`${name} stays finite for states of zeros and of huge numbers`, () => {
    const setup = new Setup(make());
    const huge = Array.from(setup.feeds["state"]!.data, (x) => 1e6 * x);
    for (const state of [floats(STATE_SHAPE), floats(STATE_SHAPE, huge)]) {
      for (
        const { data } of Object.values(setup.values(setup.parts, { state }))
      ) {
        assert.ok(data.every(Number.isFinite));
      }
    }
  });
}

/** What a router promises that goes by chance or by a rule. */
function testDecidingBlindly(name: string, make: () => Router): void {
  Deno.test(`${name} has nothing to train, and looks at no state`, () => {
    const { params, parts } = new Setup(make());
    assert.deepEqual(params, []);
    assert.ok(!readBy(parts).has("state"));
  });

  Deno.test(`${name} reads noise in training if it goes by chance, and none if by a rule`, () => {
    const setup = new Setup(make());
    const { train: { gates }, router } = setup;
    const byChance = router.decidesBy === "chance";
    assert.equal(readBy(partsOf(setup.train)).has("noise"), byChance);
    const first = setup.values({ gates }).gates;
    const differs = ({ data }: HostTensor) =>
      data.some((x, i) => x !== first.data[i]);
    assert.equal(draws(setup, gates).some(differs), byChance);
  });
}

/** What a router promises that decides for the tokens after a prompt. */
function testPrompt(name: string, make: () => Router): void {
  Deno.test(`${name} runs every block on the prompt, at any threshold`, () => {
    const setup = new Setup(make());
    assert.ok(setup.router.promptTokens! >= 1);
    const always = new Array<number>(SITE.routableLayers).fill(1);
    const certain = always.map(() => CERTAIN);
    const { train, evaluation } = setup;
    const nodes = {
      train: train.gates,
      gates: evaluation.gates,
      logits: evaluation.logits!,
    };
    // A threshold that is calibrated to skip more than there is after the prompt reaches CERTAIN.
    for (const threshold of [0, CERTAIN, 2 * CERTAIN]) {
      const values = setup.values(nodes, {
        threshold: floats([], [threshold]),
      });
      for (const token of TOKENS.filter(inPrompt)) {
        assert.deepEqual(ofToken(values.train, token), always);
        assert.deepEqual(
          ofToken(values.gates, token),
          always,
          `at a threshold of ${threshold}`,
        );
        assert.deepEqual(ofToken(values.logits, token), certain);
      }
    }
  });

  Deno.test(`${name} decides the same for all tokens after a prompt`, () => {
    const setup = new Setup(make());
    const { train, evaluation } = setup;
    const values = setup.values({
      gates: train.gates,
      logits: evaluation.logits!,
    });
    for (const value of Object.values(values)) {
      for (const token of TOKENS.filter((token) => !inPrompt(token))) {
        const last = (sequenceOf(token) + 1) * LENGTH - 1;
        assert.deepEqual(ofToken(value, token), ofToken(value, last));
      }
    }
    assert.notDeepEqual(
      ofToken(values.logits, LENGTH - 1),
      ofToken(values.logits, 2 * LENGTH - 1),
    );
  });
}

/** Values of gates under other noise. */
function draws(setup: Setup, gates: Node): HostTensor[] {
  return Array.from({ length: 20 }, (_, draw) => {
    const noise = uniform(NOISE_SHAPE, `draw ${draw}`);
    return setup.values({ gates }, { noise }).gates;
  });
}
