/**
 * The training loop's body: batches, a compiled step, clipping, AdamW, schedules.
 *
 * All that a run depends on is a function of its seed and the step's number, so the trainer's state
 * is the parameters, the optimizer's two averages and the step, and nothing else.
 */

import { type DeviceAdamW } from "./device_optimizer.ts";
import { AdamW, clipByNorm } from "./optimizer.ts";
import { learningRateAt, type RateSchedule } from "./schedule.ts";
import { type StepLosses, type StepSchedule, type TrainingStep } from "./step.ts";
import { type Batch } from "./student.ts";

/** Settings of the loop. */
export interface TrainerOptions {
  readonly steps: number;
  /** Micro-batches per optimizer step. */
  readonly accumulation: number;
  /** Largest joint norm of the gradients; 0: no clipping. */
  readonly clipNorm: number;
  readonly rate: RateSchedule;
  /** Values of a step, counted from 0. */
  readonly schedule: (step: number) => Omit<StepSchedule, "usualCost">;
  /** Micro-batch `index` of the run, counted from 0. */
  readonly batch: (index: number) => Batch;
  readonly seed: number;
}

/** What one optimizer step did. */
export interface StepReport {
  /** Optimizer steps taken so far, this one included. */
  readonly step: number;
  readonly losses: StepLosses;
  readonly schedule: StepSchedule;
  readonly learningRate: number;
  /** Joint norm of the gradients before clipping. */
  readonly gradientNorm: number;
  readonly seconds: number;
  /** Tokens learned from, padding included. */
  readonly tokens: number;
  /** Floating-point operations of the matrix products. */
  readonly flops: number;
}

/** Share of the past in what a sequence usually costs, per step. */
const COST_DECAY = 0.9;

/** The training loop, one step at a time. */
export class Trainer {
  /** Optimizer steps taken so far; set it when a run is resumed. */
  step = 0;
  /** What a sequence has cost of late, for a policy gradient; set it when a run is resumed. */
  usualCost: number | undefined;

  /**
   * @param device has the state of `optimizer` and takes its steps, on a backend that keeps outputs;
   *   absent: the host does
   */
  constructor(
    private readonly program: TrainingStep,
    readonly optimizer: AdamW,
    readonly options: TrainerOptions,
    private readonly device?: DeviceAdamW,
  ) {}

  /** Whether all steps are taken. */
  get done(): boolean {
    return this.step >= this.options.steps;
  }

  /**
   * Takes one optimizer step.
   *
   * @throws {TrainingDiverged} when the loss or a gradient is not finite; parameters are then as they
   * were before the step.
   */
  async next(): Promise<StepReport> {
    const { accumulation, rate, steps } = this.options;
    const started = performance.now();
    const schedule = { ...this.options.schedule(this.step), usualCost: this.usualCost };
    const learningRate = learningRateAt(rate, this.step, steps);
    const batches = Array.from(
      { length: accumulation },
      (_, micro) => this.options.batch(this.step * accumulation + micro),
    );
    const { losses, gradientNorm } = this.device
      ? await this.#learnOn(this.device, batches, schedule, learningRate)
      : await this.#learn(batches, schedule, learningRate);
    this.step++;
    if (this.program.learnsByPolicy) {
      const before = this.usualCost ?? losses.cost;
      this.usualCost = COST_DECAY * before + (1 - COST_DECAY) * losses.cost;
    }
    return {
      step: this.step,
      losses,
      schedule,
      learningRate,
      gradientNorm,
      seconds: (performance.now() - started) / 1000,
      tokens: batches.reduce((sum, { tokens }) => sum + tokens.data.length, 0),
      flops: this.program.flops * accumulation,
    };
  }

  /** Brings the optimizer's arrays up to date, where steps are taken elsewhere. */
  async sync(): Promise<void> {
    await this.device?.sync();
  }

  async #learn(batches: readonly Batch[], schedule: StepSchedule, learningRate: number) {
    const { clipNorm, seed } = this.options;
    const { losses, gradients } = await this.program.run(batches, schedule, seed, this.step);
    const gradientNorm = clipByNorm(gradients, clipNorm);
    this.#check(losses, gradientNorm);
    this.optimizer.step(gradients, learningRate, this.step + 1);
    return { losses, gradientNorm };
  }

  async #learnOn(
    device: DeviceAdamW,
    batches: readonly Batch[],
    schedule: StepSchedule,
    learningRate: number,
  ) {
    const { losses, gradients } = await this.program.runKeeping(
      batches,
      schedule,
      this.options.seed,
      this.step,
      device.params,
    );
    const update = await device.prepare(gradients, learningRate, this.step + 1);
    try {
      this.#check(losses, update.norm);
    } catch (error) {
      device.discard(update);
      throw error;
    }
    device.accept(update);
    return { losses, gradientNorm: update.norm };
  }

  #check({ loss }: StepLosses, gradientNorm: number): void {
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new TrainingDiverged(this.step + 1, loss);
    }
  }
}

/** The loss stopped being a number. */
export class TrainingDiverged extends Error {
  override readonly name = "TrainingDiverged";

  constructor(readonly step: number, readonly loss: number) {
    super(`Training diverged at step ${step}: the loss is ${loss}`);
  }
}
