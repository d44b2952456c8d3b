/** Who is evaluated: a plain model, or what a finished run has made of it. */

import { type Repositories } from "../../contracts/mod.ts";
import { type Encoding, encodingOf } from "../../eval/mod.ts";
import { type Depth, type InferenceModel } from "../../inference/mod.ts";
import { type BackendConfig } from "../config_schema.ts";
import { type FinishedRun } from "../finished_run.ts";
import { openModelFiles } from "../opened_model.ts";
import { type Plugins } from "../plugins/plugins.ts";

/** A model, ready to be asked. */
export interface Subject {
  /** What tables call it. */
  readonly label: string;
  readonly model: InferenceModel;
  readonly encoding: Encoding;
  /** Which model it is, in plain values: for the records, and to tell evaluations apart. */
  readonly source: Readonly<Record<string, unknown>>;
}

/** A backend of a plain model, unless told. */
export const DEFAULT_BACKEND: BackendConfig = {
  name: "onnx",
  threads: 0,
  executionProvider: "cpu",
  sessionOptions: {},
};

/**
 * A model by name, folder or hub repository, as it is.
 *
 * @throws {UserError} when it cannot be had or read.
 */
export async function openModel(
  name: string,
  plugins: Plugins,
  repositories: Repositories,
  backend: BackendConfig = DEFAULT_BACKEND,
): Promise<Subject & AsyncDisposable> {
  using files = await openModelFiles(name, plugins, repositories);
  const { model, tokenizer } = files;
  const encoding = encodingOf(tokenizer, model.dims.maxPositions);
  const weights = await files.load(backend, "float32", true);
  return {
    label: name,
    model: { backend: weights.backend, student: { model }, depth: "base", weights: weights.frozen },
    encoding,
    source: { model: name },
    [Symbol.asyncDispose]: () => weights[Symbol.asyncDispose](),
  };
}

/**
 * A finished run's model.
 *
 * @param depth the base model, the trained one, or the routed one
 * @param budget skip ratio that the router is calibrated to; that of its training unless told
 */
export async function subjectOfRun(
  { path, config, parts, evaluator, trained, point }: FinishedRun,
  label: string,
  depth: Depth,
  budget?: number,
): Promise<Subject> {
  const { backend, student, frozen, tokenizer } = parts;
  const at = budget === undefined ? point : await evaluator.calibrate(
    parts.calibrationBatches(config.evaluation.calibrationBatches),
    budget,
  );
  return {
    label,
    model: { backend, student, depth, weights: { ...frozen, ...trained }, point: at },
    encoding: encodingOf(tokenizer, student.model.dims.maxPositions),
    source: { run: path, depth, ...(budget === undefined ? {} : { budget }) },
  };
}
