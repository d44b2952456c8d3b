/** Passes of one model with random weights, dense and with random gates. */

import {
  type Backend,
  type DecoderModel,
  type Feeds,
  type Program,
  type WeightFormat,
} from "../../core/contracts/mod.ts";
import {
  type InferenceModel,
  memoryNames,
  passGraph,
  type PassKind,
} from "../../core/inference/mod.ts";
import { flopsAt, tokenFlops } from "../../core/routing/mod.ts";
import { median } from "../../core/run/speed.ts";
import { floats, type HostTensor, ints, RandomStream } from "../../core/tensor/mod.ts";
import { randomRouter } from "../../plugins/routers/random.ts";
import { timed } from "./measure.ts";
import { randomWeights } from "./step_workload.ts";

/** What is measured. */
export interface InferenceShape {
  readonly model: DecoderModel;
  readonly anchorLayers: number;
  /** Tokens of a prompt, and positions that a written token reads. */
  readonly length: number;
  /** Shares of kept tokens. */
  readonly keep: readonly number[];
  readonly weights: WeightFormat;
}

/** One line of the answer. */
export interface PhaseTime {
  readonly phase: "prefill" | "decode";
  readonly batch: number;
  /** Share of tokens that run a layer which may be skipped; null without any skipping. */
  readonly keep: number | null;
  /** Median milliseconds of a pass; of a written token, their mean. */
  readonly ms: number;
  /** Operations of what was really kept, over those of the dense pass. */
  readonly flopShare: number;
  readonly timeShare: number;
  /** (1 - timeShare) / (1 - flopShare); null where nothing is skipped. */
  readonly realized: number | null;
}

const PREFILL: PassKind = { past: "none", answers: "logits", keepsMemory: true };
const DECODE: PassKind = { past: "own", answers: "logits", keepsMemory: true };

/** One way of running the model. */
interface Way {
  readonly keep: number | null;
  readonly prefill: Program;
  readonly decode: Program;
  readonly threshold: number;
}

/** Compiled passes with their weights, ready to be timed. */
export class InferenceWorkload implements AsyncDisposable {
  private constructor(
    private readonly shape: InferenceShape,
    private readonly feeds: Feeds,
    private readonly ways: readonly Way[],
  ) {}

  static async compile(backend: Backend, shape: InferenceShape): Promise<InferenceWorkload> {
    const { model, anchorLayers, weights: weightFormat } = shape;
    const source = randomWeights(model);
    const all = Object.fromEntries(
      Object.keys(model.params()).map((name) => [name, source.read(name)]),
    );
    // In four bits weights have to be part of a program; otherwise all programs share one copy.
    const constants = weightFormat === "float32" ? {} : all;
    const compile = async (own: InferenceModel) => {
      const options = { constants, weightFormat };
      const prefill = await backend.compile(passGraph(own, PREFILL), options);
      const decode = await backend.compile(passGraph(own, DECODE), options);
      return { prefill: prefill as Program, decode: decode as Program };
    };
    const student = {
      model,
      router: { router: randomRouter.create({ per: "token" }), anchorLayers },
    };
    const own = { backend, student, weights: {} };
    const dense = await compile({ ...own, depth: "base" });
    const routed = await compile({ ...own, depth: "routed" });
    const ways: Way[] = [
      { keep: null, threshold: 0, ...dense },
      ...shape.keep.map((keep) => ({ keep, threshold: thresholdFor(keep), ...routed })),
    ];
    return new InferenceWorkload(shape, weightFormat === "float32" ? all : {}, ways);
  }

  /** Reading `batch` prompts, each way in turn. */
  async prefill(batch: number, rounds: number): Promise<PhaseTime[]> {
    const { length } = this.shape;
    const samples = this.ways.map(() => ({ ms: [] as number[], kept: [] as number[] }));
    for (let round = -1; round < rounds; round++) {
      for (const [i, way] of this.ways.entries()) {
        const feeds = this.#feeds(way, batch, length, round);
        let outputs: Record<string, HostTensor> = {};
        const ms = await timed(async () => outputs = await way.prefill.run(feeds));
        if (round < 0) continue;
        samples[i]!.ms.push(ms);
        samples[i]!.kept.push(keptShare(outputs["gates"]));
      }
    }
    const means = samples.map(({ ms, kept }) => ({ ms: median(ms), kept: mean(kept) }));
    return this.#answers("prefill", batch, means, 1 / length);
  }

  /** Writing one token after `batch` prompts, each way in turn: the least of three times each. */
  async decode(batch: number, rounds: number, steps: number): Promise<PhaseTime[]> {
    const { length } = this.shape;
    const dense = this.ways[0]!;
    const read = await dense.prefill.run(this.#feeds(dense, batch, length, 0));
    const memory = Object.fromEntries(
      Array.from({ length: this.shape.model.dims.numLayers }, (_, layer) => {
        const { keys, values } = memoryNames(layer);
        return [[keys, read[keys]!], [values, read[values]!]] as const;
      }).flat(),
    );
    const pastLengths = ints([batch], new Array<number>(batch).fill(length));
    const samples = this.ways.map(() => ({ ms: [] as number[], kept: [] as number[] }));
    for (let step = -1; step < rounds * steps; step++) {
      const feeds = this.ways.map((way) => ({
        ...this.#feeds(way, batch, 1, step),
        ...memory,
        pastLengths,
      }));
      const best = this.ways.map(() => Infinity);
      const gates = this.ways.map((): HostTensor | undefined => undefined);
      for (let attempt = 0; attempt < 3; attempt++) {
        for (const [i, way] of this.ways.entries()) {
          const ms = await timed(async () => {
            gates[i] = (await way.decode.run(feeds[i]!))["gates"];
          });
          best[i] = Math.min(best[i]!, ms);
        }
      }
      if (step < 0) continue;
      this.ways.forEach((_, i) => {
        samples[i]!.ms.push(best[i]!);
        samples[i]!.kept.push(keptShare(gates[i]));
      });
    }
    const means = samples.map(({ ms, kept }) => ({ ms: mean(ms), kept: mean(kept) }));
    return this.#answers("decode", batch, means, 1);
  }

  #answers(
    phase: PhaseTime["phase"],
    batch: number,
    means: readonly { readonly ms: number; readonly kept: number }[],
    headShare: number,
  ): PhaseTime[] {
    const { model, anchorLayers, length } = this.shape;
    const costs = tokenFlops(model, anchorLayers, length);
    const flops = (kept: number) => {
      const own = { ...costs, head: headShare * costs.head };
      return flopsAt(own, new Array<number>(costs.block.length).fill(kept));
    };
    const dense = means[0]!.ms;
    return this.ways.map(({ keep }, i) => {
      const { ms, kept } = means[i]!;
      const flopShare = flops(kept) / flops(1);
      const timeShare = ms / dense;
      const realized = flopShare === 1 ? null : (1 - timeShare) / (1 - flopShare);
      return { phase, batch, keep, ms, flopShare, timeShare, realized };
    });
  }

  #feeds({ threshold }: Way, batch: number, length: number, round: number): Feeds {
    const { model, anchorLayers } = this.shape;
    const random = new RandomStream(1, "inference", round + 1);
    const tokens = ints([batch, length]);
    tokens.data.forEach((_, i) => tokens.data[i] = random.below(model.dims.vocabSize));
    const noise = floats([batch, length, model.dims.numLayers - anchorLayers]);
    noise.data.forEach((_, i) => noise.data[i] = random.uniform());
    const sequences = Array.from({ length: batch }, (_, sequence) => sequence);
    return {
      ...this.feeds,
      tokens,
      lengths: ints([batch], sequences.map(() => length)),
      rows: ints([batch], sequences.map((sequence) => (sequence + 1) * length - 1)),
      noise,
      threshold: floats([], [threshold]),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = new Set(this.ways.flatMap(({ prefill, decode }) => [prefill, decode]));
    for (const program of programs) await program[Symbol.asyncDispose]();
  }
}

/** Where the random router keeps this share. */
function thresholdFor(keep: number): number {
  return keep >= 1 ? -100 : keep <= 0 ? 100 : Math.log((1 - keep) / keep);
}

function keptShare(gates: HostTensor | undefined): number {
  return gates ? mean(gates.data) : 1;
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
