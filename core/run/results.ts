/** The end of a run: final evaluation, figure, `run.json`, and what is printed. */

import { relative } from "node:path";
import process from "node:process";
import { writeFigure } from "../report/figures.ts";
import { trainingFigure } from "../report/training_figure.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { evaluateFinally, finalNumbers } from "./final_evaluation.ts";
import { comparisonTable, frontierTable, kindTable } from "./final_tables.ts";
import { LAYERS_FILE, METRICS_FILE, readMetrics } from "./metrics_csv.ts";
import { type Parts } from "./parts.ts";
import { formatDuration } from "./progress.ts";
import { type OpenRun } from "./run_folder.ts";
import { speedLines } from "./speed.ts";
import { type TrainedRun } from "./train_run.ts";
import { verdict } from "./verdict.ts";

/** What the end of a run is told of its experiment. */
export interface Outlook {
  /** What to try afterwards, a line each. */
  readonly next: readonly string[];
  /** Steps of the experiment where nobody shortens it. */
  readonly plannedSteps: number;
}

/**
 * Evaluates a trained run, draws its figure, finishes `run.json` and prints all of it.
 *
 * @param started when the work began, as `performance.now()` gives it
 * @param quiet no progress
 */
export async function writeResults(
  { next, plannedSteps }: Outlook,
  config: ExperimentConfig,
  parts: Parts,
  run: OpenRun,
  { evaluator, point, checkpoint, step }: TrainedRun,
  started: number,
  quiet: boolean,
): Promise<void> {
  await using own = evaluator;
  const comparison = await evaluateFinally(own, config, parts, point, quiet);
  const metrics = readMetrics(run.file(METRICS_FILE));
  const figure = await writeFigure(
    run.file("training"),
    trainingFigure(metrics, {
      title: `${config.name}: ${config.model} on ${config.data}, seed ${config.seed}`,
      ...(config.objective.targetWeight > 0 ? { targetSkip: config.objective.targetSkip } : {}),
      layers: {
        total: parts.student.model.dims.numLayers,
        anchor: config.router.anchorLayers,
      },
    }),
  );
  const wallSeconds = (performance.now() - started) / 1000;
  run.finish(finalNumbers(config, comparison, step, wallSeconds));

  const tables = [
    comparisonTable(comparison, parts),
    verdict(comparison, parts, config),
    kindTable(comparison),
    frontierTable(comparison),
  ];
  const lines = tables.filter((text) => text !== undefined).flatMap((text) => ["", text]);
  const here = (path: string) => relative(process.cwd(), path) || path;
  lines.push(
    "",
    `metrics     ${here(run.file(METRICS_FILE))}, ${here(run.file(LAYERS_FILE))}`,
    `checkpoint  ${here(checkpoint)}`,
    `figure      ${here(figure.svg)}, ${here(figure.png)}`,
    `record      ${here(run.file("run.json"))}`,
    ...speedLines(metrics, config, plannedSteps),
    `time        ${formatDuration(wallSeconds)}`,
    "",
    "What next:",
    ...next.map((line) => `  ${line}`),
  );
  console.log(lines.join("\n"));
}
