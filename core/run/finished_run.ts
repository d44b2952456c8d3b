/** A finished run, opened again to be looked at. */

import fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../contracts/mod.ts";
import { Evaluator } from "../eval/mod.ts";
import { type OperatingPoint } from "../routing/mod.ts";
import { readJsonObject } from "../io/mod.ts";
import { type Weights } from "../nn/mod.ts";
import { readTrained } from "../train/mod.ts";
import { resolveConfig } from "./config.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { loadParts, type Parts } from "./parts.ts";
import { loadPluginsOfRun } from "./plugins/of_run.ts";
import { type Plugins } from "./plugins/plugins.ts";
import { RunRepositories } from "./repositories.ts";
import { newestFinishedRun } from "./newest_run.ts";
import { readRunRecord, type RunRecord } from "./run_record.ts";
import { type ConfigTree, isTree } from "./settings.ts";
import { CHECKPOINTS_FOLDER } from "./train_run.ts";

/** A trained model with everything it was trained with. Dispose of it to let the weights go. */
export interface FinishedRun extends AsyncDisposable {
  readonly path: string;
  readonly config: ExperimentConfig;
  readonly parts: Parts;
  readonly evaluator: Evaluator;
  /** What was trained: adapters, router. */
  readonly trained: Weights;
  /** Where the router worked at the end of training. */
  readonly point: OperatingPoint;
}

/**
 * Opens a finished run.
 *
 * @param which a run's folder, or the name of an experiment, which means its newest finished run
 * @param overrides settings that are to differ, by dotted key: another corpus, more batches
 * @throws {UserError} when there is none, or something of it is missing or damaged.
 */
export async function openFinishedRun(
  which: string,
  plugins: Plugins,
  overrides: Readonly<Record<string, string | undefined>> = {},
  quiet = false,
): Promise<FinishedRun> {
  const { path, record, config, checkpoint } = await locateRun(which, plugins, overrides);
  if (record.status !== "finished") {
    throw new UserError(`The run in ${path} is not finished: continue it with --resume ${path}`);
  }
  await using loaded = new AsyncDisposableStack();
  const repositories = new RunRepositories(record.repositories, quiet);
  const parts = loaded.use(await loadParts(config, plugins, repositories, quiet));
  const { backend, student, frozen, kinds } = parts;
  const { weights, threshold } = readTrained(checkpoint, student);
  const evaluator = loaded.use(
    new Evaluator(backend, student, frozen, weights, kinds, config.seed),
  );
  const owned = loaded.move();
  return {
    path,
    config,
    parts,
    evaluator,
    trained: weights,
    point: { threshold, targetSkip: config.objective.targetSkip },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A run that is there, finished or not. */
export interface LocatedRun {
  readonly path: string;
  readonly record: RunRecord;
  readonly config: ExperimentConfig;
  /** The folder of the checkpoint that is meant. */
  readonly checkpoint: string;
}

/**
 * Finds a run.
 *
 * @param which the folder of a run or of one of its checkpoints, or the name of an experiment, which
 *   means its newest finished run
 * @param overrides settings that are to differ, by dotted key
 * @throws {UserError} when there is none.
 */
export async function locateRun(
  which: string,
  plugins: Plugins,
  overrides: Readonly<Record<string, string | undefined>> = {},
): Promise<LocatedRun> {
  const given = fs.existsSync(which) ? which : newestFinishedRun(which);
  if (given === undefined) {
    throw new UserError(
      `There is no folder and no finished run of an experiment "${which}": train one with ` +
        `deno task ${isExperiment(which) ? which : "exp10"} --fresh, or give a run's folder`,
    );
  }
  const isCheckpoint = basename(dirname(resolve(given))) === CHECKPOINTS_FOLDER;
  const path = isCheckpoint ? dirname(dirname(resolve(given))) : given;
  const record = readRunRecord(path);
  await loadPluginsOfRun(plugins, record, path);
  const config = await resolveConfig({
    defaults: onBackend(overrides["backend.name"], record.config as ConfigTree),
    routerOptions: plugins.routerOptions,
    overrides,
  });
  return { path, record, config, checkpoint: isCheckpoint ? given : checkpointOf(path, config) };
}

/** A run's configuration; on another backend, without what is only meant for its own. */
function onBackend(name: string | undefined, config: ConfigTree): ConfigTree {
  const { backend } = config;
  if (name === undefined || !isTree(backend) || backend["name"] === name) return config;
  return { ...config, backend: { name, threads: backend["threads"] ?? 0 } };
}

function isExperiment(name: string): boolean {
  return /^exp\d+(_\w+)?$/.test(name);
}

/** The checkpoint that the run ended with. */
function checkpointOf(path: string, { checkpoint }: ExperimentConfig): string {
  const folder = join(path, CHECKPOINTS_FOLDER);
  const index = join(folder, "index.json");
  const { latest, best } = readJsonObject(index, "the list of checkpoints");
  const name = checkpoint.use === "best" ? best ?? latest : latest;
  if (typeof name === "string") return join(folder, name);
  throw new UserError(`${index} is damaged: it names no checkpoint`);
}
