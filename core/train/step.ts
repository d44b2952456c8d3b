/**
 * One training step as ONE compiled program: the student's forward pass, the frozen teacher's, the
 * losses, and the gradients of the trainable parameters only.
 *
 * Student and teacher read the same frozen weights; there is no second copy. Clipping and AdamW
 * follow on the host (see `optimizer.ts` for why).
 */

import {
  type Backend,
  type DecoderModel,
  type DeviceTensor,
  type ParamSpecs,
  type Program,
  type Router,
  type Site,
} from "../contracts/mod.ts";
import { gradients, input, type Node } from "../graph/mod.ts";
import {
  baseNodes,
  type BasePrecision,
  dropoutMasks,
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  ParamNodes,
  type Weights,
} from "../nn/mod.ts";
import { forward, siteOf } from "../routing/mod.ts";
import { floats, type HostTensor, RandomStream } from "../tensor/mod.ts";
import { lossInParts } from "./head_loss.ts";
import { languageLoss, type LossParts, objective, type ObjectiveOptions } from "./objective.ts";

/** Tokens to learn from. */
export interface Batch {
  /** int32 `[B, T]` */
  readonly tokens: HostTensor;
  /** int32 `[B, T]`: the token after each. */
  readonly targets: HostTensor;
  /** float32 `[B, T]`: 1 for real tokens, 0 for padding. */
  readonly tokenMask: HostTensor;
}

/** What is trained, and how it is put together. */
export interface StudentOptions {
  readonly model: DecoderModel;
  /** Adapters on the frozen model; absent: the whole model is trained. */
  readonly lora?: LoraOptions;
  /** Absent: full depth. */
  readonly router?: { readonly router: Router; readonly anchorLayers: number };
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** How the frozen model is kept; float32 unless told. */
  readonly basePrecision?: BasePrecision;
}

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
}

/** Losses of a step, as numbers. */
export interface StepLosses {
  readonly loss: number;
  readonly crossEntropy: number;
  readonly distill: number;
  readonly sparsity: number;
  readonly target: number;
  /** Share of tokens that ran each routable block, by the gates sampled in training. */
  readonly activity: readonly number[];
}

/** Declares what `options` trains: adapters and router, or the whole model. */
export function trainableParams(options: StudentOptions): ParamSpecs {
  const { model, lora, router } = options;
  return {
    ...(lora ? loraParams(model, lora) : model.params()),
    ...(router ? router.router.params(siteOf(model, router.anchorLayers)) : {}),
  };
}

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
    const counts = batches.map(({ tokenMask }) =>
      (tokenMask.data as Float32Array).reduce((sum, real) => sum + real, 0)
    );
    if (counts.includes(0)) throw new RangeError("Cannot train on a batch without real tokens");
    const realTokens = counts.reduce((sum, count) => sum + count, 0);
    const total = { loss: 0, crossEntropy: 0, distill: 0, sparsity: 0, target: 0 };
    const activity: number[] = [];
    let sums: Record<string, HostTensor> | undefined;
    for (const [micro, batch] of batches.entries()) {
      const result = await this.program.run({
        ...this.frozen,
        ...this.trainable,
        ...batch as unknown as Record<string, HostTensor>,
        ...this.noise(seed, step * batches.length + micro),
        lossScale: floats([], [1 / realTokens]),
        microShare: floats([], [1 / batches.length]),
        temperature: floats([], [schedule.temperature]),
        distillShare: floats([], [schedule.distillShare]),
        targetSkip: floats([], [schedule.targetSkip]),
      });
      for (const part of Object.keys(total) as (keyof typeof total)[]) {
        total[part] += result[part]?.data[0] ?? 0;
      }
      result.activity?.data.forEach((share, layer) => {
        activity[layer] = (activity[layer] ?? 0) + share / batches.length;
      });
      const parts = Object.fromEntries(
        Object.keys(this.trainable).map((name) => [name, result[`gradient:${name}`]!]),
      );
      if (sums) addInto(sums, parts);
      else sums = parts;
    }
    return { losses: { ...total, activity }, gradients: sums! };
  }

  /** Noise for gates and adapters, drawn from the run's seed. */
  private noise(seed: number, draw: number): Record<string, HostTensor> {
    const { inputs } = this.program;
    const masks = dropoutMasks(inputs, this.options.lora?.dropout ?? 0, seed, draw);
    const gumbel = inputs.get("noise");
    if (!gumbel) return masks;
    const random = new RandomStream(seed, "gumbel", draw);
    const noise = floats(gumbel.shape);
    for (let i = 0; i < noise.data.length; i++) noise.data[i] = random.uniform();
    return { ...masks, noise };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
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

/** The parameters of a student as nodes, with its adapters and without. */
export function studentNodes(options: StudentOptions, training: boolean) {
  const { model, lora, basePrecision = "float32" } = options;
  const trainable = inputNodes(trainableParams(options));
  const base = new ParamNodes({ ...baseNodes(model, basePrecision), ...trainable });
  const student = lora ? base.withAdapters(loraAdapters(model, lora, trainable, training)) : base;
  return { trainable, base, student };
}

/** The graph of one micro-batch: every loss part, and a gradient for every trainable parameter. */
export function stepGraph(options: StepOptions): Record<StepOutput, Node> {
  const { model, router, batchSize, sequenceLength } = options;
  const shape = [batchSize, sequenceLength];
  const tokens = input("tokens", shape, "int32");
  const tokenMask = input("tokenMask", shape);
  const { trainable, base, student } = studentNodes(options, true);

  const site: Site | undefined = router && siteOf(model, router.anchorLayers);
  const pass = forward(
    model,
    student,
    tokens,
    router && {
      ...router,
      params: base,
      context: {
        mode: "train",
        temperature: input("temperature", []),
        noise: input("noise", [...shape, site!.routableLayers]),
        tokenMask,
      },
    },
    options.checkpointing,
  );
  const inputs = {
    lossScale: input("lossScale", []),
    microShare: input("microShare", []),
    distillShare: input("distillShare", []),
    targetSkip: input("targetSkip", []),
  };
  const teaches = options.objective.distillWeight > 0;
  const language = lossInParts(
    [pass.hiddenStates, ...(teaches ? [forward(model, base, tokens).hiddenStates] : [])],
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
  const parts = objective(options.objective, inputs, language, tokenMask, pass.decision);
  // The last layers first: their gradients are known first, and then need not wait for the others.
  const names = Object.keys(trainable);
  const slopes = gradients(parts.loss, names.map((name) => trainable[name]!));
  const outputs: Partial<Record<StepOutput, Node>> = { ...parts };
  names.forEach((name, i) => outputs[`gradient:${name}`] = slopes[i]!);
  return outputs as Record<StepOutput, Node>;
}
