/** The model that a configuration names: its student, tokenizer, and frozen weights on a backend. */

import {
  type DecoderModel,
  type Repositories,
  type RouterKind,
  UserError,
} from "../contracts/mod.ts";
import { type Tokenizer } from "../io/mod.ts";
import { adaptedProjections, type LoraOptions } from "../nn/mod.ts";
import { type StudentOptions } from "../train/mod.ts";
import { type ExperimentConfig, ownOptions } from "./config_schema.ts";
import { type LoadedWeights, openModelFiles } from "./opened_model.ts";
import { type Plugins } from "./plugins/plugins.ts";

/** A student: what is trained on top of a frozen model. */
export type RoutedStudent = StudentOptions & {
  readonly lora: LoraOptions;
  readonly router: NonNullable<StudentOptions["router"]>;
};

/** A model, loaded. */
export interface ModelParts extends LoadedWeights {
  readonly student: RoutedStudent;
  readonly tokenizer: Tokenizer;
}

/** A student whose files are found and checked, and whose weights are not read yet. */
export interface OpenedStudent extends Disposable {
  readonly student: RoutedStudent;
  readonly tokenizer: Tokenizer;
  /** Reads the weights. @param quiet no progress */
  load(quiet?: boolean): Promise<ModelParts>;
}

/**
 * Finds and checks the model that `config` names. Nothing is written but what is downloaded.
 *
 * @throws {UserError} for whatever is missing or does not fit.
 */
export async function openStudent(
  config: ExperimentConfig,
  plugins: Plugins,
  repositories: Repositories,
): Promise<OpenedStudent> {
  using opening = new DisposableStack();
  const files = opening.use(await openModelFiles(config.model, plugins, repositories));
  const { model, tokenizer } = files;
  const student = studentOf(config, model, plugins);
  const opened = opening.move();
  return {
    student,
    tokenizer,
    async load(quiet = false) {
      const weights = await files.load(config.backend, config.basePrecision, quiet);
      return { ...weights, student, tokenizer };
    },
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** A configuration that is read again goes through the same schema, so it has to take what it gives. */
function checkedOptions(kind: RouterKind, options: Record<string, unknown>): unknown {
  const checked = kind.options.safeParse(options);
  if (checked.success) return checked.data;
  const { path, message } = checked.error.issues[0]!;
  throw new UserError(
    `The router "${kind.name}" does not take its own option ${
      path.join(".")
    } again (${message}): its ` +
      "schema may fill in and check, but not change a value to another type",
  );
}

function studentOf(
  config: ExperimentConfig,
  model: DecoderModel,
  plugins: Plugins,
): RoutedStudent {
  const { name, anchorLayers, reads, bypassRank } = config.router;
  const kind = plugins.routers.get(name);
  const { numLayers, maxPositions } = model.dims;
  if (anchorLayers >= numLayers) {
    throw new UserError(
      `router.anchorLayers is ${anchorLayers}, but ${config.model} has ${numLayers} layers: ` +
        `set it to at most ${numLayers - 1}`,
    );
  }
  if (config.sequenceLength > maxPositions) {
    throw new UserError(
      `sequenceLength is ${config.sequenceLength}, but ${config.model} has ${maxPositions} ` +
        `positions: set it to at most that`,
    );
  }
  adaptedProjections(model, config.lora.targets);
  return {
    model,
    lora: config.lora,
    router: {
      router: kind.create(checkedOptions(kind, ownOptions(config.router))),
      anchorLayers,
      reads,
      bypassRank,
    },
    batchSize: config.batchSize,
    sequenceLength: config.sequenceLength,
    basePrecision: config.basePrecision,
  };
}
