/** Giving up hopeless trials. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isHopeless, Judge, rungsUpTo } from "../../../../core/run/sweep/early_stopping.ts";
import { runTrials } from "../../../../core/run/sweep/runner.ts";
import { openSweep } from "../../../../core/run/sweep/sweep_folder.ts";
import { describeTrial, stopOf } from "../../../../core/run/sweep/trial_files.ts";
import { testWithProcesses } from "../../../end_to_end/command.ts";
import { inFolder } from "../../io/support.ts";

const RULE = { reduction: 3, firstStep: 10 };

Deno.test("rungs are powers of the reduction apart", () => {
  assert.deepEqual(rungsUpTo(9, RULE), []);
  assert.deepEqual(rungsUpTo(100, RULE), [10, 30, 90]);
  assert.deepEqual(rungsUpTo(25, { reduction: 1.5, firstStep: 10 }), [10, 15, 23]);
});

Deno.test("a third of the trials at a rung go on, and always the best", () => {
  const at = (loss: number, targetSkip = 0.5) => ({ loss, targetSkip });
  assert.ok(!isHopeless(at(9), [], RULE));
  assert.ok(isHopeless(at(9), [at(1)], RULE));
  assert.ok(!isHopeless(at(1), [at(9)], RULE));
  const five = [1, 2, 3, 4, 5].map((loss) => at(loss));
  assert.ok(!isHopeless(at(1.5), five, RULE));
  assert.ok(isHopeless(at(2.5), five, RULE));
});

Deno.test("a trial that skips more is not pushed out by those that skip less", () => {
  const own = { loss: 4, targetSkip: 0.5 };
  assert.ok(!isHopeless(own, [{ loss: 3, targetSkip: 0.4 }], RULE));
  assert.ok(isHopeless(own, [{ loss: 3, targetSkip: 0.6 }], RULE));
});

/** Rows of metrics: step and validation loss, empty where there was no evaluation. */
function writeMetrics(folder: string, rows: readonly [step: number, loss?: number][]): void {
  Deno.mkdirSync(folder, { recursive: true });
  const lines = rows.map(([step, loss = ""]) => `${step},0.5,${loss}\n`);
  Deno.writeTextFileSync(
    join(folder, "metrics.csv"),
    "step,target_skip,validation_loss\n" + lines.join(""),
  );
}

Deno.test("a trial is judged once at each rung, by its first evaluation from there on", () =>
  inFolder((folder) => {
    const [own, other] = [join(folder, "own"), join(folder, "other")];
    const judge = new Judge(RULE, own, () => [own, other]);
    assert.equal(judge.verdict(), undefined);
    writeMetrics(own, [[5, 9], [10], [12, 3]]);
    writeMetrics(other, [[5, 1], [10]]);
    // The other one has not come to the rung, so there is nothing to be compared with.
    assert.equal(judge.verdict(), undefined);
    writeMetrics(other, [[5, 1], [10], [12, 1]]);
    assert.equal(judge.verdict(), undefined);
    writeMetrics(other, [[12, 1], [30, 2]]);
    writeMetrics(own, [[12, 3], [31, 2.5]]);
    assert.deepEqual(judge.verdict(), {
      kind: "hopeless",
      why: "loss 2.5000 at step 30, beside 1 other trials",
    });
  }));

/** An experiment that takes a step in 100 ms, with the loss that it is told, and saves on SIGINT. */
const SCRIPT = `
const at = (option) => Deno.args[Deno.args.indexOf(option) + 1];
const folder = at(Deno.args.includes("--resume") ? "--resume" : "--out");
const { loss, steps } = Object.fromEntries(Deno.args.filter((word) => word.includes("=")).map((word) => word.split("=")));
Deno.mkdirSync(folder, { recursive: true });
const write = (status) => Deno.writeTextFileSync(folder + "/run.json", JSON.stringify({
  name: "exp77", status, config: {}, seed: 0, startedAt: "", commandLine: "deno task exp77 " + Deno.args.join(" "),
  final: { loss: Number(loss), skipRatio: 0.5 },
}));
write("running");
let stop = false;
Deno.addSignalListener("SIGINT", () => stop = true);
let text = "step,target_skip,validation_loss\\n";
for (let step = 1; step <= Number(steps) && !stop; step++) {
  Deno.writeTextFileSync(folder + "/metrics.csv", text += step + ",0.5," + loss + "\\n");
  await new Promise((go) => setTimeout(go, 100));
}
write(stop ? "interrupted" : "finished");
Deno.exit(stop ? 130 : 0);
`;

testWithProcesses("a hopeless trial is stopped, and stays so", () =>
  inFolder(async (folder) => {
    const script = join(folder, "exp77.ts");
    Deno.writeTextFileSync(script, SCRIPT);
    const trial = (name: string, loss: number, steps: number) => ({
      name,
      script,
      folder: join(folder, "trials", name),
      args: ["--set", `loss=${loss}`, "--set", `steps=${steps}`],
    });
    const trials = [trial("good", 1, 3), trial("bad", 2, 600)];
    openSweep(folder, { reduction: 2, firstStep: 2 });
    trials.forEach(describeTrial);
    const [good, bad] = await runTrials(trials, { jobs: 1 });
    assert.ok("record" in good!);
    assert.ok("stopped" in bad! && bad.stopped.kind === "hopeless", JSON.stringify(bad));
    assert.deepEqual(stopOf(trials[1]!.folder), bad.stopped);
    const again = await runTrials(trials, { jobs: 1 });
    assert.deepEqual(again[1], bad);
  }));
