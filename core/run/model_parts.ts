/** The model that a configuration names: its student, tokenizer, and frozen weights on a backend. */

import { type Backend, type DecoderModel, type Repositories, UserError } from "../contracts/mod.ts";
import { assertTokenizerFits, loadTokenizer, openModelFolder, type Tokenizer } from "../io/mod.ts";
import { adaptedProjections, type LoraOptions } from "../nn/mod.ts";
import { checkWeights, type FrozenWeights, loadFrozen, type StudentOptions } from "../train/mod.ts";
import { type ExperimentConfig, ownOptions } from "./config_schema.ts";
import { kindOf, modelFolder } from "./models.ts";
import { type Plugins } from "./plugins.ts";
import { createProgress, type Progress } from "./progress.ts";

/** A student: what is trained on top of a frozen model. */
export type RoutedStudent = StudentOptions & {
  readonly lora: LoraOptions;
  readonly router: NonNullable<StudentOptions["router"]>;
};

/** A model, loaded. */
export interface ModelParts extends AsyncDisposable {
  readonly backend: Backend;
  readonly student: RoutedStudent;
  readonly frozen: FrozenWeights;
  readonly tokenizer: Tokenizer;
}

/** A model whose files are found and checked, and whose weights are not read yet. */
export interface OpenedModel extends Disposable {
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
export async function openConfiguredModel(
  config: ExperimentConfig,
  plugins: Plugins,
  repositories: Repositories,
): Promise<OpenedModel> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(
    openModelFolder(await modelFolder(config.model, plugins, repositories)),
  );
  const model = kindOf(folder, plugins).fromConfig(folder.config, `${folder.dir}/config.json`);
  const student = studentOf(config, model, plugins);
  checkWeights(folder.weights, model);
  const tokenizer = await loadTokenizer(folder.tokenizer);
  assertTokenizerFits(tokenizer, model.dims.vocabSize, folder.dir);
  opening.move();
  return {
    student,
    tokenizer,
    async load(quiet = false) {
      const { name, ...options } = config.backend;
      const backend = await plugins.backends.get(name)(options);
      const frozen = withProgress(
        (onTensor) => loadFrozen(folder.weights, model, backend, config.basePrecision, onTensor),
        quiet,
      );
      return {
        backend,
        student,
        frozen,
        tokenizer,
        async [Symbol.asyncDispose]() {
          for (const tensor of Object.values(frozen)) tensor[Symbol.dispose]();
          await backend[Symbol.asyncDispose]();
        },
      };
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
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
      router: kind.create(kind.options.parse(ownOptions(config.router))),
      anchorLayers,
      reads,
      bypassRank,
    },
    batchSize: config.batchSize,
    sequenceLength: config.sequenceLength,
    basePrecision: config.basePrecision,
  };
}

/** Seconds of reading after which there is something to show. */
const PATIENCE = 2;

/** Shows how many tensors are read, once it has taken a while. */
function withProgress<T>(
  load: (onTensor: (read: number, total: number) => void) => T,
  quiet: boolean,
) {
  const started = performance.now();
  let progress: Progress | undefined;
  const loaded = load((read, total) => {
    if (performance.now() - started < 1000 * PATIENCE) return;
    progress ??= createProgress({ label: "weights", total, start: read, quiet });
    progress.update(read);
  });
  progress?.stop();
  return loaded;
}
