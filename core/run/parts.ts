/** The parts that a configuration names: backend, frozen model, tokenizer, text, student. */

import fs from "node:fs";
import {
  type Backend,
  type Corpus,
  type DecoderModel,
  type DeviceTensor,
  type ModelKind,
  UserError,
} from "../contracts/mod.ts";
import {
  assertTokenizerFits,
  BatchOrder,
  loadTokenizer,
  type ModelFolder,
  openModelFolder,
  PackedDataset,
  textCorpus,
} from "../io/mod.ts";
import { adaptedProjections, initialize, type LoraOptions, type Weights } from "../nn/mod.ts";
import { floats, sameShape } from "../tensor/mod.ts";
import { type LabelledBatch, type StudentOptions, trainableParams } from "../train/mod.ts";
import { type ExperimentConfig, ownOptions } from "./config_schema.ts";
import { type Plugins } from "./plugins.ts";

/** A student: what is trained on top of a frozen model. */
export type RoutedStudent = StudentOptions & {
  readonly lora: LoraOptions;
  readonly router: NonNullable<StudentOptions["router"]>;
};

/** Everything a run computes with. */
export interface Parts extends AsyncDisposable {
  readonly backend: Backend;
  readonly student: RoutedStudent;
  readonly frozen: Readonly<Record<string, DeviceTensor>>;
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
}

/**
 * Loads and checks all that `config` names. Nothing is written.
 *
 * @throws {UserError} for whatever is missing or does not fit.
 */
export async function loadParts(config: ExperimentConfig, plugins: Plugins): Promise<Parts> {
  using folder = openModelFolder(modelFolder(config.model, plugins));
  const model = kindOf(folder, plugins).fromConfig(folder.config, `${folder.dir}/config.json`);
  const student = studentOf(config, model, plugins);
  const tokenizer = await loadTokenizer(folder.tokenizer);
  assertTokenizerFits(tokenizer, model.dims.vocabSize, folder.dir);
  const corpus = corpusOf(config.data, plugins);

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
  const frozen = Object.fromEntries(
    Object.entries(loadWeights(folder, model)).map(([key, value]) => [key, backend.upload(value)]),
  );
  const order = new BatchOrder(train.count, batchSize, seed);
  const full = batch(train, batchSize);
  return {
    backend,
    student,
    frozen,
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
    async [Symbol.asyncDispose]() {
      for (const tensor of Object.values(frozen)) tensor[Symbol.dispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

/** Whether `name`, which no plugin has, is meant as a path; a plain word is more likely a typo. */
function isPath(name: string): boolean {
  return /[/\\.]/.test(name) || fs.existsSync(name);
}

function modelFolder(name: string, { models }: Plugins): string {
  return !models.has(name) && isPath(name) ? name : models.get(name).folder;
}

function kindOf(folder: ModelFolder, plugins: Plugins): ModelKind {
  const named = folder.config["architectures"];
  const [architecture] = Array.isArray(named) ? named : [];
  const kind = plugins.architectures.find(({ architectures }) =>
    architectures.includes(architecture)
  );
  if (kind) return kind;
  const supported = plugins.architectures.flatMap(({ architectures }) => architectures).join(", ");
  throw new UserError(
    `Cannot use ${folder.dir}: config.json names the architecture ` +
      `${JSON.stringify(architecture ?? null)}; supported: ${supported}`,
  );
}

function loadWeights({ dir, weights }: ModelFolder, model: DecoderModel): Weights {
  return Object.fromEntries(
    Object.entries(model.params()).map(([name, { shape }]) => {
      const tensor = weights.read(name);
      if (!sameShape(tensor.shape, shape)) {
        throw new UserError(
          `Cannot use ${dir}: tensor ${name} is [${tensor.shape}], config.json calls for [${shape}]`,
        );
      }
      return [name, tensor];
    }),
  );
}

function studentOf(
  config: ExperimentConfig,
  model: DecoderModel,
  plugins: Plugins,
): RoutedStudent {
  const { name, anchorLayers } = config.router;
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
    router: { router: kind.create(kind.options.parse(ownOptions(config.router))), anchorLayers },
    batchSize: config.batchSize,
    sequenceLength: config.sequenceLength,
  };
}

function corpusOf(name: string, { corpora }: Plugins): Corpus {
  return !corpora.has(name) && isPath(name) ? textCorpus(name) : corpora.get(name)();
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
