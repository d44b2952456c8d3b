/** What a task makes of answers. */

import assert from "node:assert/strict";
import { type Metric, type MetricValue, type Scored, type Task } from "../../contracts/mod.ts";
import { aggregate } from "../../eval/harness/mod.ts";
import { type PluginPromise, showNumber } from "../promise.ts";
import { assertSame } from "../same.ts";
import { NEEDED } from "./document_promises.ts";
import { documentsOf, perfectAnswers, type TaskSubject, wrongAnswers } from "./subject.ts";

/** What holds of scores. */
export function scorePromises(subject: TaskSubject): PluginPromise[] {
  const { task } = subject;
  // Texts have no question.
  const needs = task.outputType === "loglikelihood_rolling" ? NEEDED.requests : NEEDED.question;
  return [
    {
      name: "every metric has a value",
      needs,
      lookAt: "Task.metrics, and the values that Task.score gives under each filter",
      check() {
        const names = task.metrics.map(({ name }) => name);
        assert.ok(names.length > 0, "it has no metric");
        let filters: string[] | undefined;
        for (const doc of documentsOf(subject)) {
          const scored = task.score(doc, perfectAnswers(task, doc));
          const own = scored.map(({ filter }) => filter);
          assertSame(own, filters ??= own, `filters are ${own}, and of others ${filters}`);
          for (const { filter, values } of scored) {
            assertSame(
              Object.keys(values).sort(),
              names.toSorted(),
              `under "${filter}" there are values of ${Object.keys(values).join(", ")}`,
            );
            for (const metric of task.metrics) assertValue(metric, values[metric.name]!);
          }
        }
        return `${names.join(", ")} under ${filters?.join(", ")}`;
      },
    },
    {
      name: "the right answers score best",
      needs,
      lookAt: "Task.score, Task.answer, and which answer is the gold one",
      check() {
        const documents = documentsOf(subject);
        const right = documents.map((doc) => task.score(doc, perfectAnswers(task, doc)));
        // Of each document as many as the one with fewest has: every metric is over all documents.
        const wrong = documents.map((doc) =>
          wrongAnswers(task, doc).map((answers) => task.score(doc, answers))
        );
        const least = Math.min(...wrong.map(({ length }) => length));
        assert.ok(least > 0, "a document has no wrong answer");
        const told: string[] = [];
        right[0]!.forEach(({ filter }, at) => {
          for (const metric of task.metrics) {
            const values = valuesOf(metric, right, at);
            const best = aggregate(metric.aggregation, values).value;
            for (let model = 0; model < least; model++) {
              const others = valuesOf(metric, wrong.map((scored) => scored[model]!), at);
              assertBetter(`${metric.name} under "${filter}"`, metric, values, others);
            }
            told.push(`${metric.name} ${showNumber(best)}`);
          }
        });
        return told.join(", ");
      },
    },
    {
      name: "the same answers score the same, scored twice",
      needs,
      lookAt: "state that is kept between documents",
      check() {
        const score = () =>
          documentsOf(subject).map((doc) => [
            task.score(doc, perfectAnswers(task, doc)),
            wrongAnswers(task, doc).map((wrong) => task.score(doc, wrong)),
          ]);
        const first = score();
        assertSame(score(), first, "scored again, values are others");
        return `${first.length} documents`;
      },
    },
  ];
}

function assertValue({ name, aggregation }: Metric, value: MetricValue): void {
  const isPair = aggregation !== "mean";
  assertSame(
    Array.isArray(value),
    isPair,
    `${name} is ${isPair ? "no pair of a log-likelihood and a weight" : "no number"}: ${value}`,
  );
  const numbers = typeof value === "number" ? [value] : value;
  assert.ok(numbers.every(Number.isFinite), `${name} is ${value}`);
  if (isPair) assert.ok(numbers[1]! > 0, `the weight of ${name} is ${numbers[1]}`);
}

/** The values of a metric under the filter at a place, a document each. */
function valuesOf(
  { name }: Metric,
  scored: readonly (readonly Scored[])[],
  at: number,
): MetricValue[] {
  return scored.map((filters) => filters[at]!.values[name]!);
}

/** Fails unless right answers are better than wrong ones, over all and document by document. */
function assertBetter(
  what: string,
  { aggregation, higherIsBetter }: Metric,
  right: readonly MetricValue[],
  wrong: readonly MetricValue[],
): void {
  const isWorse = (a: number, b: number) => higherIsBetter ? a < b : a > b;
  const all = [right, wrong].map((values) => aggregate(aggregation, values).value);
  const [best, other] = all as [number, number];
  const told = (a: number, b: number) =>
    `${showNumber(a)} of right answers and ${showNumber(b)} of wrong ones`;
  assert.ok(isWorse(other, best), `${what} is ${told(best, other)}`);
  right.forEach((value, document) => {
    const [own, others] = [value, wrong[document]!];
    if (typeof own !== "number" || typeof others !== "number") return;
    assert.ok(
      !isWorse(own, others),
      `${what} of document ${document + 1} is ${told(own, others)}`,
    );
  });
}

/** What a task says of itself, where something is missing. */
export function descriptionPromise({ name, description, version, split }: Task): PluginPromise {
  return {
    name: "it is described",
    lookAt: "Task.name, description, version and split",
    check() {
      assert.match(
        name,
        /^[\w.-]+$/,
        `its name is ${JSON.stringify(name)}: --tasks splits at commas`,
      );
      assert.ok(
        description.length > 0 && !description.includes("\n"),
        "its description is no line",
      );
      assert.ok(Number.isFinite(version), `its version is ${version}`);
      assert.ok(split.length > 0, "it has no split");
      return description;
    },
  };
}
