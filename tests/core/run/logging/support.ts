/** What the tests of loggers share: a run to be logged, and its steps. */

import type { LoggedRun, LoggedStep } from "../../../../core/run/logging/mod.ts";
import type { RunRecord } from "../../../../core/run/run_record.ts";

/** A record of a run with these settings. */
export function recordOf(
  config: RunRecord["config"] = { steps: 10, lora: { rank: 4 } },
): RunRecord {
  return {
    name: "exp10",
    status: "running",
    config,
    seed: 0,
    versions: { dlr: "0.1.0", deno: "2.9.6", onnxruntime: "1.30.0" },
    commit: "0123456789abcdef0123456789abcdef01234567",
    machine: { os: "linux", arch: "x86_64", processor: "some", cores: 2, memoryGigabytes: 8 },
    commandLine: "deno task exp10 --fresh",
    startedAt: "2026-11-23T22:36:16.789Z",
    finishedAt: null,
    final: {},
  };
}

/** Step `step` of a run, with a loss that tells it. */
export function stepOf(step: number, more: Readonly<Record<string, number>> = {}): LoggedStep {
  return { step, time: 1_764_000_000_000 + step, scalars: { "loss/train": 10 / step, ...more } };
}

/** Steps from `first` to `last`. */
export function steps(first: number, last: number): LoggedStep[] {
  return Array.from({ length: last - first + 1 }, (_, i) => stepOf(first + i));
}

/** A run in this folder that goes on after a step. */
export function runIn(folder: string, after = 0, config?: RunRecord["config"]): LoggedRun {
  return { folder, record: recordOf(config), after, history: () => steps(1, after) };
}
