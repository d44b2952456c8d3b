/** Several ways of training in one table. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type SweepOptions } from "../../../../core/run/sweep/command.ts";
import {
  type ComparisonPlan,
  runComparison,
  type Variant,
} from "../../../../core/run/sweep/compare.ts";
import { shallower, variant } from "../../../../scripts/recipes/compare.ts";
import { testWithProcesses } from "../../../end_to_end/command.ts";
import { userError } from "../../io/support.ts";
import { type FakeExperiment, printedBy, withFake } from "./fake_trials.ts";

/** Loss falls with the seed and rises with x; the routed way is what the run ends with. */
const FINAL = `(() => {
  const loss = 3 - Number(sets.seed) / 4 + Number(sets.x ?? 0);
  const routed = { loss, perplexity: 10 * loss, skipRatio: 0.25, activeLayers: 9, flopsPerToken: 80,
    accuracy: 0.5 };
  return {
    ...routed,
    totalLayers: 12,
    collapse: sets.x === "1" ? "all-run" : "none",
    ...(sets.x === "1" ? { gateInformationBits: 0.1 } : {}),
    staticMask: [4 + Number(sets.seed), 7, 9],
    rows: {
      base: { loss: 3, perplexity: 20, skipRatio: 0, flopsPerToken: 100 },
      routed,
      sampled: { loss: loss + 1, perplexity: 10, skipRatio: 0.5, activeLayers: 6, flopsPerToken: 60 },
    },
  };
})()`;

const variantOf = (
  { script }: FakeExperiment,
  key: string,
  more: Partial<Variant> = {},
): Variant => ({
  label: key,
  key,
  script,
  ...more,
});

function optionsOf(fake: FakeExperiment, more: Partial<SweepOptions> = {}): SweepOptions {
  return { set: [], jobs: 1, out: join(fake.folder, "compared"), quiet: true, ...more };
}

const csvOf = ({ folder }: FakeExperiment) =>
  Deno.readTextFileSync(join(folder, "compared", "comparison.csv")).trimEnd().split("\n");

function test(name: string, body: (fake: FakeExperiment) => Promise<void>): void {
  testWithProcesses(name, () => withFake(body, FINAL));
}

const run = (plan: ComparisonPlan, options: SweepOptions) =>
  printedBy(() => runComparison(plan, options));

test("a row for each variant and seed; a variant that shows a run in another way runs nothing", async (fake) => {
  const variants = [
    variantOf(fake, "dense"),
    variantOf(fake, "routed", { settings: ["x=1"] }),
    variantOf(fake, "routed", { label: "at its rate", settings: ["x=1"], way: "sampled" }),
  ];
  const { out } = await run(
    { variants, yardstick: "dense" },
    optionsOf(fake, { seeds: [0, 1], set: ["y=2"] }),
  );
  assert.deepEqual(fake.started, [
    "dense,seed=0",
    "dense,seed=1",
    "routed,seed=0",
    "routed,seed=1",
  ]);
  assert.equal(
    fake.log.at(-1)!.args.slice(5).join(" "),
    "--set x=1 --set y=2 --set seed=1 --quiet",
  );
  assert.deepEqual(csvOf(fake), [
    "variant,seed,skip_ratio,active_layers,relative_flops,validation_loss,perplexity," +
    "question_accuracy,flag",
    "dense,0,0.25,9,0.8,3,30,0.5,",
    "dense,1,0.25,9,0.8,2.75,27.5,0.5,",
    "routed,0,0.25,9,0.8,4,40,0.5,collapsed: all-run",
    "routed,1,0.25,9,0.8,3.75,37.5,0.5,collapsed: all-run",
    "at its rate,0,0.5,6,0.6,5,10,,",
    "at its rate,1,0.5,6,0.6,4.75,10,,",
  ]);
  const text = out.join("\n");
  // Seeds differ by 0.25, so one mean is not sure, but their differences are the same for both seeds.
  assert.match(text, /^dense .* 28\.750 ± 15\.8\d\d +– +0\.500 ± 0\.000 +– *$/m);
  assert.match(
    text,
    /^routed .* 1\.0000 ± 0\.0000 +0\.500 ± 0\.000 +0\.000 ± 0\.000 +collapsed: all-run$/m,
  );
  assert.match(text, /^at its rate .* 2\.0000 ± 0\.0000 +– +– *$/m);
  assert.match(text, /^2 seeds; /m);
});

test("what depends on another run comes after it, and reads it with the first seed there is", async (fake) => {
  const variants = [
    variantOf(fake, "fewer", {
      settings: (finished) => [`skip=${(finished("routed").final["staticMask"] as number[])[0]}`],
    }),
    variantOf(fake, "dense"),
    variantOf(fake, "routed"),
  ];
  const { out } = await run({ variants, yardstick: "dense" }, optionsOf(fake, { seeds: [2] }));
  assert.deepEqual(fake.started, ["dense,seed=2", "routed,seed=2", "fewer,seed=2"]);
  assert.equal(fake.log.at(-1)!.args.slice(5).join(" "), "--set skip=6 --set seed=2 --quiet");
  // The table keeps the plan's order, and one seed has no interval.
  assert.match(csvOf(fake)[1]!, /^fewer,2,/);
  assert.doesNotMatch(out.join("\n"), /± \d|NaN/);
});

test("a failure is reported once all others are done", async (fake) => {
  const variants = [
    variantOf(fake, "bad", { settings: ["do=fail"] }),
    variantOf(fake, "good"),
  ];
  await printedBy(() =>
    userError(
      () => runComparison({ variants, yardstick: "good" }, optionsOf(fake)),
      "1 of 2 trials failed; the first, bad seed=0, with exit code 2: error: the disk is full; " +
        "the same command tries again",
    )
  );
  assert.deepEqual(fake.started, ["bad,seed=0", "bad,seed=0", "good,seed=0"]);
});

Deno.test("a shallower model leaves out the routed one's best mask, with or without its last layer", async () => {
  const [fewer, more] = [shallower("fewer", "exp1", "exp10"), shallower("more", "exp1", "exp10")];
  assert.equal(fewer.script, variant("dense", "exp1").script);
  assert.notEqual(fewer.key, more.key);
  assert.match(fewer.label, /fewer FLOPs/);
  const settingsAfter = ({ settings }: Variant, final: Readonly<Record<string, unknown>>) =>
    (settings as Exclude<typeof settings, readonly string[] | undefined>)((wanted) => {
      assert.equal(wanted, "exp10");
      return { final } as ReturnType<Parameters<Extract<typeof settings, CallableFunction>>[0]>;
    });
  const final = { staticMask: [7, 4, 9] };
  assert.deepEqual(settingsAfter(fewer, final), ["router.skipLayers=7,4,9"]);
  assert.deepEqual(settingsAfter(more, final), ["router.skipLayers=7,4"]);
  await userError(() => settingsAfter(more, {}), "The run of exp10", "staticMaskBatches");
});
