/** The parts that a configuration names: backend, frozen model, tokenizer, text, student. */

import {
  type Backend,
  type Corpus,
  type DecoderModel,
  type Repositories,
  UserError,
} from "../contracts/mod.ts";
import {
  assertTokenizerFits,
  BatchOrder,
  loadTokenizer,
  openModelFolder,
  PackedDataset,
  textCorpus,
  type Tokenizer,
} from "../io/mod.ts";
import { adaptedProjections, initialize, type LoraOptions, type Weights } from "../nn/mod.ts";
import { floats } from "../tensor/mod.ts";
import { type ChoiceBatches, choiceBatches, type LabelledBatch } from "../eval/mod.ts";
import {
  checkWeights,
  type FrozenWeights,
  loadFrozen,
  type StudentOptions,
  trainableParams,
} from "../train/mod.ts";
import { type ExperimentConfig, ownOptions } from "./config_schema.ts";
import { isPath, kindOf, modelFolder } from "./models.ts";
import { type Plugins } from "./plugins.ts";
import { createProgress, type Progress } from "./progress.ts";

/** A student: what is trained on top of a frozen model. */
export type RoutedStudent = StudentOptions & {
  readonly lora: LoraOptions;
  readonly router: NonNullable<StudentOptions["router"]>;
};

/** Everything a run computes with. */
export interface Parts extends AsyncDisposable {
  readonly backend: Backend;
  readonly student: RoutedStudent;
  readonly frozen: FrozenWeights;
  readonly tokenizer: Tokenizer;
  /** Freshly drawn; a checkpoint overwrites them. */
  readonly trainable: Weights;
  /** Names of the kinds that tokens are labelled with. */
  readonly kinds: readonly string[];
  /** Micro-batch `index` of the run. */
  trainingBatch(index: number): LabelledBatch;
  /** Epoch of a micro-batch, from 0. */
  epochOf(index: number): number;
  /** The first `count` training batches, for calibration. */
  calibrationBatches(count: number): LabelledBatch[];
  /** The first `count` validation batches; fewer where the text has no more. */
  validationBatches(count: number): LabelledBatch[];
  /** The first `count` validation questions with choices; none where the text has none. */
  validationQuestions(count: number): ChoiceBatches;
}

/**
 * Loads and checks all that `config` names. Nothing is written but what is downloaded.
 *
 * @param repositories where models and texts are got that are not here
 * @param quiet no progress
 * @throws {UserError} for whatever is missing or does not fit.
 */
export async function loadParts(
  config: ExperimentConfig,
  plugins: Plugins,
  repositories: Repositories,
  quiet = false,
): Promise<Parts> {
  using folder = openModelFolder(await modelFolder(config.model, plugins, repositories));
  const model = kindOf(folder, plugins).fromConfig(folder.config, `${folder.dir}/config.json`);
  const student = studentOf(config, model, plugins);
  checkWeights(folder.weights, model);
  const tokenizer = await loadTokenizer(folder.tokenizer);
  assertTokenizerFits(tokenizer, model.dims.vocabSize, folder.dir);
  const corpus = await corpusOf(config.data, plugins, repositories);

  const { sequenceLength: length, batchSize, seed } = config;
  const wanted = config.steps * config.accumulation * batchSize;
  const train = PackedDataset.pack(corpus.documents("train"), tokenizer, { length, most: wanted });
  train.requireBatch(batchSize, `the training part of ${corpus.name}`);
  const held = (most: number) =>
    PackedDataset.pack(corpus.documents("validation"), tokenizer, { length, most });
  held(1).requireBatch(1, `the validation part of ${corpus.name}`);
  // Packed when it is first needed: a run's first step should not wait for its last evaluation.
  let validation: PackedDataset | undefined;
  const { finalBatches, batches } = config.evaluation;
  const packValidation = () => validation ??= held(Math.max(finalBatches, batches) * batchSize);

  const { name, ...options } = config.backend;
  const backend = await plugins.backends.get(name)(options);
  const frozen = withProgress(
    (onTensor) => loadFrozen(folder.weights, model, backend, config.basePrecision, onTensor),
    quiet,
  );
  const order = new BatchOrder(train.count, batchSize, seed);
  const full = batch(train, batchSize);
  return {
    backend,
    student,
    frozen,
    tokenizer,
    trainable: initialize(trainableParams(student), seed),
    kinds: corpus.kinds,
    trainingBatch: (index) => full(order.batch(index)),
    epochOf: (index) => order.epochOf(index),
    calibrationBatches: (count) =>
      Array.from(
        { length: Math.min(count, order.batchesPerEpoch) },
        (_, index) => full(order.batch(index)),
      ),
    validationBatches: (count) => firstBatches(packValidation(), batchSize, count),
    validationQuestions: (most) =>
      choiceBatches(corpus.questions?.("validation") ?? [], tokenizer, { batchSize, length, most }),
    async [Symbol.asyncDispose]() {
      for (const tensor of Object.values(frozen)) tensor[Symbol.dispose]();
      await backend[Symbol.asyncDispose]();
    },
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

async function corpusOf(
  name: string,
  { corpora }: Plugins,
  repositories: Repositories,
): Promise<Corpus> {
  return !corpora.has(name) && isPath(name)
    ? textCorpus(name)
    : await corpora.get(name)(repositories);
}

/** Takes sequences as a batch of `batchSize`; missing rows repeat the first and count for nothing. */
function batch(data: PackedDataset, batchSize: number) {
  return (indices: ArrayLike<number>): LabelledBatch => {
    const rows = Array.from({ length: batchSize }, (_, row) => indices[row] ?? indices[0]!);
    const mask = new Float32Array(batchSize * data.length);
    mask.fill(1, 0, indices.length * data.length);
    return { ...data.batch(rows), tokenMask: floats([batchSize, data.length], mask) };
  };
}

function firstBatches(data: PackedDataset, batchSize: number, count: number): LabelledBatch[] {
  const take = batch(data, batchSize);
  const batches: LabelledBatch[] = [];
  for (let start = 0; start < data.count && batches.length < count; start += batchSize) {
    const rows = Math.min(batchSize, data.count - start);
    batches.push(take(Array.from({ length: rows }, (_, row) => start + row)));
  }
  return batches;
}
