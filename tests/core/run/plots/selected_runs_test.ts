/** Which runs figures show. */

import assert from "node:assert/strict";
import { type RunResult } from "../../../../core/run/results_folder.ts";
import { selectRuns } from "../../../../core/run/plots/selected_runs.ts";
import { type RunStatus } from "../../../../core/run/run_record.ts";

interface Told {
  readonly name?: string;
  readonly seed?: number;
  readonly status?: RunStatus;
  readonly model?: string;
  readonly steps?: number;
  readonly threads?: number;
  readonly rows?: number;
}

/** Runs by folder, in the order of their start. */
function runs(told: Readonly<Record<string, Told>>): { runs: RunResult[] } {
  return {
    runs: Object.entries(told).map(([folder, run]): RunResult => {
      const { name = "exp10", seed = 0, status = "finished", model = "nano", steps = 20 } = run;
      const { threads = 0, rows = 3 } = run;
      const config = { name, model, data: "microworld", seed, steps, backend: { threads } };
      return {
        folder,
        record: {
          name,
          seed,
          status,
          config,
          startedAt: "",
          final: {},
        } as unknown as RunResult["record"],
        metrics: Array.from({ length: rows }, (_, i) => ({ step: i + 1 })),
        layerActivity: [],
      };
    }),
  };
}

const foldersOf = (told: Readonly<Record<string, Told>>) =>
  selectRuns(runs(told)).families.flatMap(({ experiments }) =>
    experiments.map((own) => own.runs.map(({ folder }) => folder).join())
  );

Deno.test("of each seed the newest finished run counts, whatever runs it", () => {
  assert.deepEqual(
    foldersOf({
      "runs/exp10/old": {},
      "runs/exp10/one": { seed: 1, threads: 1 },
      "runs/exp10/new": {},
      "runs/exp10/running": { status: "running" },
    }),
    ["runs/exp10/new,runs/exp10/one"],
  );
});

Deno.test("a seed of another configuration does not count, and is named with what differs", () => {
  const told = { "runs/exp10/a": { seed: 1, steps: 5 }, "runs/exp10/b": {} };
  assert.deepEqual(foldersOf(told), ["runs/exp10/b"]);
  const { notes } = selectRuns(runs(told));
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /^exp10: runs\/exp10\/a \(seed 1\) does not count.* steps$/);
});

Deno.test("where none is finished the newest that has begun stands in, and is said so", () => {
  const told = {
    "runs/exp10/a": { status: "interrupted" },
    "runs/exp10/b": { status: "running", rows: 2 },
    "runs/exp10/c": { status: "running", rows: 0 },
    "runs/exp6/a": { name: "exp6", status: "running", rows: 0 },
  } as const;
  assert.deepEqual(foldersOf(told), ["runs/exp10/b"]);
  const { families, notes } = selectRuns(runs(told));
  assert.equal(families[0]!.experiments[0]!.finished, false);
  assert.match(notes[0]!, /runs\/exp10\/b is shown up to step 2/);
  assert.match(notes[1]!, /exp6: no step/);
});

Deno.test("trials of sweeps are no runs; experiments come as people count", () => {
  assert.deepEqual(
    foldersOf({
      "runs/exp10/a": {},
      "sweeps/pareto/trials/targetSkip=0.1": { name: "exp10" },
      "runs/exp2/a": { name: "exp2" },
    }),
    ["runs/exp2/a", "runs/exp10/a"],
  );
});

Deno.test("models are families of their own, whose names differ", () => {
  const { families } = selectRuns(runs({
    "runs/exp1/a": { name: "exp1" },
    "runs/exp10/a": {},
    "runs/exp10/b": { model: "org/Model 1" },
  }));
  assert.deepEqual(families.map(({ suffix, experiments }) => [suffix, experiments.length]), [
    ["_nano_microworld", 2],
    ["_org-Model-1_microworld", 1],
  ]);
  assert.equal(selectRuns(runs({ "runs/exp1/a": {} })).families[0]!.suffix, "");
});
