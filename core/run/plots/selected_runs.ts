/** Which of all runs figures show: for each experiment and seed one. */

import { sameConfiguration } from "../config_difference.ts";
import { isTrial, type ResultsFolder, type RunResult } from "../results_folder.ts";
import { settingsOf } from "./final_numbers.ts";
import { byName, fileName } from "./plot.ts";

/** An experiment on one model and text, by the runs that count. */
export interface ExperimentRuns {
  readonly experiment: string;
  /** The newest of each seed, by seed; all of them of one configuration. */
  readonly runs: readonly RunResult[];
  /** Whether they are; one that is not is alone. */
  readonly finished: boolean;
}

/** Experiments that can be compared: on one model and one text. */
export interface Family {
  readonly model: string;
  readonly data: string;
  /** What is put behind the names of its figures: empty where it is the only one. */
  readonly suffix: string;
  readonly experiments: readonly ExperimentRuns[];
}

/** What was chosen. */
export interface Selection {
  readonly families: readonly Family[];
  /** What does not count, and why, a line each. */
  readonly notes: readonly string[];
}

/**
 * Chooses the runs. Of several of one experiment, model, text and seed the newest finished counts. Its
 * other seeds count where their configuration is that of the newest finished run of all. Where none is
 * finished, the newest that has begun stands in. Trials of sweeps are no runs of an experiment.
 */
export function selectRuns({ runs }: Pick<ResultsFolder, "runs">): Selection {
  const notes: string[] = [];
  const own = runs.filter(({ folder }) => !isTrial(folder));
  const keyOf = ({ record }: RunResult) => {
    const { model, data } = settingsOf(record);
    return JSON.stringify([model, data, record.name]);
  };
  const experiments = Array.from(Map.groupBy(own, keyOf).values(), (all) => chosen(all, notes))
    .filter((choice) => choice !== undefined)
    .sort((a, b) => byName(a.experiment, b.experiment));
  const familyOf = ({ runs: [first] }: ExperimentRuns) => {
    const { model, data } = settingsOf(first!.record);
    return JSON.stringify([model, data]);
  };
  const groups = [...Map.groupBy(experiments, familyOf)];
  const families = groups.map(([key, members]): Family => {
    const [model, data] = JSON.parse(key) as [string, string];
    const suffix = groups.length === 1 ? "" : `_${fileName(model)}_${fileName(data)}`;
    return { model, data, suffix, experiments: members };
  });
  return { families, notes };
}

function chosen(all: readonly RunResult[], notes: string[]): ExperimentRuns | undefined {
  const newestFirst = all.toReversed();
  const experiment = all[0]!.record.name;
  const finished = newestFirst.filter(({ record }) => record.status === "finished");
  const [newest] = finished;
  if (!newest) {
    const begun = newestFirst.find(({ metrics }) => metrics.length > 0);
    if (!begun) {
      notes.push(`${experiment}: no step of it is done yet`);
      return undefined;
    }
    const step = begun.metrics.at(-1)!.step;
    notes.push(`${experiment}: no run is finished; ${begun.folder} is shown up to step ${step}`);
    return { experiment, runs: [begun], finished: false };
  }
  const bySeed = new Map<number, RunResult>();
  for (const run of finished) {
    const { seed } = run.record;
    if (bySeed.has(seed)) continue;
    const others = differences(newest, run);
    if (others.length === 0) bySeed.set(seed, run);
    else {
      notes.push(
        `${experiment}: ${run.folder} (seed ${seed}) does not count, as it differs from the newest ` +
          `run in ${others.join(", ")}`,
      );
    }
  }
  const runs = [...bySeed.values()].sort((a, b) => a.record.seed - b.record.seed);
  return { experiment, runs, finished: true };
}

/** Keys in which two runs differ, but for the seed and what runs them. */
function differences(a: RunResult, b: RunResult): string[] {
  return sameConfiguration(a.record.config, b.record.config)
    .map(({ key }) => key)
    .filter((key) => key !== "seed" && !key.startsWith("backend."));
}

/** `3 seeds`, and where experiments differ `1 to 3 seeds`. */
export function seedsInWords(experiments: readonly ExperimentRuns[]): string {
  const counts = experiments.map(({ runs }) => runs.length);
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  const range = low === high ? `${low}` : `${low} to ${high}`;
  return `n = ${range} seed${high === 1 ? "" : "s"}`;
}
