/**
 * The training step that `bench:train` times: a frozen Llama of random weights, LoRA of rank 16 on
 * all seven projections, a token-level router, cross-entropy and distillation from the frozen base,
 * clipping and AdamW. `torch_train_step.py` does the same in PyTorch.
 */

import { type Backend } from "../../core/contracts/mod.ts";
import { initialize } from "../../core/nn/mod.ts";
import { floats, ints, RandomStream, sizeOf } from "../../core/tensor/mod.ts";
import { AdamW, trainableParams, Trainer, TrainingStep } from "../../core/train/mod.ts";
import { llama, type LlamaConfig, readLlamaConfig } from "../../plugins/models/llama/mod.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";
import nanoConfig from "../../plugins/models/nano/config.json" with { type: "json" };

/** What is trained, on how many tokens at once. */
export interface StepShape {
  readonly config: LlamaConfig;
  readonly anchorLayers: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
}

/** TinyLlama-1.1B's shapes with fewer layers. */
export function tinyLlamaShape(layers: number, batchSize: number, length: number): StepShape {
  const config: LlamaConfig = {
    vocabSize: 32000,
    hiddenSize: 2048,
    intermediateSize: 5632,
    numLayers: layers,
    numHeads: 32,
    numKeyValueHeads: 4,
    headDim: 64,
    maxPositions: 2048,
    rmsNormEps: 1e-5,
    ropeTheta: 10000,
    tieWordEmbeddings: false,
    initializerRange: 0.02,
  };
  return { config, anchorLayers: layers >> 1, batchSize, sequenceLength: length };
}

/** The shapes of the built-in model and of its training on the built-in corpus. */
export function nanoShape(batchSize: number, length: number): StepShape {
  const config = readLlamaConfig(nanoConfig, "plugins/models/nano/config.json");
  return { config, anchorLayers: 4, batchSize, sequenceLength: length };
}

const LORA = {
  rank: 16,
  alpha: 32,
  dropout: 0,
  targets: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
};
const OBJECTIVE = {
  distillWeight: 0.3,
  distillTemperature: 2,
  sparsityWeight: 0.02,
  targetWeight: 0.5,
};
const SCHEDULE = { temperature: 1, distillShare: 0.3, targetSkip: 0.4 };
const OPTIMIZER = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const LEARNING_RATE = 2e-4;

/**
 * Normal numbers that repeat after 2^20: drawing 300 million anew would take longer than the steps,
 * and products take the same time.
 */
export function repeatedNormals(count: number, std: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(0, "bench");
  const period = Float32Array.from(
    { length: Math.min(count, 2 ** 20) },
    () => std * random.normal(),
  );
  const values = new Float32Array(count);
  for (let start = 0; start < count; start += period.length) {
    values.set(period.subarray(0, Math.min(period.length, count - start)), start);
  }
  return values;
}

/** A compiled step with its weights, ready to be taken again and again. */
export class StepWorkload implements AsyncDisposable {
  private constructor(
    private readonly step: TrainingStep,
    private readonly trainer: Trainer,
    /** Values of the model's largest matrix, for others to compute with. */
    readonly largestWeight: Float32Array<ArrayBuffer>,
  ) {}

  /** Draws the weights and compiles the step. */
  static async compile(backend: Backend, shape: StepShape): Promise<StepWorkload> {
    const { config, anchorLayers, batchSize, sequenceLength } = shape;
    const model = llama(config);
    const router = tokenGumbel.create(tokenGumbel.options.parse({}));
    const options = {
      model,
      lora: LORA,
      router: { router, anchorLayers },
      batchSize,
      sequenceLength,
      objective: OBJECTIVE,
    };
    let largestWeight = new Float32Array();
    const frozen = Object.fromEntries(
      Object.entries(model.params()).map(([name, { shape, init }]) => {
        const data = init.kind === "constant"
          ? new Float32Array(sizeOf(shape)).fill(init.value)
          : repeatedNormals(sizeOf(shape), config.initializerRange);
        if (data.length > largestWeight.length) largestWeight = data;
        return [name, backend.upload({ dtype: "float32", shape, data })];
      }),
    );
    const trainable = initialize(trainableParams(options), 1);
    const step = await TrainingStep.compile(backend, options, frozen, trainable);
    const trainer = new Trainer(step, new AdamW(trainable, OPTIMIZER), {
      steps: Infinity,
      accumulation: 1,
      clipNorm: 1,
      rate: {
        learningRate: LEARNING_RATE,
        schedule: "constant",
        warmupSteps: 0,
        finalRate: 1,
      },
      schedule: () => SCHEDULE,
      batch: (index) => randomBatch(shape, index),
      seed: 1,
    });
    return new StepWorkload(step, trainer, largestWeight);
  }

  /** Floating-point operations of a step's matrix products: those of the graph, no more. */
  get flops(): number {
    return this.step.flops;
  }

  /** Takes one step, optimizer included; returns its milliseconds and its loss. */
  async take(): Promise<{ ms: number; loss: number }> {
    const { seconds, losses } = await this.trainer.next();
    return { ms: seconds * 1000, loss: losses.loss };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.step[Symbol.asyncDispose]();
  }
}

function randomBatch({ config, batchSize, sequenceLength }: StepShape, index: number) {
  const random = new RandomStream(2, "batch", index);
  const shape = [batchSize, sequenceLength];
  const draw = () =>
    ints(shape, Array.from({ length: sizeOf(shape) }, () => random.below(config.vocabSize)));
  const tokenMask = floats(shape, new Float32Array(sizeOf(shape)).fill(1));
  return { tokens: draw(), targets: draw(), tokenMask };
}
