/** Means, perplexities, their errors, groups, and whether a difference is beyond noise. */

import assert from "node:assert/strict";
import {
  aggregate,
  differenceInWords,
  groupOutcomes,
  type MetricResult,
  pairedMetricDifference,
  pooled,
  type TaskOutcome,
} from "../../../../core/eval/harness/mod.ts";

const near = (actual: number | undefined, expected: number) =>
  assert.ok(Math.abs(actual! - expected) < 1e-14, `${actual} is not ${expected}`);

Deno.test("a mean has the standard error of a mean; one document has none", () => {
  const { value, stderr } = aggregate("mean", [...Array(6).fill(1), ...Array(14).fill(0)]);
  near(value, 0.3);
  near(stderr, 0.10513149660756935);
  assert.deepEqual(aggregate("mean", [1]), { value: 1 });
});

Deno.test("perplexities are of the whole corpus, not means of documents", () => {
  const [words, bytes] = [[[-100.5, 30], [-51.25, 12]], [[-100.5, 160], [-51.25, 70]]] as const;
  const perplexity = aggregate("weighted_perplexity", words);
  near(perplexity.value / 37.080648809178626, 1);
  assert.equal(perplexity.stderr, undefined);
  near(aggregate("weighted_perplexity", bytes).value, 1.9343717730876564);
  near(aggregate("bits_per_byte", bytes).value, 0.9518650976300009);
});

Deno.test("a group is a mean over documents, its error pooled over tasks", () => {
  const members = [[1, 0, 0], [1, 1, 0, 1, 1]].map((values) => ({
    ...aggregate("mean", values),
    documents: values.length,
  }));
  const { value, stderr } = pooled(members);
  near(value, 0.625);
  near(stderr, 0.17480147469502524);
  const single = { value: 1, documents: 1 };
  assert.equal(pooled([...members, single]).stderr, undefined);
});

function outcome(name: string, values: readonly number[]): TaskOutcome {
  const metric = {
    metric: "acc",
    filter: "none",
    aggregation: "mean",
    higherIsBetter: true,
  } as const;
  return {
    name,
    alias: name,
    version: 1,
    outputType: "multiple_choice",
    shots: 0,
    documents: values.length,
    available: values.length,
    metrics: [{ ...metric, ...aggregate("mean", values), values }],
    hash: "",
    cut: 0,
    seconds: 1,
    tokens: 1,
  };
}

Deno.test("groups inside groups come first, and what was not asked is left out", () => {
  const group = (name: string, members: string[]) => ({
    name,
    description: "",
    version: "2",
    members,
    metrics: ["acc"],
  });
  const groups = [
    group("all", ["left", "right"]),
    group("left", ["a", "b"]),
    group("right", ["c"]),
  ];
  const outcomes = groupOutcomes(groups, [outcome("a", [1, 0, 0]), outcome("b", [1, 1, 0, 1, 1])]);
  assert.deepEqual(outcomes.map(({ name, members }) => [name, ...members]), [
    ["left", "a", "b"],
    ["all", "left"],
  ]);
  for (const { documents, metrics } of outcomes) {
    assert.equal(documents, 8);
    near(metrics[0]!.value, 0.625);
    near(metrics[0]!.stderr, 0.17480147469502524);
  }
});

const metricOf = (values: readonly number[]): MetricResult => outcome("t", values).metrics[0]!;

Deno.test("a difference on the same documents has an interval, and a plain sentence", () => {
  const good = metricOf(Array.from({ length: 100 }, (_, i) => i % 10 === 0 ? 0 : 1));
  const bad = metricOf(Array.from({ length: 100 }, (_, i) => i % 10 < 4 ? 0 : 1));
  const difference = pairedMetricDifference(bad, good);
  near(difference.value, -0.3);
  assert.ok(difference.low < -0.3 && difference.high > -0.3 && difference.high < -0.15);
  assert.match(differenceInWords("x", "y", bad, difference), /^x is worse than y: acc −0\.3000/);
  assert.match(
    differenceInWords("x", "y", good, pairedMetricDifference(good, bad)),
    /^x is better than y: acc \+0\.3000/,
  );
  const same = differenceInWords("x", "y", good, pairedMetricDifference(good, good));
  assert.match(same, /^no difference beyond noise between x and y/);
  assert.throws(() => pairedMetricDifference(good, metricOf([1])), RangeError);
});
