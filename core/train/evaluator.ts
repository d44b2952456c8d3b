/**
 * Measures a routed model on held-out text, beside everything it has to be compared with.
 *
 * Losses are means over real target tokens, never means of batch means. Gates are deterministic.
 * Each program is compiled when it is first asked for.
 */

import { type Backend, type DeviceTensor, type Feeds, type Program } from "../contracts/mod.ts";
import { input, type Node } from "../graph/mod.ts";
import { type ParamNodes, type Weights } from "../nn/mod.ts";
import {
  calibrateThreshold,
  decideOnly,
  forward,
  randomGates,
  rateMatchedGates,
  type Routing,
  RoutingStatistics,
  shuffledGates,
  siteOf,
} from "../routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, RandomStream } from "../tensor/mod.ts";
import { lossesInParts } from "./head_loss.ts";
import { type Batch, studentNodes, type StudentOptions } from "./step.ts";

/** A batch whose tokens may be labelled. */
export interface LabelledBatch extends Batch {
  /** uint8 `[B, T]`: the kind of each target token. */
  readonly kinds?: HostTensor;
}

/** A loss over many tokens. */
export interface TextLoss {
  /** Mean negative log-likelihood in nats. */
  readonly loss: number;
  /** e to the loss. */
  readonly perplexity: number;
  readonly tokens: number;
}

/** A routed model's loss, and what it did for it. */
export interface RoutedLoss extends TextLoss {
  readonly statistics: RoutingStatistics;
}

/** Ways to skip that a router is compared with. */
export type Control = "random" | "rate-matched" | "shuffled";

class LossSum {
  #sum = 0;
  #tokens = 0;

  add(losses: HostTensor, tokenMask: HostTensor): void {
    for (let i = 0; i < losses.data.length; i++) {
      if (tokenMask.data[i] !== 1) continue;
      this.#sum += losses.data[i]!;
      this.#tokens++;
    }
  }

  get result(): TextLoss {
    const loss = this.#sum / this.#tokens;
    return { loss, perplexity: Math.exp(loss), tokens: this.#tokens };
  }
}

type Decided = "losses" | "gates" | "logits";

/** Evaluates one student; parameters are read anew at each call. */
export class Evaluator implements AsyncDisposable {
  readonly #programs = new Map<string, Program>();

  constructor(
    private readonly backend: Backend,
    private readonly options: StudentOptions,
    private readonly frozen: Readonly<Record<string, DeviceTensor>>,
    private readonly trainable: Weights,
    private readonly kinds: readonly string[] = [],
  ) {}

  /** The frozen model at full depth. */
  async base(batches: Iterable<LabelledBatch>): Promise<TextLoss> {
    return await this.#textLoss("base", batches);
  }

  /** The trained model at full depth: adapters on, nothing skipped. */
  async fullDepth(batches: Iterable<LabelledBatch>): Promise<TextLoss> {
    return await this.#textLoss("full-depth", batches);
  }

  /** The routed model: a block runs where the router's logit is above `threshold`. */
  async routed(batches: Iterable<LabelledBatch>, threshold: number): Promise<RoutedLoss> {
    const program = await this.#program<Decided>("routed");
    const sum = new LossSum();
    const statistics = this.#statistics();
    for (const batch of batches) {
      const { losses, gates, logits } = await this.#run(program, batch, {
        threshold: floats([], [threshold]),
      });
      sum.add(losses, batch.tokenMask);
      const real = (token: number) => batch.tokenMask.data[token] === 1;
      statistics.add(gates.data, logits.data, real, batch.kinds?.data);
    }
    return { ...sum.result, statistics };
  }

  /**
   * The trained model under gates that are not the router's own.
   *
   * @param activity the router's activity per layer at this threshold
   * @param seed draws the random gates
   */
  async control(
    kind: Control,
    batches: Iterable<LabelledBatch>,
    threshold: number,
    activity: readonly number[],
    seed: number,
  ): Promise<RoutedLoss> {
    const fixed = await this.#program<"losses">("fixed");
    const sum = new LossSum();
    const statistics = this.#statistics();
    const overall = activity.reduce((total, share) => total + share, 0) / activity.length;
    let index = 0;
    for (const batch of batches) {
      const random = new RandomStream(seed, `control:${kind}`, index++);
      const real = (token: number) => batch.tokenMask.data[token] === 1;
      const gates = await {
        "random": () => randomGates(this.#gateShape(), overall, random),
        "rate-matched": () => rateMatchedGates(this.#gateShape(), activity, random),
        "shuffled": async () => shuffledGates(await this.#decide(batch, threshold), real, random),
      }[kind]();
      const { losses } = await this.#run(fixed, batch, { gates });
      sum.add(losses, batch.tokenMask);
      statistics.add(gates.data, [], real);
    }
    return { ...sum.result, statistics };
  }

  /**
   * The frozen, untrained model under given gates, `[B, T, L']` for each batch: what skipping costs
   * before anything has learned to live with it.
   */
  async baseUnder(
    batches: Iterable<LabelledBatch>,
    gates: (batch: number, shape: readonly number[]) => FloatTensor,
  ): Promise<TextLoss> {
    const fixed = await this.#program<"losses">("base-fixed");
    const sum = new LossSum();
    let index = 0;
    for (const batch of batches) {
      const { losses } = await this.#run(fixed, batch, {
        gates: gates(index++, this.#gateShape()),
      });
      sum.add(losses, batch.tokenMask);
    }
    return sum.result;
  }

  /** The threshold at which the router skips a share `skip` on these batches. */
  async calibrate(batches: Iterable<LabelledBatch>, skip: number): Promise<number> {
    const program = await this.#program<"gates" | "logits">("decide");
    const all: number[] = [];
    for (const batch of batches) {
      const { logits } = await this.#run(program, batch, { threshold: floats([], [0]) });
      const layers = logits.shape[2]!;
      for (let i = 0; i < logits.data.length; i++) {
        if (batch.tokenMask.data[Math.floor(i / layers)] === 1) all.push(logits.data[i]!);
      }
    }
    return calibrateThreshold(Float32Array.from(all), skip);
  }

  /** The router's own gates, `[B, T, L']`. */
  async #decide(batch: LabelledBatch, threshold: number): Promise<FloatTensor> {
    const program = await this.#program<"gates" | "logits">("decide");
    const { gates } = await this.#run(program, batch, { threshold: floats([], [threshold]) });
    return gates as FloatTensor;
  }

  async #textLoss(name: string, batches: Iterable<LabelledBatch>): Promise<TextLoss> {
    const program = await this.#program<"losses">(name);
    const sum = new LossSum();
    for (const batch of batches) {
      sum.add((await this.#run(program, batch, {})).losses, batch.tokenMask);
    }
    return sum.result;
  }

  #statistics(): RoutingStatistics {
    const { anchorLayers, routableLayers } = this.#site();
    return new RoutingStatistics(routableLayers, anchorLayers, this.kinds);
  }

  #site() {
    const { model, router } = this.options;
    if (!router) throw new TypeError("internal: this student has no router to evaluate");
    return { ...router, ...siteOf(model, router.anchorLayers) };
  }

  #gateShape(): number[] {
    const { batchSize, sequenceLength } = this.options;
    return [batchSize, sequenceLength, this.#site().routableLayers];
  }

  async #run<Output extends string>(
    program: Program<Output>,
    batch: LabelledBatch,
    more: Feeds,
  ): Promise<Record<Output, HostTensor>> {
    const { tokens, targets, tokenMask } = batch;
    return await program.run({
      ...this.frozen,
      ...this.trainable,
      tokens,
      targets,
      tokenMask,
      ...more,
    });
  }

  async #program<Output extends string>(name: string): Promise<Program<Output>> {
    let program = this.#programs.get(name);
    if (!program) {
      program = await this.backend.compile(this.#graph(name));
      this.#programs.set(name, program);
    }
    return program as Program<Output>;
  }

  #graph(name: string): Record<string, Node> {
    const { model, router, batchSize, sequenceLength } = this.options;
    const shape = [batchSize, sequenceLength];
    const tokens = input("tokens", shape, "int32");
    const { base, student } = studentNodes(this.options, false);
    const losses = (params: ParamNodes, hiddenStates: Node) =>
      lossesInParts(
        (rows) => model.head(params, rows),
        hiddenStates,
        input("targets", shape, "int32"),
        model.dims.vocabSize,
      );
    const routing = (): Routing => ({
      router: this.#site().router,
      anchorLayers: this.#site().anchorLayers,
      params: base,
      context: {
        mode: "eval",
        threshold: input("threshold", []),
        tokenMask: input("tokenMask", shape),
      },
    });
    const fixed = (params: ParamNodes) => {
      const gates = input("gates", this.#gateShape());
      const { anchorLayers } = router!;
      return losses(params, forward(model, params, tokens, { gates, anchorLayers }).hiddenStates);
    };
    switch (name) {
      case "base":
        return { losses: losses(base, forward(model, base, tokens).hiddenStates) };
      case "full-depth":
        return { losses: losses(student, forward(model, student, tokens).hiddenStates) };
      case "fixed":
        return { losses: fixed(student) };
      case "base-fixed":
        return { losses: fixed(base) };
      case "decide": {
        const { gates, logits } = decideOnly(model, student, tokens, routing());
        return { gates, logits };
      }
      default: {
        const { hiddenStates, decision } = forward(model, student, tokens, routing());
        const { gates, logits } = decision!;
        return { losses: losses(student, hiddenStates), gates, logits };
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) await program[Symbol.asyncDispose]();
    this.#programs.clear();
  }
}
