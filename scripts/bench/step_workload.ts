/**
 * The training step that benchmarks measure: a frozen model with LoRA on all its projections, the
 * token-level router, cross-entropy and distillation, clipping and AdamW. `torch_train_step.py` does
 * the same in PyTorch.
 */

import { type Backend, type DecoderModel } from "../../core/contracts/mod.ts";
import { type StoredTensor, type TensorSource } from "../../core/io/mod.ts";
import { type BasePrecision, initialize } from "../../core/nn/mod.ts";
import { floats, ints, RandomStream, sizeOf } from "../../core/tensor/mod.ts";
import {
  AdamW,
  DeviceAdamW,
  type FrozenWeights,
  loadFrozen,
  trainableParams,
  Trainer,
  TrainingStep,
} from "../../core/train/mod.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";

/** What is trained, on how many tokens at once. */
export interface StepShape {
  readonly model: DecoderModel;
  readonly anchorLayers: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly basePrecision: BasePrecision;
  readonly checkpointing: boolean;
}

const LORA = {
  rank: 16,
  alpha: 32,
  dropout: 0,
  targets: ["all-linear"],
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

/** Random weights of a model, without a file: matrices are normal, gains are 1, biases are 0. */
export function randomWeights(model: DecoderModel): TensorSource {
  const specs = model.params();
  const tensors = new Map(
    Object.entries(specs).map(([name, { shape }]): [string, StoredTensor] => [
      name,
      { dtype: "F32", shape, offsets: [0, 4 * sizeOf(shape)] },
    ]),
  );
  const values = (name: string) => {
    const { shape, init } = specs[name]!;
    return init.kind === "normal"
      ? repeatedNormals(sizeOf(shape), init.std)
      : new Float32Array(sizeOf(shape)).fill(init.kind === "constant" ? init.value : 0);
  };
  const read = (name: string) => floats(specs[name]!.shape, values(name));
  return {
    path: "random weights",
    tensors,
    read,
    readHost: read,
    readRaw: (name) => ({
      dtype: "F32",
      shape: specs[name]!.shape,
      bytes: new Uint8Array(values(name).buffer),
    }),
    stream: (name, visit) => visit(values(name), 0),
    [Symbol.dispose]: () => {},
  };
}

/** A compiled step with its weights, ready to be taken again and again. */
export class StepWorkload implements AsyncDisposable {
  private constructor(
    private readonly step: TrainingStep,
    private readonly trainer: Trainer,
    private readonly device: DeviceAdamW | undefined,
  ) {}

  /** Compiles the step on these frozen weights, drawn at random unless given. */
  static async compile(
    backend: Backend,
    shape: StepShape,
    frozen: FrozenWeights = loadFrozen(
      randomWeights(shape.model),
      shape.model,
      backend,
      shape.basePrecision,
    ),
  ): Promise<StepWorkload> {
    const { anchorLayers, ...rest } = shape;
    const router = tokenGumbel.create(tokenGumbel.options.parse({}));
    const options = { ...rest, lora: LORA, router: { router, anchorLayers }, objective: OBJECTIVE };
    const trainable = initialize(trainableParams(options), 1);
    const step = await TrainingStep.compile(backend, options, frozen, trainable);
    const optimizer = new AdamW(trainable, OPTIMIZER);
    const [accumulation, clipNorm] = [1, 1];
    const device = backend.keepsOutputs
      ? await DeviceAdamW.open(backend, optimizer, { accumulation, clipNorm })
      : undefined;
    const trainer = new Trainer(step, optimizer, {
      steps: Infinity,
      accumulation,
      clipNorm,
      rate: {
        learningRate: LEARNING_RATE,
        schedule: "constant",
        warmupSteps: 0,
        finalRate: 1,
      },
      schedule: () => SCHEDULE,
      batch: (index) => randomBatch(shape, index),
      seed: 1,
    }, device);
    return new StepWorkload(step, trainer, device);
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
    await this.device?.[Symbol.asyncDispose]();
    await this.step[Symbol.asyncDispose]();
  }
}

function randomBatch({ model, batchSize, sequenceLength }: StepShape, index: number) {
  const random = new RandomStream(2, "batch", index);
  const shape = [batchSize, sequenceLength];
  const draw = () =>
    ints(shape, Array.from({ length: sizeOf(shape) }, () => random.below(model.dims.vocabSize)));
  const tokenMask = floats(shape, new Float32Array(sizeOf(shape)).fill(1));
  return { tokens: draw(), targets: draw(), tokenMask };
}
