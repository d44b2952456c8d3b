/** The same run twice, and what a run ends with: which checkpoint, and under which gates. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { openSafetensors, readJsonObject } from "../../core/io/mod.ts";
import { type MetricRow, readMetrics, TIMING_COLUMNS } from "../../core/run/metrics_csv.ts";
import { assertFinished, testWithProcesses, Workplace } from "./command.ts";

/** The numbers that a run ended with. */
interface Final {
  readonly step: number;
  readonly loss: number;
  readonly skipRatio: number;
  readonly rows: Readonly<Record<string, { loss: number; skipRatio: number }>>;
}

/** A finished run. */
class Run {
  /** @param printed what it printed */
  constructor(readonly folder: string, readonly printed: string) {}

  get metrics(): MetricRow<string>[] {
    return readMetrics(join(this.folder, "metrics.csv"));
  }

  /** Steps with an evaluation, and the validation loss there. */
  get evaluations(): { step: number; loss: number }[] {
    return this.metrics.flatMap(({ step, validation_loss: loss }) =>
      loss === undefined ? [] : [{ step, loss }]
    );
  }

  get final(): Final {
    return readJsonObject(join(this.folder, "run.json"), "the record")["final"] as Final;
  }

  json(...names: string[]): Record<string, unknown> {
    return readJsonObject(join(this.folder, ...names), "a file of the run");
  }
}

/** Runs an experiment with settings to its end, into a folder of this name. */
async function finish(
  place: Workplace,
  out: string,
  sets: readonly string[] = [],
  { name = "exp10", more = [] as readonly string[] } = {},
): Promise<Run> {
  const options = [...place.tiny(), ...sets.flatMap((set) => ["--set", set]), ...more];
  const outcome = await place.runScript(name, ...options, "--quiet", "--out", out);
  assertFinished(outcome);
  assert.doesNotMatch(outcome.stdout, /NaN|undefined|Infinity/);
  return new Run(place.path(out), outcome.stdout);
}

/** A CSV file less the columns of times. */
function withoutTimes({ folder }: Run, name: string): unknown[] {
  return csvParse(Deno.readTextFileSync(join(folder, name))).map((row) =>
    Object.entries(row).filter(([column]) =>
      !(TIMING_COLUMNS as readonly string[]).includes(column)
    )
  );
}

testWithProcesses(
  "a run that is repeated gives the same numbers to the last digit, and another seed others",
  async () => {
    using place = new Workplace();
    const sets = ["lora.dropout=0.1", "steps=9"];
    const [first, second] = [
      await finish(place, "first", sets),
      await finish(place, "second", sets),
    ];
    assert.equal(first.metrics.length, 9);
    assert.deepEqual(withoutTimes(first, "metrics.csv"), withoutTimes(second, "metrics.csv"));
    const layers = ({ folder }: Run) => Deno.readTextFileSync(join(folder, "layer_activity.csv"));
    assert.equal(layers(first), layers(second));
    const untimed = ({ final }: Run) => ({ ...final, wallSeconds: undefined });
    assert.deepEqual(untimed(first), untimed(second));

    const other = await finish(place, "other", [...sets, "seed=1"]);
    assert.notDeepEqual(withoutTimes(first, "metrics.csv"), withoutTimes(other, "metrics.csv"));
    assert.notEqual(first.final.loss, other.final.loss);
  },
);

/** Learns from the text first, and then from the frozen model alone, which has not learned anything. */
const UP_AND_DOWN = [
  "steps=30",
  "evaluation.every=3",
  "optimizer.learningRate=0.03",
  "optimizer.schedule=constant",
  "objective.distillWeight=1",
  "objective.distillWarmupSteps=10",
];

testWithProcesses(
  "a run ends with its best checkpoint where that was declared, and else with its last",
  async () => {
    using place = new Workplace();
    const last = await finish(place, "last", UP_AND_DOWN);
    const best = await finish(place, "best", [...UP_AND_DOWN, "checkpoint.use=best"]);
    assert.deepEqual(withoutTimes(best, "metrics.csv"), withoutTimes(last, "metrics.csv"));
    const lowest = best.evaluations.reduce((a, b) => a.loss <= b.loss ? a : b);
    assert.ok(lowest.step < 30, "the run has to get worse again");

    assert.equal(last.final.step, 30);
    assert.equal(last.final.loss, last.evaluations.at(-1)!.loss);
    // The final text is that of every evaluation, so the loss is that one's, to the bit.
    assert.equal(best.final.step, lowest.step);
    assert.equal(best.final.loss, lowest.loss);
    const name = `step-${String(lowest.step).padStart(6, "0")}`;
    assert.match(best.printed, new RegExp(`^checkpoint +best/checkpoints/${name}$`, "m"));
    assert.deepEqual(best.json("checkpoints", "index.json"), { latest: "step-000030", best: name });

    // Who opens it finds the same model.
    const again = await place.runScript("evaluate", "--run", "best", "--budget", "0.3");
    assertFinished(again);
    const [, routed] = csvParse(Deno.readTextFileSync(join(best.folder, "budgets.csv")));
    assert.equal(Number(routed!["validation_loss"]), lowest.loss);
  },
);

testWithProcesses(
  "gates that are sampled in evaluation stand for the run, and can be drawn again",
  async () => {
    using place = new Workplace();
    const run = await finish(place, "run", ["evaluation.gates=sampled", "router.temperatureEnd=1"]);
    const { loss, skipRatio, rows } = run.final;
    assert.equal(loss, rows["sampled"]!.loss);
    assert.equal(skipRatio, rows["sampled"]!.skipRatio);
    assert.notEqual(loss, rows["routed"]!.loss);
    assert.equal(loss, run.evaluations.at(-1)!.loss);
    assert.match(run.printed, /^routed, gates drawn as in training +\d/m);
    // At a temperature of 1 and a bias of 2 a gate is open with a chance of 0.88.
    assert.ok(skipRatio > 0.02 && skipRatio < 0.3, `${skipRatio}`);
  },
);

testWithProcesses("a router's own gates are at even odds, whatever the target", async () => {
  using place = new Workplace();
  const own = await finish(place, "own", ["evaluation.gates=own"]);
  assert.deepEqual(own.json("checkpoints", "step-000006", "router_config.json")["threshold"], 0);
  // A bias of 2 opens all gates, and so few steps close none.
  assert.equal(own.final.skipRatio, 0);
  assert.equal(own.final.loss, own.evaluations.at(-1)!.loss);
  assert.match(own.printed, /^The router has collapsed \(all-run\)/m);
  const calibrated = await finish(place, "calibrated");
  assert.ok(Math.abs(calibrated.final.skipRatio - 0.3) < 0.1);
});

testWithProcesses(
  "--recipe reference trains as the original did, and says so in the record",
  async () => {
    using place = new Workplace();
    const run = await finish(place, "run", [], { more: ["--recipe", "reference"] });
    const { objective, evaluation, checkpoint, router } = run.json("run.json")["config"] as Record<
      string,
      Record<string, unknown>
    >;
    assert.equal(objective!["distillPer"], "sequence");
    assert.equal(objective!["sparsityWeight"], 5);
    assert.deepEqual([evaluation!["gates"], checkpoint!["use"]], ["sampled", "best"]);
    assert.deepEqual([router!["initialBias"], router!["bypassRank"]], [-1.5, 0]);
    assert.equal(run.final.loss, run.final.rows["sampled"]!.loss);
    // Its price shows in the loss.
    assert.ok(run.metrics.every((row) => row["gate_loss"]! > 0));
  },
);

testWithProcesses(
  "adapters in the place of skipped layers learn, and are part of the checkpoint",
  async () => {
    using place = new Workplace();
    const sets = ["router.bypassRank=2", "router.initialBias=0"];
    const { folder } = await finish(place, "run", sets);
    using file = openSafetensors(join(folder, "checkpoints", "step-000006", "router.safetensors"));
    for (const layer of [1, 2]) {
      const up = file.read(`bypass.${layer}.up.weight`);
      assert.deepEqual(up.shape, [16, 2]);
      assert.ok(up.data.some((x) => x !== 0), `that of layer ${layer} has learned nothing`);
    }
    assert.ok(!file.tensors.has("bypass.0.up.weight"));
  },
);

for (const name of ["exp1", "exp2", "exp6", "exp32"]) {
  testWithProcesses(`${name} can be evaluated under gates of every kind`, async () => {
    using place = new Workplace();
    for (const gates of ["own", "sampled", "calibrated"]) {
      const run = await finish(place, gates, [`evaluation.gates=${gates}`, "steps=3"], { name });
      const way = gates === "sampled" ? "sampled" : "routed";
      assert.equal(run.final.loss, run.final.rows[way]!.loss);
      assert.ok(Number.isFinite(run.final.loss));
      assert.equal(run.final.loss, run.evaluations.at(-1)!.loss, gates);
    }
  });
}
