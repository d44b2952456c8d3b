/** The task that is checked, and some of its rows. */

import assert from "node:assert/strict";
import { type Task, type TaskAnswer, type TaskRequest, type TaskRow } from "../../contracts/mod.ts";
import { isRefusal } from "../refusal.ts";

/** A task to be checked. */
export interface TaskSubject {
  /** The task that is checked. */
  readonly task: Task;
  /** Rows of the split that is asked. */
  readonly rows: readonly TaskRow[];
  /** Rows that examples are drawn from, where the task has any. */
  readonly shots?: readonly TaskRow[] | undefined;
}

/** What stands in front of a question in checks. */
export const PREFIX = "Question: one?\nAnswer: two\n\n";

/** Log-likelihoods of an answer that a model is sure of, and of one that it would not give. */
const [SURE, NEVER] = [-1, -1e6];

/** The documents of a task's rows. */
export function documentsOf({ task, rows }: TaskSubject): unknown[] {
  return rows.map((row, place) => documentOf(task, row, `row ${place + 1}`));
}

/** A row as a document. @throws {AssertionError} where it is refused, with the reason. */
export function documentOf(task: Task, row: TaskRow, what: string): unknown {
  try {
    return task.document(row);
  } catch (error) {
    if (isRefusal(error)) assert.fail(`${what} is refused: ${error.message}`);
    throw error;
  }
}

/** The request that a model is right to find the likeliest: the one that the answer's text is in. */
export function rightRequest(task: Task, doc: unknown, requests: readonly TaskRequest[]): number {
  const example = `${PREFIX}${task.question(doc)} ${task.answer(doc)}`;
  return requests.findIndex((request) =>
    request.kind === "loglikelihood" && request.context + request.continuation === example
  );
}

/** Answers of a model that is sure of one request and of no other. */
export function sureOf(requests: readonly TaskRequest[], favourite: number): TaskAnswer[] {
  return requests.map((request, place): TaskAnswer => {
    const logLikelihood = place === favourite ? SURE : NEVER;
    assert.notEqual(request.kind, "generate", "its requests are of several kinds");
    return request.kind === "rolling"
      ? { kind: "rolling", logLikelihood }
      : { kind: "loglikelihood", logLikelihood, isGreedy: place === favourite };
  });
}

/** What a model writes: up to the first of the strings that end it. */
export function written(request: TaskRequest, text: string): TaskAnswer {
  assert.ok(request.kind === "generate", `a request is ${request.kind}, not generate`);
  const ends = request.until.map((end) => text.indexOf(end)).filter((at) => at >= 0);
  return { kind: "generate", text: text.slice(0, Math.min(text.length, ...ends)) };
}

/** Answers of a model that knows the right ones. */
export function perfectAnswers(task: Task, doc: unknown): TaskAnswer[] {
  const requests = task.requests(doc, PREFIX);
  if (task.outputType === "multiple_choice") {
    const right = rightRequest(task, doc, requests);
    assert.ok(right >= 0, "no request is its question, a space and its answer");
    return sureOf(requests, right);
  }
  if (task.outputType === "generate_until") {
    return requests.map((request) => written(request, ` ${task.answer(doc)}`));
  }
  return sureOf(requests, 0);
}

/** Answers of models that are wrong, one model after the other. */
export function wrongAnswers(task: Task, doc: unknown): TaskAnswer[][] {
  const requests = task.requests(doc, PREFIX);
  if (task.outputType === "multiple_choice") {
    const right = rightRequest(task, doc, requests);
    return requests.map((_, place) => place).filter((place) => place !== right)
      .map((place) => sureOf(requests, place));
  }
  if (task.outputType === "generate_until") {
    return [requests.map((request) => written(request, " no such thing"))];
  }
  return [sureOf(requests, -1)];
}
