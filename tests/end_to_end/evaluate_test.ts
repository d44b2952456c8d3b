/** A finished run evaluated again at other budgets, and what is refused. */

import assert from "node:assert/strict";
import { cpSync, existsSync } from "node:fs";
import { join, relative } from "node:path";
import { csvParse } from "d3-dsv";
import { readJsonObject } from "../../core/io/mod.ts";
import { assertFinished, assertRefused, testWithProcesses, Workplace } from "./command.ts";
import { tinyLines } from "./tiny_model.ts";

/** Rows of a table as numbers; empty cells are absent. */
function numbersIn(path: string): Record<string, number>[] {
  return csvParse(Deno.readTextFileSync(path)).map((row) =>
    Object.fromEntries(
      Object.entries(row).filter(([, cell]) => cell !== "").map(([key, cell]) => [
        key,
        Number(cell),
      ]),
    )
  );
}

/** The numbers that a run ended with. */
interface Final {
  readonly rows: Readonly<Record<string, { loss: number; flopsPerToken: number }>>;
  readonly frontier: readonly {
    budget: number;
    loss: number;
    perplexity: number;
    skipRatio: number;
    flopsPerToken: number;
  }[];
}

testWithProcesses(
  "a finished run is evaluated at any budget, with the numbers that it ended with",
  async (test) => {
    using place = new Workplace();
    assertFinished(await place.run("--fresh", ...place.tiny(), "--quiet"));
    const [run] = place.runs() as [string];
    const csv = join(run, "budgets.csv");
    const { rows, frontier } = readJsonObject(
      join(run, "run.json"),
      "the record",
    )["final"] as Final;
    const dense = rows["base"]!;

    await test.step("by the experiment's name, its newest finished run, in the order of budgets", async () => {
      const outcome = await place.runScript("evaluate", "--budget", "0.5,0.2,0.35");
      assertFinished(outcome);
      const [base, ...others] = numbersIn(csv);
      assert.deepEqual([base!["skip_ratio"], base!["relative_flops"]], [0, 1]);
      assert.equal(base!["validation_loss"], dense.loss);
      assert.deepEqual(others.map(({ budget }) => budget), [0.2, 0.35, 0.5]);
      for (const row of others) {
        const skipped = Math.abs(row["skip_ratio"]! - row["budget"]!);
        assert.ok(skipped < 0.1, `${row["skip_ratio"]} at a budget of ${row["budget"]}`);
        const at = frontier.find(({ budget }) => budget === row["budget"]);
        if (!at) continue;
        // The run itself was evaluated there; to the bit.
        assert.deepEqual(
          [row["validation_loss"], row["perplexity"], row["skip_ratio"]],
          [at.loss, at.perplexity, at.skipRatio],
        );
        assert.equal(row["relative_flops"], at.flopsPerToken / dense.flopsPerToken);
      }
      assert.match(outcome.stdout, /^exp10 in results\/runs\/exp10\/\S+, text\.txt$/m);
      assert.match(outcome.stdout, /^base +0\.000 +1\.000 .* – *$/m);
      assert.match(outcome.stdout, /^0\.2 +0\.\d{3} +0\.\d{3} +\d/m);
      assert.match(outcome.stdout, /^table +results\/runs\/exp10\/\S+\/budgets\.csv$/m);
      assert.doesNotMatch(outcome.stdout, /NaN|undefined|Infinity/);
    });

    await test.step("by its folder, on other text, which leaves the run as it was", async () => {
      const record = Deno.readTextFileSync(join(run, "run.json"));
      Deno.writeTextFileSync(place.path("other.txt"), tinyLines().toReversed().join("\n"));
      const options = ["--budget", "0", "--data", "other.txt", "--batches", "1"];
      const where = relative(place.folder, run);
      assertFinished(await place.runScript("evaluate", "--run", where, ...options));
      const [base, whole, ...others] = numbersIn(csv);
      assert.notEqual(base!["validation_loss"], dense.loss);
      assert.deepEqual([whole!["budget"], whole!["skip_ratio"], others.length], [0, 0, 0]);
      assert.equal(Deno.readTextFileSync(join(run, "run.json")), record);
    });

    await test.step("what cannot be evaluated is refused in one line", async () => {
      Deno.removeSync(csv);
      const refused = async (says: RegExp, ...args: string[]) =>
        assertRefused(await place.runScript("evaluate", ...args), says);
      await refused(/exp11".*train one with deno run -P \S+exp11\.ts --fresh/, "--run", "exp11");
      await refused(/model is no run folder/, "--run", "model");
      await refused(
        /--budget 1: a share of skipped layers is from 0 to below 1/,
        "--budget",
        "0.2,1",
      );
      await refused(/--budget -0\.1/, "--budget=-0.1,0.2");
      await refused(/takes numbers with commas between/, "--budget", "some");
      await refused(/whole number from 1 up/, "--batches", "0");
      await refused(/missing\.txt: no such file/, "--data", "missing.txt");
      await refused(/unknown option '--budgets'.*--budget/, "--budgets", "0.1");

      const damaged = place.path("damaged");
      cpSync(run, damaged, { recursive: true });
      Deno.writeTextFileSync(join(damaged, "checkpoints", "index.json"), '{"latest": null}');
      await refused(/index\.json is damaged: it names no checkpoint/, "--run", "damaged");
      const cut = place.path("unfinished");
      cpSync(run, cut, { recursive: true });
      const text = Deno.readTextFileSync(join(cut, "run.json"));
      Deno.writeTextFileSync(join(cut, "run.json"), text.replace('"finished"', '"interrupted"'));
      await refused(/unfinished is not finished: .*--resume unfinished/, "--run", "unfinished");
      assert.ok(!existsSync(csv), "a table was written");
    });
  },
);

testWithProcesses("a run without a router has no budgets to move along", async () => {
  using place = new Workplace();
  const run = ["--fresh", ...place.tiny(), "--quiet", "--out", "dense"];
  assertFinished(await place.runScript("exp1", ...run));
  const outcome = await place.runScript("evaluate", "--run", "dense");
  assertRefused(outcome, /dense has no router that could skip more or less/);
  assert.ok(!existsSync(place.path("dense", "budgets.csv")));
});
