/** The parts that a configuration names: backend, frozen model, tokenizer, text, student. */

import { type Corpus, type Repositories } from "../contracts/mod.ts";
import { BatchOrder, PackedDataset, textCorpus } from "../io/mod.ts";
import { initialize, type Weights } from "../nn/mod.ts";
import { floats } from "../tensor/mod.ts";
import { type ChoiceBatches, choiceBatches, type LabelledBatch } from "../eval/mod.ts";
import { trainableParams } from "../train/mod.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { type ModelParts, openStudent } from "./model_parts.ts";
import { isPath } from "./models.ts";
import { type Plugins } from "./plugins/plugins.ts";

/** Everything a run computes with. */
export interface Parts extends ModelParts {
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
  /** `[vocabulary]`: how often the run's training text has each id. */
  trainingTokenCounts(): Uint32Array;
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
  using opened = await openStudent(config, plugins, repositories);
  const { student, tokenizer } = opened;
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

  const model = await opened.load(quiet);
  const order = new BatchOrder(train.count, batchSize, seed);
  const full = batch(train, batchSize);
  return {
    ...model,
    trainable: initialize(trainableParams(student), seed),
    kinds: corpus.kinds,
    trainingBatch: (index) => full(order.batch(index)),
    epochOf: (index) => order.epochOf(index),
    calibrationBatches: (count) =>
      Array.from(
        { length: Math.min(count, order.batchesPerEpoch) },
        (_, index) => full(order.batch(index)),
      ),
    trainingTokenCounts: () => countTokens(train, student.model.dims.vocabSize),
    validationBatches: (count) => firstBatches(packValidation(), batchSize, count),
    validationQuestions: (most) =>
      choiceBatches(corpus.questions?.("validation") ?? [], tokenizer, { batchSize, length, most }),
  };
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

/** How often each id is read. */
function countTokens(data: PackedDataset, vocabSize: number): Uint32Array {
  const counts = new Uint32Array(vocabSize);
  for (let index = 0; index < data.count; index++) {
    // The last token is the first of the next sequence.
    for (const id of data.sequence(index).tokens.subarray(0, data.length)) counts[id]!++;
  }
  return counts;
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
