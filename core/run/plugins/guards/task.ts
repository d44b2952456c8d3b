/** Tasks of plugins: requests and scores that are what the task says they are. */

import {
  PluginFault,
  type Scored,
  type ShotRule,
  type Task,
  type TaskDataset,
  type TaskRequest,
} from "../../../contracts/mod.ts";
import { callPlugin, shown, wrongAnswer } from "./call.ts";
import { checkedItems } from "./items.ts";
import { membersOf } from "./members.ts";
import { isCount, isRecord, isText, isTexts } from "./values.ts";

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
    throw wrongAnswer(`${name}.${method}`, shown(value), "a text");
  };
  const { outputType, shots, alias, preamble } = task;
  checkFacts(task, name);
  return membersOf<Task>({
    name: task.name,
    alias,
    description: task.description,
    version: task.version,
    outputType,
    dataset: guardDataset(task.dataset, name),
    split: task.split,
    shots,
    preamble,
    metrics: task.metrics,
    document: (row) => callPlugin(`${name}.document`, () => task.document(row)),
    question: (doc) => text("question", doc),
    answer: (doc) => text("answer", doc),
    target: (doc) => text("target", doc),
    requests(doc, prefix) {
      const requests = callPlugin(`${name}.requests`, () => task.requests(doc, prefix));
      const kind = ASKS[outputType];
      const isList = Array.isArray(requests) && requests.length > 0;
      const at = isList ? requests.findIndex((request) => !isRequest(request, kind)) : -1;
      if (isList && at < 0) return requests;
      throw wrongAnswer(
        `${name}.requests`,
        isList ? `${shown(requests[at])} at ${at}` : shown(requests),
        `a list of requests ${REQUESTS[kind]}, as the task is of the type ${outputType}`,
      );
    },
    score(doc, answers) {
      const scored = callPlugin(`${name}.score`, () => task.score(doc, answers));
      checkScores(scored, task, `${name}.score`);
      return scored;
    },
  });
}

/** Requests of each kind, for messages. */
const REQUESTS: Readonly<Record<TaskRequest["kind"], string>> = {
  loglikelihood: '{ kind: "loglikelihood", context, continuation }',
  rolling: '{ kind: "rolling", text }',
  generate: '{ kind: "generate", context, until, maxTokens }',
};

function isRequest(request: TaskRequest, kind: TaskRequest["kind"]): boolean {
  if (request?.kind !== kind) return false;
  switch (request.kind) {
    case "loglikelihood":
      return isTexts([request.context, request.continuation]);
    case "rolling":
      return isTexts([request.text]);
    case "generate":
      return isTexts([request.context]) && isTexts(request.until) && isCount(request.maxTokens, 1);
  }
}

const DRAWS: readonly ShotRule["draw"][] = ["first", "random", "random-other"];

/** What a task says of itself beyond what every definition is checked for. */
function checkFacts({ alias, preamble, shots }: Task, name: string): void {
  const refuse = (fact: string, value: unknown, give: string) => {
    throw new PluginFault(`${name}: ${fact} is ${shown(value)}; give ${give}`);
  };
  if (alias !== undefined && !isText(alias)) refuse("alias", alias, "a text");
  if (preamble !== undefined && typeof preamble !== "string") {
    refuse("preamble", preamble, "a text");
  }
  if (shots === undefined) return;
  if (!isRecord(shots)) refuse("shots", shots, "{ split, count, draw }");
  const { split, count, draw } = shots;
  if (!isText(split)) refuse("shots.split", split, "the split that examples are from");
  if (!isCount(count)) refuse("shots.count", count, "how many examples, 0 or more");
  if (!DRAWS.includes(draw)) refuse("shots.draw", draw, DRAWS.join(", "));
}

/** Where rows are; those that are made are looked at, and so is what is made of cells. */
function guardDataset(dataset: TaskDataset, name: string): TaskDataset {
  const { rows, fromCells } = dataset;
  return membersOf<TaskDataset>({
    folder: dataset.folder,
    hub: dataset.hub,
    config: dataset.config,
    columns: dataset.columns,
    fromCells: fromCells && ((cells) => {
      const row = callPlugin(`${name}: dataset.fromCells`, () => fromCells.call(dataset, cells));
      if (isRecord(row)) return row;
      throw wrongAnswer(`${name}: dataset.fromCells`, shown(row), "a row, { column: value }");
    }),
    rows: rows && ((split) =>
      checkedItems(
        `${name}: dataset.rows("${split}")`,
        () => rows.call(dataset, split),
        isRecord,
        "a row, { column: value }",
      )),
  });
}

function checkScores(scored: readonly Scored[], task: Task, what: string): void {
  if (!Array.isArray(scored) || scored.length === 0) {
    throw new PluginFault(`${what} returned no list of values; it should be one for each filter`);
  }
  for (const each of scored as readonly Scored[]) {
    const { filter, filtered, values } = each ?? {};
    if (!isText(filter) || !isRecord(values) || !(filtered === undefined || isTexts(filtered))) {
      throw wrongAnswer(what, shown(each), "{ filter, filtered?, values }");
    }
    for (const { name, aggregation } of task.metrics) {
      const value = values[name];
      const right = aggregation === "mean"
        ? typeof value === "number" && Number.isFinite(value)
        : Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
      if (right) continue;
      throw wrongAnswer(
        what,
        `${value === undefined ? "nothing" : shown(value)} for the metric "${name}" under the ` +
          `filter "${filter}"`,
        aggregation === "mean" ? "a number" : "[log-likelihood, weight]",
      );
    }
  }
}
