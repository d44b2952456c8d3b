/**
 * Tasks beside lm-evaluation-harness on the same models and data: the first documents of each task.
 * `deno task parity:lm-eval` compares all of them.
 */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { inFolder, sharedPath, testWithData } from "../core/io/support.ts";
import { assertSame, compareWithGolden, goldenFiles, GOLDENS } from "./lm_eval/comparison.ts";
import { writeQwenFolder } from "./lm_eval/qwen_folder.ts";

/** Documents of each task, and of each subject of MMLU. */
const LIMITS: Readonly<Record<string, number>> = {
  "mmlu_5shot": 2,
  "arc_challenge_5shot": 10,
  "arc_challenge_25shot": 4,
  "gsm8k_5shot": 2,
  wikitext: 2,
};

for (const name of Object.keys(LIMITS)) {
  const golden = join(GOLDENS, "stories260K", `${name}.json.gz`);
  testWithData(
    `${name} is scored as lm-evaluation-harness scores it (stories260K)`,
    "",
    async () => {
      const model = sharedPath("stories260K/hf");
      assertSame(await compareWithGolden(golden, model, sharedPath(""), LIMITS[name]));
    },
  );
}

testWithData(
  "tasks are scored as lm-evaluation-harness scores them (a random Qwen2)",
  "",
  () =>
    inFolder(async (folder) => {
      writeQwenFolder(folder, sharedPath("tokenizers/qwen2.5/tokenizer.json"));
      for (const name of ["arc_challenge_5shot", "wikitext"]) {
        const golden = join(GOLDENS, "qwen_small", `${name}.json.gz`);
        assertSame(await compareWithGolden(golden, folder, sharedPath(""), 3));
      }
    }),
);

Deno.test("the outcome of the whole comparison is that of these goldens, and nothing differs", () => {
  const outcome = JSON.parse(fs.readFileSync(join(GOLDENS, "outcome.json"), "utf8"));
  assert.deepEqual(Object.keys(outcome).sort(), goldenFiles().sort());
  for (const found of Object.values(outcome)) {
    assertSame(found as Awaited<ReturnType<typeof compareWithGolden>>);
    assert.ok((found as { metrics: number }).metrics > 0);
  }
});
