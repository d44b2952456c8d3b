/** Tasks of the usual shapes: what they make of what a task says of itself. */

import assert from "node:assert/strict";
import { type TaskRow } from "../../../../core/contracts/mod.ts";
import { choiceTask } from "../../../../core/eval/harness/mod.ts";
import { userError } from "../../io/support.ts";

/** A question with these choices, of which the row says which one is right. */
function quiz(...choices: string[]) {
  return choiceTask<TaskRow>({
    name: "quiz",
    description: "a quiz",
    version: 1,
    dataset: { folder: "quiz" },
    split: "test",
    document: (row) => row,
    question: () => "Q",
    choices: () => choices,
    gold: (doc) => doc["right"] as number,
  });
}

Deno.test("the right answer of a question is one of its choices", async () => {
  const row = { right: 1 };
  assert.equal(quiz("a", "b").document(row), row);
  assert.equal(quiz("a", "b").answer(row), "b");
  for (const right of [2, -1, 0.5, undefined]) {
    await userError(
      () => quiz("a", "b").document({ right }),
      `the right answer is choice ${right}, where there are 2, from 0`,
    );
  }
  await userError(() => quiz().document({ right: 0 }), "choice 0, where there are 0");
});
