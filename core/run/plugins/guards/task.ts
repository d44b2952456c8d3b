/** Tasks of plugins: requests and scores that are what the task says they are. */

import { type Scored, type Task, type TaskRequest } from "../../../contracts/mod.ts";
import { callPlugin, PluginFault } from "./call.ts";

/** What each type of task may ask. */
const ASKS: Readonly<Record<Task["outputType"], TaskRequest["kind"]>> = {
  "multiple_choice": "loglikelihood",
  "generate_until": "generate",
  "loglikelihood_rolling": "rolling",
};

/** A task whose calls are checked. @param owner whose it is, for messages */
export function guardTask(task: Task, owner: string): Task {
  const name = `${owner}: task "${task.name}"`;
  const text = (method: "question" | "answer" | "target", doc: unknown): string => {
    const value = callPlugin(`${name}.${method}`, () => task[method](doc));
    if (typeof value === "string") return value;
    throw new PluginFault(`${name}.${method} returned ${typeof value}; it should be text`);
  };
  const { name: own, alias, description, version, outputType, dataset, split, shots } = task;
  return {
    name: own,
    description,
    version,
    outputType,
    dataset,
    split,
    metrics: task.metrics,
    ...(alias === undefined ? {} : { alias }),
    ...(shots === undefined ? {} : { shots }),
    ...(task.preamble === undefined ? {} : { preamble: task.preamble }),
    document: (row) => callPlugin(`${name}.document`, () => task.document(row)),
    question: (doc) => text("question", doc),
    answer: (doc) => text("answer", doc),
    target: (doc) => text("target", doc),
    requests(doc, prefix) {
      const requests = callPlugin(`${name}.requests`, () => task.requests(doc, prefix));
      const kind = ASKS[outputType];
      const wrong = Array.isArray(requests) && requests.length > 0
        ? requests.find((request) => request?.kind !== kind)
        : requests;
      if (wrong === undefined) return requests;
      throw new PluginFault(
        `${name}.requests returned ${
          JSON.stringify(wrong)
        }; it should be a list of requests of kind ` +
          `"${kind}", as the task is of the type ${outputType}`,
      );
    },
    score(doc, answers) {
      const scored = callPlugin(`${name}.score`, () => task.score(doc, answers));
      checkScores(scored, task, `${name}.score`);
      return scored;
    },
  };
}

function checkScores(scored: readonly Scored[], task: Task, what: string): void {
  if (!Array.isArray(scored) || scored.length === 0) {
    throw new PluginFault(`${what} returned no list of values; it should be one for each filter`);
  }
  for (const { filter, values = {} } of scored as readonly Scored[]) {
    for (const { name, aggregation } of task.metrics) {
      const value = values[name];
      const right = aggregation === "mean"
        ? typeof value === "number" && Number.isFinite(value)
        : Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
      if (right) continue;
      const expected = aggregation === "mean" ? "a number" : "[log-likelihood, weight]";
      throw new PluginFault(
        `${what} returned ${
          JSON.stringify(value) ?? "nothing"
        } for the metric "${name}" under the ` +
          `filter "${filter}"; it should be ${expected}`,
      );
    }
  }
}
