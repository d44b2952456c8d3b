/**
 * One training step as ONE compiled program: the student's forward pass, the frozen teacher's, the
 * losses, and the gradients of the trainable parameters only.
 *
 * Student and teacher read the same frozen weights; there is no second copy. Clipping and AdamW
 * follow on the host (see `optimizer.ts` for why), or where the gradients are (`device_optimizer.ts`).
 */

import { type Backend, type DeviceTensor, type Feeds, type Program } from "../contracts/mod.ts";
import { gradients, input, type Node } from "../graph/mod.ts";
import { dropoutMasks, type Weights } from "../nn/mod.ts";
import { forward } from "../routing/mod.ts";
import { floats, type HostTensor, RandomStream } from "../tensor/mod.ts";
import { lossInParts } from "./head_loss.ts";
import {
  hiddenDistance,
  languageLoss,
  type LossParts,
  needsTeacher,
  objective,
  type ObjectiveOptions,
} from "./objective.ts";
import {
  type Batch,
  gateNoise,
  promptFeed,
  routingNodes,
  studentNodes,
  type StudentOptions,
} from "./student.ts";

/** A student and the loss it is trained with. */
export interface StepOptions extends StudentOptions {
  readonly objective: ObjectiveOptions;
  /** Compute every block a second time for its gradient instead of keeping it; off unless told. */
  readonly checkpointing?: boolean;
}

/** Values that a schedule sets for each step. */
export interface StepSchedule {
  readonly temperature: number;
  readonly distillShare: number;
  readonly targetSkip: number;
  /** Baseline of the policy gradient; absent: unknown yet, so there is no such gradient. */
  readonly usualCost?: number | undefined;
}

/** Losses that add up over micro-batches; 0 where a student has no such part. */
const SUMMED = [
  "loss",
  "crossEntropy",
  "distill",
  "hidden",
  "sparsity",
  "target",
  "policy",
  "cost",
] as const;

/** Losses of a step, as numbers; see {@link LossParts}. */
export type StepLosses = Readonly<Record<typeof SUMMED[number], number>> & {
  /** Share of tokens that ran each routable block, by the gates sampled in training. */
  readonly activity: readonly number[];
};

type StepOutput = keyof LossParts | `gradient:${string}`;

/** A compiled training step. */
export class TrainingStep implements AsyncDisposable {
  private constructor(
    private readonly options: StepOptions,
    private readonly program: Program<StepOutput>,
    private readonly frozen: Readonly<Record<string, DeviceTensor>>,
    private readonly trainable: Weights,
  ) {}

  /** Compiles the step for one shape of batch. */
  static async compile(
    backend: Backend,
    options: StepOptions,
    frozen: Readonly<Record<string, DeviceTensor>>,
    trainable: Weights,
  ): Promise<TrainingStep> {
    const outputs = stepGraph(options);
    return new TrainingStep(options, await backend.compile(outputs), frozen, trainable);
  }

  /** Floating-point operations of the matrix products of one micro-batch. */
  get flops(): number {
    return this.program.flops;
  }

  /** Whether the router is trained by policy gradient, and so needs to know what is usual. */
  get learnsByPolicy(): boolean {
    return this.program.inputs.has("usualCost");
  }

  /**
   * Losses and gradients of one optimizer step, summed over its micro-batches. Nothing is changed;
   * the same arguments give the same bits.
   *
   * @param step names the noise, with `seed`
   * @throws {RangeError} when a micro-batch has no real token.
   */
  async run(
    batches: readonly Batch[],
    schedule: StepSchedule,
    seed: number,
    step: number,
  ): Promise<{ losses: StepLosses; gradients: Record<string, HostTensor> }> {
    const sums = new LossSums(batches.length);
    let gradients: Record<string, HostTensor> | undefined;
    for (const feeds of this.feeds(batches, schedule, seed, step)) {
      const result = await this.program.run({ ...this.trainable, ...feeds });
      sums.add(result);
      const parts = this.gradientsOf(result);
      if (gradients) addInto(gradients, parts);
      else gradients = parts;
    }
    return { losses: sums.losses, gradients: gradients! };
  }

  /**
   * As {@link run}, on a backend that keeps outputs: the gradients of each micro-batch stay there.
   *
   * @param trainable the parameters, on the device
   */
  async runKeeping(
    batches: readonly Batch[],
    schedule: StepSchedule,
    seed: number,
    step: number,
    trainable: Readonly<Record<string, DeviceTensor>>,
  ): Promise<{ losses: StepLosses; gradients: Record<string, DeviceTensor>[] }> {
    const sums = new LossSums(batches.length);
    using held = new DisposableStack();
    const gradients: Record<string, DeviceTensor>[] = [];
    for (const feeds of this.feeds(batches, schedule, seed, step)) {
      const result = await this.program.runKeeping!(
        { ...trainable, ...feeds },
        (name) => name.startsWith("gradient:"),
      );
      const own = this.gradientsOf(result as Record<StepOutput, DeviceTensor>);
      Object.values(own).forEach((tensor) => held.use(tensor));
      gradients.push(own);
      sums.add(result as Record<StepOutput, HostTensor>);
    }
    // They are the caller's once all are there.
    held.move();
    return { losses: sums.losses, gradients };
  }

  private gradientsOf<T>(result: Readonly<Record<StepOutput, T>>): Record<string, T> {
    const names = Object.keys(this.trainable);
    return Object.fromEntries(names.map((name) => [name, result[`gradient:${name}`]!]));
  }

  /** What each micro-batch is fed besides trainable parameters. */
  private *feeds(
    batches: readonly Batch[],
    schedule: StepSchedule,
    seed: number,
    step: number,
  ): Generator<Feeds> {
    const counts = batches.map(({ tokenMask }) =>
      (tokenMask.data as Float32Array).reduce((sum, real) => sum + real, 0)
    );
    if (counts.includes(0)) throw new RangeError("Cannot train on a batch without real tokens");
    const realTokens = counts.reduce((sum, count) => sum + count, 0);
    for (const [micro, batch] of batches.entries()) {
      yield {
        ...this.frozen,
        ...batch as unknown as Record<string, HostTensor>,
        ...this.prompt(batch),
        ...this.noise(seed, step * batches.length + micro),
        lossScale: floats([], [1 / realTokens]),
        microShare: floats([], [1 / batches.length]),
        temperature: floats([], [schedule.temperature]),
        distillShare: floats([], [schedule.distillShare]),
        targetSkip: floats([], [schedule.targetSkip]),
        usualCost: floats([], [schedule.usualCost ?? 0]),
        policyShare: floats([], [schedule.usualCost === undefined ? 0 : 1]),
      };
    }
  }

  private prompt(batch: Batch): Record<string, HostTensor> {
    return promptFeed(this.program, this.options, batch);
  }

  /** Noise for gates and adapters, drawn from the run's seed. */
  private noise(seed: number, draw: number): Record<string, HostTensor> {
    const { inputs } = this.program;
    const masks = dropoutMasks(inputs, this.options.lora?.dropout ?? 0, seed, draw);
    return { ...masks, ...gateNoise(this.program, new RandomStream(seed, "gumbel", draw)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** Losses of micro-batches, added up. */
class LossSums {
  readonly #total: Record<typeof SUMMED[number], number>;
  readonly #activity: number[] = [];

  constructor(private readonly batches: number) {
    this.#total = Object.fromEntries(SUMMED.map((part) => [part, 0])) as Record<
      typeof SUMMED[number],
      number
    >;
  }

  add(result: Readonly<Record<StepOutput, HostTensor>>): void {
    for (const part of SUMMED) this.#total[part] += result[part]?.data[0] ?? 0;
    result.activity?.data.forEach((share, layer) => {
      this.#activity[layer] = (this.#activity[layer] ?? 0) + share / this.batches;
    });
  }

  get losses(): StepLosses {
    return { ...this.#total, activity: this.#activity };
  }
}

function addInto(
  sums: Readonly<Record<string, HostTensor>>,
  parts: Readonly<Record<string, HostTensor>>,
): void {
  for (const [name, { data }] of Object.entries(parts)) {
    const sum = sums[name]!.data;
    for (let i = 0; i < sum.length; i++) sum[i]! += data[i]!;
  }
}

/** The graph of one micro-batch: every loss part, and a gradient for every trainable parameter. */
export function stepGraph(options: StepOptions): Record<StepOutput, Node> {
  const { model, router, batchSize, sequenceLength } = options;
  const shape = [batchSize, sequenceLength];
  const tokens = input("tokens", shape, "int32");
  const tokenMask = input("tokenMask", shape);
  const { trainable, base, student } = studentNodes(options, true);

  const pass = forward(
    model,
    student,
    tokens,
    router && routingNodes(model, router, base, [batchSize, sequenceLength], "train"),
    { checkpointing: options.checkpointing ?? false },
  );
  const inputs = {
    lossScale: input("lossScale", []),
    microShare: input("microShare", []),
    distillShare: input("distillShare", []),
    targetSkip: input("targetSkip", []),
    usualCost: input("usualCost", []),
    policyShare: input("policyShare", []),
  };
  const { distillWeight, hiddenWeight = 0 } = options.objective;
  const teacher = needsTeacher(options.objective)
    ? forward(model, base, tokens).hiddenStates
    : undefined;
  const language = lossInParts(
    [pass.hiddenStates, ...(teacher && distillWeight > 0 ? [teacher] : [])],
    [input("targets", shape, "int32"), tokenMask],
    Object.values(trainable),
    model.dims.vocabSize,
    ([own, taught], [targets, mask]) =>
      languageLoss(
        options.objective,
        inputs,
        model.head(student, own!),
        targets!,
        mask!,
        taught && model.head(base, taught),
      ),
  );
  const parts = objective(options.objective, inputs, {
    language,
    tokenMask,
    decision: pass.decision,
    hidden: teacher && hiddenWeight > 0
      ? hiddenDistance(pass.hiddenStates, teacher, tokenMask, inputs.lossScale)
      : undefined,
  });
  // The last layers first: their gradients are known first, and then need not wait for the others.
  const names = Object.keys(trainable);
  const slopes = gradients(parts.loss, names.map((name) => trainable[name]!));
  const outputs: Partial<Record<StepOutput, Node>> = { ...parts };
  names.forEach((name, i) => outputs[`gradient:${name}`] = slopes[i]!);
  return outputs as Record<StepOutput, Node>;
}
