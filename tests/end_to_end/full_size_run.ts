/**
 * A run at the size of a real model, by hand: a stand-in hub on this machine serves a model of
 * TinyLlama's shapes (22 layers, bfloat16, random weights) and a small WikiText in parquet, and
 * `deno task exp10 --fresh --model tinyllama --steps 20` is run against it.
 *
 *   deno task full-size               needs 5 GB of disk and 12 GB of memory, and an hour and a half
 *   deno task full-size --steps 2 --set evaluation.finalBatches=2
 *
 * Options go to exp10, after its own. Nothing is left behind but the run, under results/.
 */

import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { microworld } from "../../plugins/corpora/microworld/mod.ts";
import { MODEL_CONFIGS } from "../../scripts/bench/models.ts";
import { writeRandomCheckpoint } from "../../scripts/bench/random_checkpoint.ts";
import { filesBelow, HubServer } from "../support/hub_server.ts";

const ROOT = join(import.meta.dirname!, "../..");

/** Lines of more than 100 characters, of which WikiText is taken to consist. */
function lines(split: "train" | "validation" | "test", count: number): string[] {
  return Iterator.from(microworld().documents(split))
    .map(({ text }) => ` ${text.replaceAll("\n", " ")} \n`)
    .filter(({ length }) => length > 100)
    .take(count).toArray();
}

function parquet(texts: readonly string[]): Uint8Array {
  const columnData = [{ name: "text", data: [...texts], type: "STRING" as const }];
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

const place = Deno.makeTempDirSync({ prefix: "dlr_full_size_" });
try {
  console.error("writing a random TinyLlama ...");
  writeRandomCheckpoint(join(place, "model"), MODEL_CONFIGS["tinyllama"]!);
  await using hub = HubServer.start();
  await hub.add("model", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", filesBelow(join(place, "model")));
  await hub.add("dataset", "Salesforce/wikitext", {
    "wikitext-103-raw-v1/train-00000-of-00001.parquet": parquet(lines("train", 10_000)),
    "wikitext-103-raw-v1/validation-00000-of-00001.parquet": parquet(lines("validation", 1_000)),
    "wikitext-103-raw-v1/test-00000-of-00001.parquet": parquet(lines("test", 100)),
  });
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "exp10", "--fresh", "--model", "tinyllama", "--steps", "20", ...Deno.args],
    cwd: ROOT,
    env: { HF_ENDPOINT: hub.endpoint, HF_HOME: join(place, "huggingface"), HF_TOKEN: "" },
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  Deno.removeSync(place, { recursive: true });
}
