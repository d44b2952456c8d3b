/** A trained model to run, without the texts that it was trained on. */

import { UserError } from "../contracts/mod.ts";
import { type Depth, type InferenceModel } from "../inference/mod.ts";
import { type Tokenizer } from "../io/mod.ts";
import { readTrained } from "../train/mod.ts";
import { DEFAULT_BACKEND, openModel, subjectOfRun } from "./evaluation/subject.ts";
import { locateRun, openFinishedRun } from "./finished_run.ts";
import { openStudent } from "./model_parts.ts";
import { type Plugins } from "./plugins/plugins.ts";
import { RunRepositories } from "./repositories.ts";

/** What to run. */
export interface ModelChoice {
  /** The folder of a run or of a checkpoint, or an experiment: its newest finished run. */
  readonly checkpoint?: string | undefined;
  /** A model as it is, instead. */
  readonly model?: string | undefined;
  /** What of the run: its base model, all layers, its router; the last unless told. */
  readonly depth?: Depth | undefined;
  /** Skip ratio that the router is calibrated to; that of its training unless told. */
  readonly budget?: number | undefined;
  /** The backend to run on; that of its training, or onnx, unless told. */
  readonly backend?: string | undefined;
}

/** A model that can be run. Dispose of it to let the weights go. */
export interface TrainedModel extends AsyncDisposable {
  readonly model: InferenceModel;
  readonly tokenizer: Tokenizer;
  /** Which one it is, for people. */
  readonly label: string;
}

/**
 * Opens a model.
 *
 * @throws {UserError} when there is none, or something of it is missing or damaged.
 */
export async function openTrainedModel(
  { checkpoint, model: name, depth = "routed", budget, backend: backendName }: ModelChoice,
  plugins: Plugins,
  quiet = false,
): Promise<TrainedModel> {
  if (name !== undefined) {
    if (checkpoint !== undefined) throw new UserError("Give --checkpoint or --model, not both");
    const repositories = new RunRepositories({}, quiet);
    const subject = await openModel(name, plugins, repositories, {
      ...DEFAULT_BACKEND,
      name: backendName ?? DEFAULT_BACKEND.name,
    });
    const { model, encoding } = subject;
    return {
      model,
      tokenizer: encoding.tokenizer,
      label: name,
      [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
    };
  }
  if (checkpoint === undefined) {
    throw new UserError("Give --checkpoint DIR, a trained run, or --model NAME, a model as it is");
  }
  const overrides = { "backend.name": backendName };
  if (budget !== undefined) {
    return await calibratedTo(checkpoint, budget, depth, overrides, plugins, quiet);
  }
  const located = await locateRun(checkpoint, plugins, overrides);
  const { path, record, config, checkpoint: folder } = located;
  using opened = await openStudent(
    config,
    plugins,
    new RunRepositories(record.repositories, quiet),
  );
  const { weights, threshold } = readTrained(folder, opened.student);
  const parts = await opened.load(quiet);
  const { backend, student, frozen, tokenizer } = parts;
  const point = { threshold, targetSkip: config.objective.targetSkip };
  return {
    model: { backend, student, depth, weights: { ...frozen, ...weights }, point },
    tokenizer,
    label: `${config.name} in ${path}`,
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  };
}

/** Calibrating takes the run's own text. */
async function calibratedTo(
  checkpoint: string,
  budget: number,
  depth: Depth,
  overrides: Readonly<Record<string, string | undefined>>,
  plugins: Plugins,
  quiet: boolean,
): Promise<TrainedModel> {
  await using opening = new AsyncDisposableStack();
  const run = opening.use(await openFinishedRun(checkpoint, plugins, overrides, quiet));
  const label = `${run.config.name} in ${run.path}, skip ratio ${budget}`;
  const { model, encoding } = await subjectOfRun(run, label, depth, budget);
  const owned = opening.move();
  return {
    model,
    tokenizer: encoding.tokenizer,
    label,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
