/** What is said of a finished run, for comparisons that are made up. */

import assert from "node:assert/strict";
import {
  type Comparison,
  type ComparisonRow,
  rowOf,
  type TextLoss,
  type Way,
} from "../../../core/eval/mod.ts";
import { RoutingStatistics } from "../../../core/routing/mod.ts";
import { type ExperimentConfig } from "../../../core/run/config_schema.ts";
import { finalNumbers, headline } from "../../../core/run/final_evaluation.ts";
import { comparisonTable, frontierTable, kindTable } from "../../../core/run/final_tables.ts";
import { type Parts } from "../../../core/run/parts.ts";
import { verdict } from "../../../core/run/verdict.ts";

const [ANCHOR, LAYERS] = [4, 6];

/** Twelve sequences of ten tokens, of which the second half is `spread` worse and the first better. */
function lossOf(loss: number, spread = 0): TextLoss {
  const sequences = Array.from({ length: 12 }, (_, i) => ({
    sum: 10 * (loss + (i < 6 ? -spread : spread)),
    tokens: 10,
  }));
  return { loss, perplexity: Math.exp(loss), tokens: 120, sequences };
}

/** Four tokens: what each of two layers does, and the kinds of the tokens. */
function statisticsOf(gates: readonly number[], kinds: readonly string[] = []): RoutingStatistics {
  const statistics = new RoutingStatistics(2, ANCHOR, kinds);
  statistics.add(gates, gates.map(() => 0), () => true, [0, 1, 1, 0]);
  return statistics;
}

/** Six of eight blocks are run; neither layer by all or by none. */
const MIXED = [1, 1, 1, 0, 0, 1, 1, 1];

function row(way: Way, loss: number, more: Partial<ComparisonRow> & { spread?: number } = {}) {
  const { spread, ...others } = more;
  const skips = way !== "base" && way !== "full-depth";
  return {
    way,
    result: lossOf(loss, spread),
    flopsPerToken: skips ? 75 : 100,
    ...(skips ? { statistics: statisticsOf(MIXED) } : {}),
    ...others,
  };
}

const ROWS = [
  row("base", 3, { accuracy: 0.75 }),
  row("routed", 3, { accuracy: 0.5 }),
  row("shuffled", 4),
  row("rate-matched", 4.5),
  row("random", 4.75),
  row("by-token", 3.25),
  row("by-position", 5),
];

/** A comparison of a router that reads tokens, with some rows replaced or added. */
function comparisonOf(...changes: readonly ComparisonRow[]): Comparison {
  const ways = new Set(changes.map(({ way }) => way));
  return {
    rows: [...ROWS.filter(({ way }) => !ways.has(way)), ...changes],
    frontier: [],
    information: 0.125,
  };
}

function partsOf(router: Readonly<Record<string, unknown>> = {}): Parts {
  return {
    student: {
      model: { dims: { numLayers: LAYERS } },
      router: { router: { name: "token-gumbel", decidesBy: "state", ...router } },
    },
  } as unknown as Parts;
}

const PARTS = partsOf();

/** A run that was meant to skip as much as it does, where not said otherwise. */
const configWith = (targetSkip: number, targetWeight = 0) =>
  ({ objective: { targetSkip, targetWeight } }) as ExperimentConfig;

const linesOf = (comparison: Comparison, parts = PARTS, config = configWith(0)) =>
  verdict(comparison, parts, config)!.split("\n");

Deno.test("a router that misses the target it was trained for is said to, and no other", () => {
  const { skipRatio } = rowOf(comparisonOf(), "routed").statistics!;
  const [missed, met, free] = [[0.12, 1], [0.08, 1], [0.12, 0]].map(([gap, weight]) =>
    linesOf(comparisonOf(), PARTS, configWith(skipRatio + gap!, weight))
  );
  assert.match(missed![0]!, /^The router skips \d+% where it was meant to skip \d+%\.$/);
  assert.deepEqual(missed!.slice(1), met);
  assert.deepEqual(free, met);
});

Deno.test("a router that its text needs is said to matter, and how much of it is the token", () => {
  assert.deepEqual(linesOf(comparisonOf()), [
    "Shuffling the gates costs 1.000 (95%: 1.000 to 1.000) nats per token: what the router reads " +
    "matters.",
    "A table of the router's mean answers by token would keep 75% of that, one by position 0%; " +
    "the rest is context.",
    'Of what skips as much without the router, "looked up by token" does best: the router is ' +
    "better by 0.250 (95%: 0.250 to 0.250) nats.",
    "Gates carry 0.125 bits about the token, beyond the layer; one decision has an entropy of " +
    "1.000 bits at full noise.",
  ]);
});

Deno.test("a difference that sequences disagree about is no difference", () => {
  const [first, second] = linesOf(comparisonOf(row("shuffled", 3.001, { spread: 0.2 })));
  assert.match(
    first!,
    /^Shuffling the gates costs 0\.001 \(95%: -0\.\d+ to 0\.\d+\) nats per token/,
  );
  assert.match(first!, /: what the router reads makes no difference that this text could show\.$/);
  // What is not there is not divided between token and position.
  assert.match(
    second!,
    /"same gates, shuffled over tokens" does best: there is no clear difference/,
  );
});

Deno.test("a control that beats the router is said to", () => {
  const lines = linesOf(comparisonOf(row("static-mask", 2.5)));
  assert.ok(
    lines.includes(
      'Of what skips as much without the router, "best static mask" does best: it beats the router ' +
        "by 0.500 (95%: 0.500 to 0.500) nats.",
    ),
    lines.join("\n"),
  );
});

Deno.test("the best control is the one of the lowest loss; full depth and the base are none", () => {
  const lines = linesOf(comparisonOf(
    row("base", 1),
    row("full-depth", 1),
    row("sampled", 1),
    row("base-random", 1),
    row("by-token", 6),
    row("random", 3.125),
  ));
  assert.match(
    lines[2]!,
    /"random, same rate overall" does best: the router is better by 0\.125/,
  );
});

/** Gates of a collapsed router by how it has collapsed. */
const COLLAPSED = {
  "all-run": [1, 1, 1, 1, 1, 1, 1, 1],
  "all-skip": [0, 0, 0, 0, 0, 0, 0, 0],
  "fixed-pattern": [1, 0, 1, 0, 1, 0, 1, 0],
};

for (const [flag, gates] of Object.entries(COLLAPSED)) {
  Deno.test(`a router that has collapsed (${flag}) is said to, first of all`, () => {
    const statistics = statisticsOf(gates);
    const [first] = linesOf(comparisonOf(row("routed", 3, { statistics })));
    assert.equal(first, `The router has collapsed (${flag}): it treats all tokens alike.`);
    assert.doesNotMatch(linesOf(comparisonOf()).join("\n"), /collapsed/);
  });
}

Deno.test("a decision about sequences is not looked up by token, and shuffled over sequences", () => {
  const rows = ROWS.filter(({ way }) => !way.startsWith("by-"));
  const parts = partsOf({ promptTokens: 32 });
  const lines = linesOf({ rows, frontier: [], information: 0 }, parts);
  assert.equal(lines.length, 3);
  assert.match(lines[1]!, /"same gates, shuffled over sequences" does best: the router is better/);
});

Deno.test("a router that reads nothing gets no verdict, and no table of kinds", () => {
  const { information: _, ...blind } = comparisonOf(
    row("routed", 3, { statistics: statisticsOf(MIXED, ["name", "verb"]) }),
  );
  assert.equal(verdict(blind, partsOf({ decidesBy: "rule" }), configWith(0)), undefined);
  assert.equal(kindTable(blind), undefined);
});

const configOf = (gates: string) =>
  ({ evaluation: { gates }, router: { anchorLayers: ANCHOR } }) as unknown as ExperimentConfig;

Deno.test("a run ends with the numbers of its routed model, and with all rows by their names", () => {
  const comparison: Comparison = {
    ...comparisonOf(row("routed", 3, {
      accuracy: 0.5,
      statistics: statisticsOf(MIXED, ["name", "verb"]),
    })),
    staticMask: [1, 0],
    frontier: [{
      budget: 0.2,
      threshold: -0.5,
      result: { ...lossOf(2), statistics: statisticsOf(MIXED) },
      flopsPerToken: 90,
    }],
  };
  const { rows, frontier, ...final } = finalNumbers(configOf("calibrated"), comparison, 250, 61.5);
  assert.deepEqual(final, {
    step: 250,
    loss: 3,
    perplexity: Math.exp(3),
    accuracy: 0.5,
    flopsPerToken: 75,
    skipRatio: 0.25,
    activeLayers: 5.5,
    totalLayers: 6,
    routerEntropy: 1,
    collapse: "none",
    layerActivity: [0.75, 0.75],
    activeLayersByKind: { name: 6, verb: 5 },
    gateInformationBits: 0.125,
    // Layers of the model, not of those that may be skipped.
    staticMask: [5, 4],
    validationTokens: 120,
    wallSeconds: 61.5,
  });
  assert.deepEqual(Object.keys(rows).toSorted(), ROWS.map(({ way }) => way).toSorted());
  assert.deepEqual(rows["base"], {
    loss: 3,
    perplexity: Math.exp(3),
    skipRatio: 0,
    flopsPerToken: 100,
    accuracy: 0.75,
  });
  assert.deepEqual(rows["shuffled"], {
    loss: 4,
    perplexity: Math.exp(4),
    skipRatio: 0.25,
    activeLayers: 5.5,
    flopsPerToken: 75,
  });
  assert.deepEqual(frontier, [{
    budget: 0.2,
    threshold: -0.5,
    loss: 2,
    perplexity: Math.exp(2),
    skipRatio: 0.25,
    flopsPerToken: 90,
  }]);
});

Deno.test("a run that is evaluated with sampled gates stands for itself with those", () => {
  const statistics = statisticsOf(COLLAPSED["all-run"]);
  const comparison = comparisonOf(row("sampled", 2, { statistics }));
  for (
    const [gates, way] of [["sampled", "sampled"], ["own", "routed"], ["calibrated", "routed"]]
  ) {
    assert.equal(headline(configOf(gates!), comparison).way, way);
  }
  const { loss, skipRatio, collapse } = finalNumbers(configOf("sampled"), comparison, 1, 1) as {
    loss: number;
    skipRatio?: number;
    collapse?: string;
  };
  assert.deepEqual([loss, skipRatio, collapse], [2, 0, "all-run"]);
  assert.throws(() => headline(configOf("sampled"), comparisonOf()), RangeError);
});

Deno.test("the table has a row for each way, beside the base in loss and cost", () => {
  const table = comparisonTable(comparisonOf(row("full-depth", 2.5)), PARTS).split("\n");
  assert.match(table[0]!, /^validation .*× base .*FLOPs +questions$/);
  assert.match(
    table[2]!,
    /^base model, full depth +3\.0000 +20\.086 +1\.000 +6\.00 +0\.000 +1\.000 +0\.750$/,
  );
  assert.match(
    table[3]!,
    /^routed +3\.0000 +20\.086 +1\.000 +5\.50 +0\.250 +0\.750 +0\.500$/,
  );
  assert.match(
    table[4]!,
    /^ {2}same gates, shuffled over tokens +4\.0000 +54\.598 +2\.718 .* – *$/,
  );
  assert.match(table.at(-1)!, /^trained model, full depth +2\.5000 +12\.182 +0\.607 +6\.00 /);
});

Deno.test("the routed model is called by what decides", () => {
  const names = [{ decidesBy: "rule" }, { decidesBy: "chance", name: "random" }].map((router) =>
    /^[^\d]*\S(?= )/.exec(comparisonTable(comparisonOf(), partsOf(router)).split("\n")[3]!)?.[0]
  );
  assert.deepEqual(names.map((name) => name?.trim()), ["trained model", "under random gates"]);
});

Deno.test("kinds of tokens are listed from the deepest, where there are several", () => {
  const statistics = statisticsOf(MIXED, ["verb", "name"]);
  const [, , first, second] = kindTable(comparisonOf(row("routed", 3, { statistics })))!.split(
    "\n",
  );
  assert.match(first!, /^verb +0\.500 +6\.00$/);
  assert.match(second!, /^name +0\.500 +5\.00$/);
  assert.equal(kindTable(comparisonOf()), undefined);
});

Deno.test("budgets have a table of their own, where there are any", () => {
  assert.equal(frontierTable(comparisonOf()), undefined);
  const result = { ...lossOf(4), statistics: statisticsOf(MIXED) };
  const frontier = [{ budget: 0.3, threshold: 0, result, flopsPerToken: 80 }];
  const [, , line] = frontierTable({ ...comparisonOf(), frontier })!.split("\n");
  assert.match(line!, /^ +0\.30 +0\.250 +0\.800 +4\.0000 +54\.598 +2\.718$/);
});
