/** Evaluations on tasks, as scripts start them. */

import { join } from "node:path";
import { UserError } from "../../contracts/mod.ts";
import { type Depth } from "../../inference/mod.ts";
import { taskRows } from "../../io/mod.ts";
import { openFinishedRun } from "../finished_run.ts";
import { scaleOf } from "../models.ts";
import { type Plugins } from "../plugins/plugins.ts";
import { RunRepositories } from "../repositories.ts";
import { newestFinishedRun } from "../newest_run.ts";
import { evaluateTasks, type Evaluation, type EvaluationPlan } from "./evaluation.ts";
import { evaluationFolder, folderName, type TaskOptions, tasksNamed } from "./options.ts";
import { DEFAULT_BACKEND, openModel, subjectOfRun } from "./subject.ts";
import { comparisonOfModels, differencesToFirst, resultsTable } from "./tables.ts";

/** One model to evaluate. */
export type Candidate =
  & {
    /** What tables call it. */
    readonly label: string;
  }
  & (
    /** A model by name, folder or hub repository. */
    | { readonly model: string }
    /** A run's folder, or an experiment, which means its newest finished run. */
    | { readonly run: string; readonly depth: Depth; readonly budget?: number | undefined }
  );

/** What a model is asked unless told, by the scale that it is of. */
const DEFAULT_TASKS = {
  small: ["micro_facts", "micro_reason", "micro_math", "micro_ppl"],
  reference: ["mmlu", "arc_challenge", "gsm8k", "wikitext"],
} as const;

/** Evaluates one model and prints its table. */
export async function evaluateModel(
  candidate: Candidate,
  plugins: Plugins,
  options: TaskOptions,
): Promise<void> {
  const out = options.out ?? evaluationFolder(candidate.label);
  const evaluation = await evaluateCandidate(candidate, plugins, options, out);
  console.log([
    candidate.label,
    "",
    resultsTable(evaluation),
    "",
    `results  ${join(out, "results.json")}`,
    `samples  ${join(out, "samples_*.jsonl")}`,
  ].join("\n"));
}

/**
 * Evaluates finished runs of experiments on the same documents, after the base model of the first,
 * and prints them beside each other. A run that does not exist is left out and said so.
 *
 * @throws {UserError} when none exists.
 */
export async function evaluateModels(
  candidates: readonly (Candidate & { readonly run: string })[],
  plugins: Plugins,
  options: TaskOptions,
  name: string,
): Promise<void> {
  const root = options.out ?? evaluationFolder(name);
  const missing = candidates.filter(({ run }) => newestFinishedRun(run) === undefined);
  const there = candidates.filter((candidate) => !missing.includes(candidate));
  const [first] = there;
  if (!first) throw new UserError(`There is no trained model yet: ${whatToTrain(missing)}`);
  const evaluations: Evaluation[] = [];
  for (const candidate of [{ label: "base", run: first.run, depth: "base" } as const, ...there]) {
    const out = join(root, folderName(candidate.label));
    evaluations.push(await evaluateCandidate(candidate, plugins, options, out));
  }
  console.log([
    comparisonOfModels(evaluations),
    "",
    differencesToFirst(evaluations),
    "",
    ...(missing.length > 0 ? [`Left out: ${whatToTrain(missing)}`] : []),
    `results  ${join(root, "*", "results.json")}`,
  ].join("\n"));
}

function whatToTrain(missing: readonly { readonly run: string }[]): string {
  const runs = [...new Set(missing.map(({ run }) => run))];
  return `no finished run of ${runs.join(", ")}; train with ` +
    runs.map((run) => `deno task ${run} --fresh`).join(", ");
}

async function evaluateCandidate(
  candidate: Candidate,
  plugins: Plugins,
  options: TaskOptions,
  out: string,
): Promise<Evaluation> {
  const { quiet = false, dataDir, numFewshot, limit, seed, batchSize, fresh, backend } = options;
  const repositories = new RunRepositories({}, quiet);
  const planFor = (model: string): EvaluationPlan => ({
    ...tasksNamed(options.tasks ?? DEFAULT_TASKS[scaleOf(model, plugins)], plugins),
    source: (dataset, split) => taskRows(dataset, split, { dataDir, repositories }),
    dataDir,
    shots: numFewshot,
    limit,
    seed,
    batchSize: batchSize === "auto" ? undefined : batchSize,
    out,
    fresh,
    quiet,
    plugins: plugins.loaded,
    backend,
  });
  if ("model" in candidate) {
    await using subject = await openModel(candidate.model, plugins, repositories, {
      ...DEFAULT_BACKEND,
      name: backend ?? DEFAULT_BACKEND.name,
    });
    return await evaluateTasks({ ...subject, label: candidate.label }, planFor(candidate.model));
  }
  await using run = await openFinishedRun(
    candidate.run,
    plugins,
    { "backend.name": backend },
    quiet,
  );
  const { label, depth, budget } = candidate;
  const subject = await subjectOfRun(run, label, depth, budget);
  return await evaluateTasks(subject, planFor(run.config.model));
}
