/** Draws every figure that a folder of results allows, and says what the others lack. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { writeFigure } from "../../report/figures.ts";
import { didYouMean } from "../did_you_mean.ts";
import { readResults, type ResultsFolder } from "../results_folder.ts";
import { analysisPlots } from "./analysis_plots.ts";
import { evaluationPlots } from "./evaluation_plots.ts";
import { experimentPlots } from "./experiment_plots.ts";
import { isPlot, type LeftOut, type Planned } from "./plot.ts";
import { routerPlots } from "./router_plots.ts";
import { type ExperimentRuns, type Selection, selectRuns } from "./selected_runs.ts";
import { sweepPlots } from "./sweep_plots.ts";

/** What to draw from where to where. */
export interface PlotOptions {
  /** Folder of results. */
  readonly results: string;
  /** Folder for the figures. */
  readonly out: string;
  /** One figure by its name, or all of one kind. */
  readonly only?: string | undefined;
}

/** All figures there could be, in the order in which they are drawn. Names are of one figure each. */
export function plannedPlots(results: ResultsFolder, { families }: Selection): Planned[] {
  const all = [
    ...experimentPlots(families),
    ...routerPlots(families),
    ...sweepPlots(results),
    ...evaluationPlots(results),
    ...analysisPlots(results),
  ];
  const seen = new Map<string, number>();
  return all.map((planned) => {
    const count = (seen.get(planned.name) ?? 0) + 1;
    seen.set(planned.name, count);
    return count === 1 ? planned : { ...planned, name: `${planned.name}-${count}` };
  });
}

/**
 * Writes the figures and prints a line for each, and for each that is left out.
 *
 * @throws {UserError} when `only` names no figure, or the figures cannot be written.
 */
export async function plotResults({ results: root, out, only }: PlotOptions): Promise<void> {
  const results = readResults(root);
  const selection = selectRuns(results);
  const planned = chosen(plannedPlots(results, selection), only);
  const plots = planned.filter(isPlot);
  const leftOut = planned.filter((one): one is LeftOut => !isPlot(one));
  console.log(foundLine(results, selection));
  for (const plot of plots) {
    const { png } = await writeFigure(join(out, plot.name), plot.draw());
    console.log(`${plot.name}  ${png}`);
  }
  const notes = [...selection.notes, ...results.notes];
  console.log([
    ...(plots.length === 0 ? [] : [
      "",
      `${plots.length} figure${plots.length === 1 ? "" : "s"} in ${out}, each as .vl.json, .svg ` +
      "and .png",
    ]),
    ...section(
      "Left out:",
      leftOut.map(({ name, reason, command }) => `${name}: ${reason}: ${command}`),
    ),
    ...section("Not counted:", notes),
  ].join("\n"));
}

function chosen(planned: readonly Planned[], only: string | undefined): readonly Planned[] {
  if (only === undefined) return planned;
  const own = planned.filter(({ name, kind }) => name === only || kind === only);
  if (own.length > 0) return own;
  const names = [...new Set(planned.flatMap(({ kind, name }) => [kind, name]))];
  throw new UserError(
    `There is no figure "${only}"${didYouMean(only, names) || ";"} there are: ${
      planned.map(({ name }) => name).join(", ")
    }`,
  );
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

/** What was found, and how many seeds of each experiment count. */
function foundLine(results: ResultsFolder, { families }: Selection): string {
  const { root, runs, tables, evaluations } = results;
  if (runs.length + tables.length + evaluations.length === 0) {
    return `There are no results in ${root}${fs.existsSync(root) ? "" : " (no such folder)"}: ` +
      "train something first, as with deno task exp10 --fresh\n";
  }
  const experiments = families.flatMap(({ experiments, suffix, model }) =>
    experiments.map((own) => `${experimentInWords(own)}${suffix && ` (${model})`}`)
  );
  return `${root}: ${runs.length} runs, ${tables.length} tables, ${evaluations.length} ` +
    `evaluations${experiments.length === 0 ? "" : `; seeds: ${experiments.join(", ")}`}\n`;
}

function experimentInWords({ experiment, runs, finished }: ExperimentRuns): string {
  return `${experiment} ${finished ? runs.length : "not finished"}`;
}
