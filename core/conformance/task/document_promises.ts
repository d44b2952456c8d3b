/** What a task makes of rows: documents, questions, requests; and what it refuses. */

import assert from "node:assert/strict";
import { type Task, type TaskRequest, type TaskRow } from "../../contracts/mod.ts";
import { FewShots } from "../../eval/harness/mod.ts";
import { type PluginPromise } from "../promise.ts";
import { isRefusal } from "../refusal.ts";
import { assertSame } from "../same.ts";
import { documentOf, documentsOf, PREFIX, rightRequest, type TaskSubject } from "./subject.ts";

/** The kind of request that each output type asks. */
const REQUESTS: Readonly<Record<Task["outputType"], TaskRequest["kind"]>> = {
  "multiple_choice": "loglikelihood",
  "generate_until": "generate",
  "loglikelihood_rolling": "rolling",
};

/** Names of promises that others need. */
export const NEEDED = {
  documents: "rows are documents",
  requests: "requests are of its output type",
  question: "what stands in front comes first, then the question",
} as const;

/** What holds of documents and of what is asked about them. */
export function documentPromises(subject: TaskSubject): PluginPromise[] {
  const { task, rows } = subject;
  return [
    {
      name: NEEDED.documents,
      lookAt: "Task.document, TaskDataset.columns and TaskDataset.fromCells",
      check() {
        assert.ok(rows.length > 0, `there are no rows of the split "${task.split}"`);
        return `${documentsOf(subject).length} of the split "${task.split}"`;
      },
    },
    {
      name: "a row without a column is refused by its name",
      needs: NEEDED.documents,
      lookAt: "Task.document checks its columns (checkedRow does) and throws a UserError",
      check: () => refusesWrongRows(task, rows[0]!),
    },
    {
      name: "the same row gives the same, asked twice",
      needs: NEEDED.documents,
      lookAt: "state that is kept between documents, and randomness",
      check() {
        const ask = () =>
          documentsOf(subject).map((doc) => [
            task.question(doc),
            task.answer(doc),
            task.target(doc),
            task.requests(doc, PREFIX),
          ]);
        assertSame(ask(), ask(), "asked again, something is another");
        return `${rows.length} documents`;
      },
    },
    {
      name: NEEDED.requests,
      needs: NEEDED.documents,
      lookAt: "Task.outputType, and Task.requests",
      check() {
        const { outputType } = task;
        let count = 0;
        for (const doc of documentsOf(subject)) {
          const requests = task.requests(doc, PREFIX);
          const least = outputType === "multiple_choice" ? 2 : 1;
          assert.ok(
            requests.length >= least,
            `a document of ${outputType} has ${requests.length} requests, not ${least} or more`,
          );
          for (const request of requests) {
            const { kind } = request;
            assertSame(kind, REQUESTS[outputType], `a request of ${outputType} is ${kind}`);
            assertAsks(request);
            count++;
          }
        }
        return `${count} of ${outputType}`;
      },
    },
    {
      name: NEEDED.question,
      needs: NEEDED.requests,
      skip: task.outputType === "loglikelihood_rolling" ? "texts have nothing in front" : undefined,
      lookAt:
        "Task.requests begins each context with its prefix; the right request is the prefix, " +
        "the question, a space and the answer",
      check() {
        for (const doc of documentsOf(subject)) {
          const requests = task.requests(doc, PREFIX);
          for (const request of requests) {
            assert.ok(
              "context" in request && request.context.startsWith(PREFIX),
              "a context does not begin with what is to stand in front",
            );
          }
          if (task.outputType === "multiple_choice") {
            assert.ok(
              rightRequest(task, doc, requests) >= 0,
              `no request is the question, a space and the answer ${
                JSON.stringify(task.answer(doc))
              }`,
            );
          } else {
            assert.ok(
              requests.some((one) =>
                "context" in one && one.context === PREFIX + task.question(doc)
              ),
              "no request's context is what stands in front and the question",
            );
          }
        }
        return `${rows.length} documents`;
      },
    },
    shotsPromise(subject),
  ];
}

function shotsPromise({ task, rows, shots }: TaskSubject): PluginPromise {
  const split = task.shots?.split;
  return {
    name: "examples are questions with their answers",
    needs: NEEDED.documents,
    skip: split === undefined
      ? "there are never any"
      : shots === undefined
      ? `there are no rows of the split "${split}"`
      : undefined,
    lookAt: "Task.shots, Task.question and Task.answer",
    check() {
      const pool = shots!.map((row, place) => documentOf(task, row, `example ${place + 1}`));
      const count = Math.min(2, pool.length - 1);
      assert.ok(count > 0, `the split "${split}" has ${pool.length} rows`);
      const prefixes = () => {
        const drawn = new FewShots(task, pool, count, 1234);
        return rows.map((row, place) => drawn.prefix(documentOf(task, row, `row ${place + 1}`)));
      };
      const first = prefixes();
      assertSame(prefixes(), first, "drawn again, there are others");
      const examples = new Set(
        pool.map((doc) => `${task.question(doc)} ${task.answer(doc)}\n\n`),
      );
      for (const prefix of first) {
        const from = task.preamble ?? "";
        assert.ok(prefix.startsWith(from), "examples do not begin with the preamble");
        const found = [...examples].filter((example) => prefix.includes(example));
        assert.ok(found.length > 0, "what stands in front holds no example");
      }
      return `${count} of ${pool.length}`;
    },
  };
}

function assertAsks(request: TaskRequest): void {
  switch (request.kind) {
    case "loglikelihood":
      assert.ok(request.continuation.length > 0, "a continuation is empty");
      break;
    case "rolling":
      assert.ok(request.text.length > 0, "a text is empty");
      break;
    case "generate": {
      const { maxTokens, until } = request;
      assert.ok(Number.isInteger(maxTokens) && maxTokens > 0, `maxTokens is ${maxTokens}`);
      assert.ok(until.every((end) => end.length > 0), "a string that ends a text is empty");
    }
  }
}

/** Fails where a row without one of its columns, or with nonsense in it, ends in another error. */
function refusesWrongRows(task: Task, row: TaskRow): string {
  const columns = Object.keys(row);
  const required: string[] = [];
  for (const column of columns) {
    const rest = Object.fromEntries(Object.entries(row).filter(([name]) => name !== column));
    const said = refusal(task, rest, `a row without "${column}"`);
    if (said === undefined) continue;
    required.push(column);
    assert.ok(said.includes(column), `"${column}" is missing and not named: ${said}`);
    for (const nonsense of [undefined, { nonsense: true }]) {
      const wrong = refusal(task, { ...row, [column]: nonsense }, `nonsense in "${column}"`);
      assert.ok(wrong?.includes(column) ?? true, `"${column}" is wrong and not named: ${wrong}`);
    }
  }
  assert.ok(required.length > 0, "a row may lack any of its columns");
  assert.ok(refusal(task, {}, "an empty row") !== undefined, "an empty row is taken");
  return `needed: ${required.join(", ")}`;
}

/** What is said of a row; undefined where it is taken. */
function refusal(task: Task, row: TaskRow, what: string): string | undefined {
  try {
    task.document(row);
    return undefined;
  } catch (error) {
    assert.ok(isRefusal(error), `${what} is no UserError: ${error}`);
    return error.message;
  }
}
