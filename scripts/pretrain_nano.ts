/**
 * Makes nano: trains its vocabulary and its weights on microworld, from nothing.
 *
 *   deno task pretrain-nano                      about an hour on two cores
 *   deno task pretrain-nano --steps 20 --out /tmp/nano     a look at the machinery
 *
 * Writes model.safetensors (16-bit), tokenizer.json and pretraining.json, which holds the settings,
 * the learning curve and the perplexity.
 */

import "../core/run/permissions.ts";
import { join } from "node:path";
import {
  BatchOrder,
  loadTokenizer,
  PackedDataset,
  readJsonObject,
  writeFileAtomic,
  writeSafetensors,
} from "../core/io/mod.ts";
import { byteLevelTokenizerConfig, trainByteLevelBpe } from "../core/io/bpe_trainer.ts";
import { initialize } from "../core/nn/mod.ts";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { floats } from "../core/tensor/mod.ts";
import { Evaluator } from "../core/eval/mod.ts";
import { AdamW, Trainer, TrainingStep } from "../core/train/mod.ts";
import { microworld } from "../plugins/corpora/microworld/mod.ts";
import { llamaKind } from "../plugins/models/llama/mod.ts";

const VOCABULARY = 1024;
const BATCH = 16;
const LENGTH = 128;

/** The folder of nano; its `config.json` is written by hand, the rest by this script. */
const NANO = join(import.meta.dirname!, "../plugins/models/nano");

const OPTIMIZER = {
  learningRate: 3e-3,
  warmupSteps: 150,
  schedule: "cosine" as const,
  finalRate: 0.03,
  weightDecay: 0.05,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  clipNorm: 1,
};

const command = newCommand(
  "deno task pretrain-nano",
  "Trains nano's vocabulary and weights on microworld, from nothing.",
)
  .option("--steps <n>", "optimizer steps", countFrom(1), 5000)
  .option("--seed <n>", "seed of all randomness", countFrom(0), 1)
  .option("--out <DIR>", "folder to write to (default: nano's own)");

await runScript(async () => {
  const { out = NANO, steps, seed } = readOptions(command);
  await pretrain(out, steps, seed);
});

async function pretrain(out: string, steps: number, seed: number): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  const corpus = microworld();
  const json = (value: unknown) => JSON.stringify(value, null, 1) + "\n";

  const texts = corpus.documents("train");
  const sample = Iterator.from(texts).take(20_000).map(({ text }) => text);
  writeFileAtomic(
    join(out, "tokenizer.json"),
    json(trainByteLevelBpe(sample, { vocabularySize: VOCABULARY })),
  );
  writeFileAtomic(join(out, "tokenizer_config.json"), json(byteLevelTokenizerConfig()));
  const config = readJsonObject(join(NANO, "config.json"), "the configuration of nano");
  writeFileAtomic(join(out, "config.json"), json(config));
  const tokenizer = await loadTokenizer(out);

  const most = Math.min(steps * BATCH, 64_000);
  const options = { length: LENGTH, most };
  const train = PackedDataset.pack(corpus.documents("train"), tokenizer, options);
  const validation = PackedDataset.pack(corpus.documents("validation"), tokenizer, {
    ...options,
    most: 40 * BATCH,
  });
  console.log(`${train.count} training sequences of ${LENGTH} tokens`);

  const model = llamaKind.fromConfig(config, "nano");
  const weights = initialize(model.params(), seed);
  const { onnxBackend } = await import("../plugins/backends/onnx/mod.ts");
  await using backend = onnxBackend();
  const student = { model, batchSize: BATCH, sequenceLength: LENGTH };
  await using step = await TrainingStep.compile(
    backend,
    {
      ...student,
      objective: { distillWeight: 0, distillTemperature: 1, sparsityWeight: 0, targetWeight: 0 },
    },
    {},
    weights,
  );
  const tokenMask = floats([BATCH, LENGTH], new Float32Array(BATCH * LENGTH).fill(1));
  const order = new BatchOrder(train.count, BATCH, seed);
  const heldOut = Array.from({ length: Math.floor(validation.count / BATCH) }, (_, i) => ({
    ...validation.batch(Array.from({ length: BATCH }, (_, row) => i * BATCH + row)),
    tokenMask,
  }));
  // Gains of norms do not decay: pulling them to 0 would only rescale what follows.
  const optimizer = new AdamW(weights, OPTIMIZER, ({ shape }) => shape.length > 1);
  const trainer = new Trainer(step, optimizer, {
    steps,
    accumulation: 1,
    clipNorm: OPTIMIZER.clipNorm,
    rate: OPTIMIZER,
    schedule: () => ({ temperature: 1, distillShare: 0, targetSkip: 0 }),
    batch: (index) => ({ ...train.batch(order.batch(index)), tokenMask }),
    seed,
  });
  await using evaluator = new Evaluator(backend, student, {}, weights);

  const started = performance.now();
  const curve: { step: number; trainLoss: number; validationLoss: number }[] = [];
  let recent = 0;
  while (!trainer.done) {
    const { losses, step: taken, seconds } = await trainer.next();
    recent += (losses.loss - recent) / Math.min(taken, 100);
    if (taken % 250 !== 0 && !trainer.done) continue;
    const { loss } = await evaluator.base(trainer.done ? heldOut : heldOut.slice(0, 10));
    curve.push({ step: taken, trainLoss: recent, validationLoss: loss });
    console.log(
      `step ${taken}/${steps}  train ${recent.toFixed(4)}  validation ${loss.toFixed(4)}  ` +
        `${(seconds * 1000).toFixed(0)} ms/step  ` +
        `${((performance.now() - started) / 60_000).toFixed(1)} min`,
    );
    // Saved as it goes: a run that is stopped leaves usable weights.
    save(out);
  }

  function save(folder: string): void {
    const tensors = Object.entries(weights).map(([name, tensor]) => ({ name, tensor }));
    writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" }, {
      floats: "F16",
    });
    const last = curve.at(-1)!;
    const record = {
      corpus: corpus.name,
      seed,
      steps,
      stepsTaken: last.step,
      batchSize: BATCH,
      sequenceLength: LENGTH,
      optimizer: OPTIMIZER,
      parameters: Object.values(weights).reduce((sum, { data }) => sum + data.length, 0),
      validationLoss: last.validationLoss,
      validationPerplexity: Math.exp(last.validationLoss),
      minutes: (performance.now() - started) / 60_000,
      curve,
    };
    writeFileAtomic(join(folder, "pretraining.json"), json(record));
  }
}
