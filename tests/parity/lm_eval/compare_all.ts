/**
 * Compares all that the goldens hold and writes `goldens/outcome.json`.
 *
 *   deno task parity:lm-eval
 *   deno task parity:lm-eval stories260K/wikitext    some of them; the others' outcomes stay
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../../../core/io/mod.ts";
import { compareWithGolden, type Found, goldenFiles, GOLDENS } from "./comparison.ts";
import { writeQwenFolder } from "./qwen_folder.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data", import.meta.url));

const qwen = await Deno.makeTempDir({ prefix: "dlr_qwen_" });
try {
  writeQwenFolder(qwen, join(DATA, "tokenizers/qwen2.5/tokenizer.json"));
  const models = { stories260K: join(DATA, "stories260K/hf"), "qwen_small": qwen };
  const path = join(GOLDENS, "outcome.json");
  const outcome: Record<string, Found> = existsSync(path)
    ? JSON.parse(await Deno.readTextFile(path))
    : {};
  for (const name of Deno.args.length > 0 ? Deno.args : goldenFiles()) {
    const [model] = name.split("/") as [keyof typeof models];
    const started = performance.now();
    outcome[name] = await compareWithGolden(
      join(GOLDENS, `${name}.json.gz`),
      models[model],
      DATA,
    );
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${name}  ${seconds} s  ${JSON.stringify(outcome[name])}`);
    writeFileAtomic(path, JSON.stringify(outcome, null, 2) + "\n");
  }
} finally {
  await Deno.remove(qwen, { recursive: true });
}
