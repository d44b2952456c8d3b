/** The analysis of a finished run's router, as scripts start it. */

import fs from "node:fs";
import { analyzeRouting } from "../../eval/mod.ts";
import { explainFailure } from "../../io/failures.ts";
import { type FinishedRun } from "../finished_run.ts";
import { drawAnalysis } from "./figures.ts";
import { writeAnalysis } from "./files.ts";
import { analysisFindings } from "./findings.ts";
import { observeRouting } from "./observe.ts";
import { analysisTables } from "./tables.ts";

/** How to analyse. */
export interface AnalysisOptions {
  /** Folder for tables and figures; the run's own unless told. */
  readonly out?: string | undefined;
  /** No progress. */
  readonly quiet?: boolean | undefined;
}

/**
 * Analyses what a run's router does with held-out text, writes tables and figures and prints them.
 *
 * @throws {UserError} when they cannot be written.
 */
export async function analyzeRun(run: FinishedRun, options: AnalysisOptions): Promise<void> {
  const { path, config, point } = run;
  const out = options.out ?? path;
  try {
    fs.mkdirSync(out, { recursive: true });
  } catch (error) {
    throw explainFailure(error, "write", out);
  }
  const analysis = analyzeRouting(await observeRouting(run, options.quiet), config.seed);
  const findings = analysisFindings(analysis);
  const about = {
    experiment: config.name,
    run: path,
    data: config.data,
    seed: config.seed,
    threshold: point.threshold,
    findings,
  };
  const tables = writeAnalysis(out, analysis, about);
  const figures = await drawAnalysis(out, analysis, config.name);
  const { tokens, sequences } = analysis;
  console.log([
    `${config.name} in ${path}, ${config.data}: ${tokens} tokens of ${sequences} sequences`,
    "",
    analysisTables(analysis),
    "",
    ...findings,
    "",
    `folder   ${out}`,
    `tables   ${tables.join(", ")}`,
    `figures  ${figures.join(", ")}`,
  ].join("\n"));
}
