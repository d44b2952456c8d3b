/** Tasks on the rows that the data sets really have. */

import assert from "node:assert/strict";
import { type Repositories, type Task, UserError } from "../../../core/contracts/mod.ts";
import { FewShots, hashesOf } from "../../../core/eval/harness/mod.ts";
import { taskRows } from "../../../core/io/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { sharedPath, testWithData } from "../../core/io/support.ts";

const { tasks, taskGroups } = builtinPlugins();
const repositories: Repositories = { fetch: () => assert.fail("nothing is to be fetched") };

async function documents(task: Task, split: string): Promise<unknown[]> {
  const { rows } = await taskRows(task.dataset, split, { dataDir: sharedPath(""), repositories });
  return rows.map((row) => task.document(row));
}

/** How many questions the test split of each subject has. */
const COUNTS: Readonly<Record<string, number>> = {
  "abstract_algebra": 100,
  anatomy: 135,
  "high_school_european_history": 165,
  "high_school_us_history": 204,
  "professional_law": 1534,
  virology: 166,
};

testWithData("mmlu: the published CSV files are the hub's rows", "mmlu", async () => {
  let [asked, subjects] = [0, 0];
  for (const category of taskGroups.get("mmlu").members) {
    for (const name of taskGroups.get(category).members) {
      const task = tasks.get(name);
      const dev = await documents(task, "dev");
      assert.equal(dev.length, 5, name);
      let test: unknown[];
      try {
        test = await documents(task, "test");
      } catch (error) {
        // Not all subjects are there.
        assert.ok(error instanceof UserError && /There is no data/.test(error.message));
        continue;
      }
      subjects++;
      asked += test.length;
      assert.equal(test.length, COUNTS[task.alias!] ?? test.length, name);
      assert.deepEqual(
        Object.keys(test[0] as object),
        ["question", "subject", "choices", "answer"],
      );
      const context = new FewShots(task, dev, 5, 1234).prefix(test[0]) + task.question(test[0]);
      const head = "The following are multiple choice questions (with answers) about " +
        `${task.alias!.replaceAll("_", " ")}.\n\n`;
      assert.ok(context.startsWith(head) && context.endsWith("\nAnswer:"));
      assert.equal(context.match(/\nAnswer: [ABCD]\n\n/g)?.length, 5, name);
    }
  }
  assert.equal(subjects, 29);
  assert.ok(asked > 5000);
});

testWithData("arc: every row of the hub's is a question", "arc", async () => {
  const task = tasks.get("arc_challenge");
  const docs = await documents(task, "test");
  assert.equal(docs.length, 600);
  for (const doc of docs) {
    const requests = task.requests(doc, "");
    const right = requests[Number(task.target(doc))]!;
    assert.ok(right.kind === "loglikelihood");
    assert.equal(right.continuation, ` ${task.answer(doc)}`);
  }
});

testWithData("gsm8k: every reference answer is right by its own rules", "gsm8k", async () => {
  const task = tasks.get("gsm8k");
  const docs = await documents(task, "test");
  assert.equal(docs.length, 400);
  for (const doc of docs) {
    const [strict] = task.score(doc, [{ kind: "generate", text: ` ${task.answer(doc)}` }]);
    assert.equal(strict!.values["exact_match"], 1, task.answer(doc));
  }
  assert.equal((await documents(task, "train")).length, 2000);
});

Deno.test("the harness's hashes of documents and targets", () => {
  const hashes = (task: Task, row: Record<string, unknown>) => {
    const doc = task.document(row);
    const target = task.target(doc);
    const requests = task.requests(doc, "");
    return hashesOf({ docId: 0, doc, target, requests, answers: [], scored: [] });
  };
  const gsm8k = hashes(tasks.get("gsm8k"), {
    question: "Tom has 3 pens and buys 2. How many?",
    answer: "3 + 2 = <<3+2=5>>5 pens.\n#### 5",
  });
  assert.equal(gsm8k.doc, "59f7db860dc18e0be3c303c748663facefb37293093db20489c3865f68a95797");
  const arc = hashes(tasks.get("arc_easy"), {
    id: "X1",
    question: "Où est 1½ \u03bcm?",
    choices: { text: ["a", "b"], label: ["A", "B"] },
    answerKey: "B",
  });
  assert.equal(arc.doc, "6b9281eada80999b442408ec8a230d234387b08804f92b702d249f7fb7fbb8b8");
  assert.equal(arc.target, "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b");
});

Deno.test("mmlu: questions of another subject are refused", () => {
  const row = { question: "x", subject: "anatomy", choices: ["a", "b", "c", "d"], answer: 1 };
  tasks.get("mmlu_anatomy").document(row);
  assert.throws(() => tasks.get("mmlu_virology").document(row), (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /column "subject": it is "anatomy", not "virology"/);
    return true;
  });
});
