/**
 * Measures a routed model on held-out text, beside everything it has to be compared with.
 *
 * Gates are deterministic where the router is not random by nature. Each program is compiled when it
 * is first asked for.
 */

import { type Backend, type DeviceTensor, type Feeds, type Program } from "../contracts/mod.ts";
import { type Weights } from "../nn/mod.ts";
import {
  calibrateThreshold,
  type OperatingPoint,
  randomGates,
  rateMatchedGates,
  RoutingStatistics,
  shuffledGates,
  siteOf,
  swappedGates,
} from "../routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, RandomStream } from "../tensor/mod.ts";
import {
  type EvaluationGraph,
  evaluationGraph,
  type EvaluationOutput,
  gateShape,
} from "./evaluation_graphs.ts";
import { type Batch, gateNoise, promptFeed, type StudentOptions } from "../train/mod.ts";
import { LossSum, type RoutedLoss, type TextLoss } from "./text_loss.ts";

/** A batch whose tokens may be labelled. */
export interface LabelledBatch extends Batch {
  /** uint8 `[B, T]`: the kind of each target token. */
  readonly kinds?: HostTensor;
  /** float32 `[B, T]`: 1 where a token's loss counts; absent: where it is real. */
  readonly scoreMask?: HostTensor;
}

/** Whether a token of a batch, by its place, is no padding. */
export function realTokens({ tokenMask }: Pick<Batch, "tokenMask">): (token: number) => boolean {
  return (token) => tokenMask.data[token] === 1;
}

/** Ways to skip that a router is compared with. */
export type Control = "random" | "rate-matched" | "shuffled";

/** What the routed model answers for a batch, token by token. */
export interface RoutedBatch {
  /** `[B, T]`, nats. */
  readonly losses: FloatTensor;
  /** `[B, T, L']` */
  readonly gates: FloatTensor;
  /** `[B, T, L']`, where the router has any. */
  readonly logits?: FloatTensor;
}

type Outputs = Partial<Record<EvaluationOutput, HostTensor>>;

/** Gates of the tokens of a batch, `[B, T, L']`; what they are made for is the batch of that number. */
export type GatesOf = (
  shape: readonly number[],
  index: number,
  batch: LabelledBatch,
) => FloatTensor | Promise<FloatTensor>;

/** Evaluates one student; parameters are read anew at each call. */
export class Evaluator implements AsyncDisposable {
  readonly #programs = new Map<EvaluationGraph, Program<EvaluationOutput>>();
  /** Told of every batch that was run, so that a long evaluation can show progress. */
  onBatch: () => void = () => {};

  /**
   * @param kinds names of the kinds that tokens are labelled with
   * @param seed draws the gates of routers that are random by nature
   */
  constructor(
    private readonly backend: Backend,
    private readonly options: StudentOptions,
    private readonly frozen: Readonly<Record<string, DeviceTensor>>,
    private readonly trainable: Weights,
    private readonly kinds: readonly string[] = [],
    private readonly seed = 0,
  ) {}

  /** The frozen model at full depth. */
  async base(batches: Iterable<LabelledBatch>): Promise<TextLoss> {
    return await this.#textLoss("base", batches);
  }

  /** The trained model at full depth: adapters on, nothing skipped. */
  async fullDepth(batches: Iterable<LabelledBatch>): Promise<TextLoss> {
    return await this.#textLoss("fullDepth", batches);
  }

  /** The routed model. */
  async routed(batches: Iterable<LabelledBatch>, at: OperatingPoint): Promise<RoutedLoss> {
    return await this.#gatedLoss("routed", batches, () => pointFeeds(at));
  }

  /** The routed model on one batch, token by token. */
  async routedTokens(
    batch: LabelledBatch,
    at: OperatingPoint,
    index = 0,
  ): Promise<RoutedBatch> {
    const { losses, gates, logits } = await this.#run("routed", batch, index, pointFeeds(at));
    return {
      losses: losses as FloatTensor,
      gates: gates as FloatTensor,
      ...(logits ? { logits: logits as FloatTensor } : {}),
    };
  }

  /** Losses of the trained model at full depth on one batch, `[B, T]`. */
  async fullDepthTokens(batch: LabelledBatch, index = 0): Promise<FloatTensor> {
    return (await this.#run("fullDepth", batch, index, {})).losses as FloatTensor;
  }

  /** The routed model with gates sampled as in training, at this temperature. */
  async sampled(
    batches: Iterable<LabelledBatch>,
    at: { readonly temperature: number; readonly targetSkip: number },
  ): Promise<RoutedLoss> {
    const feeds = {
      temperature: floats([], [at.temperature]),
      targetSkip: floats([], [at.targetSkip]),
    };
    return await this.#gatedLoss("sampled", batches, () => feeds);
  }

  /** The trained model under gates that are not the router's own. */
  async under(batches: Iterable<LabelledBatch>, gatesOf: GatesOf): Promise<RoutedLoss> {
    return await this.#underGates("fixed", batches, gatesOf);
  }

  /**
   * The frozen, untrained model under given gates: what skipping costs before anything has learned to
   * live with it.
   */
  async baseUnder(batches: Iterable<LabelledBatch>, gatesOf: GatesOf): Promise<RoutedLoss> {
    return await this.#underGates("baseFixed", batches, gatesOf);
  }

  /**
   * The trained model under gates that skip as much as the router's, without its judgement.
   *
   * @param activity the router's activity per layer at this point
   * @param seed draws the random gates
   */
  async control(
    kind: Control,
    batches: Iterable<LabelledBatch>,
    at: OperatingPoint,
    activity: readonly number[],
    seed: number,
  ): Promise<RoutedLoss> {
    const overall = activity.reduce((total, share) => total + share, 0) / activity.length;
    return await this.under(batches, async (shape, index, batch) => {
      const random = new RandomStream(seed, `control:${kind}`, index);
      if (kind === "random") return randomGates(shape, overall, random);
      if (kind === "rate-matched") return rateMatchedGates(shape, activity, random);
      const { gates } = await this.decide(batch, at, index);
      if (this.options.router?.router.promptTokens) return swappedGates(gates, random);
      return shuffledGates(gates, realTokens(batch), random);
    });
  }

  /** The router's own gates and, where it has any, logits for a batch; both `[B, T, L']`. */
  async decide(
    batch: LabelledBatch,
    at: OperatingPoint,
    index = 0,
  ): Promise<{ gates: FloatTensor; logits?: FloatTensor }> {
    const { gates, logits } = await this.#run("decide", batch, index, pointFeeds(at));
    return {
      gates: gates as FloatTensor,
      ...(logits ? { logits: logits as FloatTensor } : {}),
    };
  }

  /**
   * Where the router skips a share `skip` on these batches. A router without logits has no threshold
   * to set: its gates are what they are.
   */
  async calibrate(batches: Iterable<LabelledBatch>, skip: number): Promise<OperatingPoint> {
    const start: OperatingPoint = { threshold: 0, targetSkip: skip };
    const all: number[] = [];
    let index = 0;
    for (const batch of batches) {
      const { logits } = await this.decide(batch, start, index++);
      if (!logits) return start;
      const layers = logits.shape[2]!;
      const real = realTokens(batch);
      for (let i = 0; i < logits.data.length; i++) {
        if (real(Math.floor(i / layers))) all.push(logits.data[i]!);
      }
    }
    return { ...start, threshold: calibrateThreshold(Float32Array.from(all), skip) };
  }

  async #textLoss(name: EvaluationGraph, batches: Iterable<LabelledBatch>): Promise<TextLoss> {
    const sum = new LossSum();
    let index = 0;
    for (const batch of batches) {
      const { losses } = await this.#run(name, batch, index++, {});
      sum.add(losses!, batch.scoreMask ?? batch.tokenMask);
    }
    return sum.result;
  }

  /** The loss under gates that the graph answers with, or else was fed. */
  async #gatedLoss(
    name: EvaluationGraph,
    batches: Iterable<LabelledBatch>,
    feedsOf: (index: number, batch: LabelledBatch) => Feeds | Promise<Feeds>,
  ): Promise<RoutedLoss> {
    const sum = new LossSum();
    const statistics = this.#statistics();
    let index = 0;
    for (const batch of batches) {
      const feeds = await feedsOf(index, batch);
      const outputs = await this.#run(name, batch, index++, feeds);
      const gates = outputs.gates ?? feeds["gates"] as FloatTensor;
      sum.add(outputs.losses!, batch.scoreMask ?? batch.tokenMask);
      statistics.add(gates.data, outputs.logits?.data ?? [], realTokens(batch), batch.kinds?.data);
    }
    return { ...sum.result, statistics };
  }

  #underGates(
    name: EvaluationGraph,
    batches: Iterable<LabelledBatch>,
    gatesOf: GatesOf,
  ): Promise<RoutedLoss> {
    const shape = gateShape(this.options);
    return this.#gatedLoss(name, batches, async (index, batch) => ({
      gates: await gatesOf(shape, index, batch),
    }));
  }

  #statistics(): RoutingStatistics {
    const { model, router } = this.options;
    const { routableLayers, anchorLayers } = siteOf(model, router!.anchorLayers);
    return new RoutingStatistics(routableLayers, anchorLayers, this.kinds);
  }

  async #run(
    name: EvaluationGraph,
    batch: LabelledBatch,
    index: number,
    more: Feeds,
  ): Promise<Outputs> {
    let program = this.#programs.get(name);
    if (!program) {
      const graph = evaluationGraph(name, this.options);
      program = await this.backend.compile(graph as Required<typeof graph>);
      this.#programs.set(name, program);
    }
    const { tokens, targets, tokenMask } = batch;
    const outputs = await program.run({
      ...this.frozen,
      ...this.trainable,
      tokens,
      targets,
      tokenMask,
      ...promptFeed(program, this.options, batch),
      ...gateNoise(program, new RandomStream(this.seed, "evaluation", index)),
      ...more,
    });
    this.onBatch();
    return outputs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) await program[Symbol.asyncDispose]();
    this.#programs.clear();
  }
}

function pointFeeds({ threshold, targetSkip }: OperatingPoint): Feeds {
  return { threshold: floats([], [threshold]), targetSkip: floats([], [targetSkip]) };
}
