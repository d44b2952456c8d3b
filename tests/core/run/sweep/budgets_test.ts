/** One checkpoint at every budget, against a model for each. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { runBudgets } from "../../../../core/run/sweep/budgets.ts";
import { type SweepOptions } from "../../../../core/run/sweep/command.ts";
import { testWithProcesses } from "../../../end_to_end/command.ts";
import { userError } from "../../io/support.ts";
import { type FakeExperiment, printedBy, withFake } from "./fake_trials.ts";

/** Moving the threshold costs 0.1 at every budget, being told it 0.2 less than a model of one's own. */
const FINAL = `(() => {
  const base = 3 + Number(sets.seed) / 10;
  const target = Number(sets["objective.targetSkip"]);
  const told = sets["router.readsBudget"] === "true";
  const budgets = (sets["evaluation.budgets"] === "[]" ? "" : sets["evaluation.budgets"]).split(",");
  return {
    loss: base + target,
    skipRatio: target + 0.01,
    frontier: budgets.filter(Boolean).map(Number).map((budget) => ({
      budget,
      skipRatio: budget + 0.02,
      loss: base + budget + (told ? -0.2 : 0.1),
    })),
  };
})()`;

const planOf = ({ script }: FakeExperiment) => ({
  script,
  budgets: [0.2, 0.5],
  single: 0.4,
  settings: ["evaluation.questions=0"],
});

const optionsOf = ({ folder }: FakeExperiment, more: Partial<SweepOptions> = {}): SweepOptions => ({
  set: [],
  jobs: 2,
  out: join(folder, "budgets"),
  quiet: true,
  ...more,
});

function test(name: string, body: (fake: FakeExperiment) => Promise<void>): void {
  testWithProcesses(name, () => withFake(body, FINAL));
}

test("a model for each budget, one whose threshold moves, and one that is told", async (fake) => {
  await printedBy(() => runBudgets(planOf(fake), optionsOf(fake, { steps: 9 })));
  const args = Object.fromEntries(
    fake.log.map(({ trial, args }) => [trial, args.slice(5).join(" ")]),
  );
  const common = (own: string) =>
    `--set evaluation.questions=0 ${own} --steps 9 --set seed=0 --quiet`;
  const each = (target: number) =>
    common(`--set objective.targetSkip=${target} --set evaluation.budgets=[]`);
  assert.deepEqual(args, {
    "target=0.2,seed=0": each(0.2),
    "target=0.5,seed=0": each(0.5),
    "threshold,target=0.4,seed=0": common(
      "--set objective.targetSkip=0.4 --set evaluation.budgets=0.2,0.5",
    ),
    "told,seed=0": common(
      "--set router.readsBudget=true --set objective.targetSkipFrom=0.2 " +
        "--set objective.targetSkip=0.5 --set evaluation.budgets=0.2,0.5",
    ),
  });
});

test("every way is in the table at every budget and seed, and is judged over all of them", async (fake) => {
  const options = optionsOf(fake, { seeds: [0, 1] });
  const { out } = await printedBy(() => runBudgets(planOf(fake), options));
  const rows = csvParse(Deno.readTextFileSync(join(fake.folder, "budgets", "budgets.csv")));
  assert.equal(rows.length, 3 * 2 * 2);
  const lossOf = (way: string, budget: number, seed: number) => {
    const own = rows.filter((row) =>
      row["way"] === way && row["budget"] === `${budget}` && row["seed"] === `${seed}`
    );
    assert.equal(own.length, 1);
    return Number(own[0]!["validation_loss"]);
  };
  for (const budget of [0.2, 0.5]) {
    for (const seed of [0, 1]) {
      const own = 3 + seed / 10 + budget;
      for (
        const [way, over] of [["trained for it", 0], ["threshold moved", 0.1], [
          "told its budget",
          -0.2,
        ]] as const
      ) {
        assert.ok(Math.abs(lossOf(way, budget, seed) - own - over) < 1e-9, `${way} at ${budget}`);
      }
    }
  }
  const text = out.join("\n");
  assert.match(text, /threshold moved: costs 0\.1000 ± 0\.0000 nats against a model for each/);
  assert.match(text, /told its budget: saves 0\.2000 ± 0\.0000 nats against a model for each/);
  assert.match(text, /^ +0\.20 +3\.2500 ± 0\.6353 +0\.210 +3\.3500 ± 0\.6353 +0\.220 +3\.0500 /m);
  for (const ending of ["svg", "png", "vl.json"]) {
    assert.ok(existsSync(join(fake.folder, "budgets", `budgets.${ending}`)), ending);
  }
});

test("a trial that fails twice is reported, and no table is written", async (fake) => {
  const options = optionsOf(fake, { set: ["do=fail"] });
  await printedBy(() =>
    userError(
      () => runBudgets(planOf(fake), options),
      "target=0.2 seed=0 failed with exit code 2: error: the disk is full",
    )
  );
  assert.ok(!existsSync(join(fake.folder, "budgets", "budgets.csv")));
});
