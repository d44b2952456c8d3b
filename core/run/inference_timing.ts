/**
 * Times ways of running one model, all in turn: reading prompts (prefill), and writing the next token
 * of each (decode). Tokens are random; the time of a product depends on none.
 */

import { type Backend, type Feeds, type Program, type WeightFormat } from "../contracts/mod.ts";
import {
  bakesWeights,
  disposePrograms,
  type Earlier,
  gatesAt,
  type InferenceModel,
  isMemory,
  passFeeds,
  passGraph,
  type PassInputs,
  type PassKind,
  routedLayers,
  routingOf,
  stepSizes,
} from "../inference/mod.ts";
import { flopsAt, tokenFlops } from "../routing/mod.ts";
import { type HostTensor, RandomStream } from "../tensor/mod.ts";
import { median } from "./speed.ts";

/** A way of running the model. */
export interface TimedWay {
  readonly how: string;
  /** What sort of way it is, for figures. */
  readonly kind: string;
  /** Share of tokens that are kept, where that is set. */
  readonly keep?: number;
  readonly model: InferenceModel;
  /** Blocks are computed for all tokens and blended in, as in training. */
  readonly blended?: boolean;
}

/** What all ways are timed on. */
export interface TimingShape {
  /** Tokens of a prompt, and positions that a written token reads. */
  readonly length: number;
  /** How matrices are kept. In four bits each program has a copy of its own. */
  readonly weightFormat: WeightFormat;
}

/** How long a way took. */
export interface WayTime extends Pick<TimedWay, "how" | "kind" | "keep"> {
  readonly phase: "prefill" | "decode";
  /** Sequences at once. */
  readonly batch: number;
  /** Median milliseconds of a pass; for decoding the mean over steps. */
  readonly ms: number;
  readonly tokensPerSecond: number;
  /** Layers that a token ran on average. */
  readonly activeLayers: number;
  /** Operations of what was kept over those of the first way. */
  readonly flopShare: number;
  /** Time over that of the first way. */
  readonly timeShare: number;
  /** (1 - timeShare) / (1 - flopShare); null where nothing is skipped. */
  readonly realized: number | null;
}

const PREFILL: PassKind = { past: "none", answers: "logits", keepsMemory: true };
const DECODE: PassKind = { past: "own", answers: "logits", keepsMemory: true };

/** Steps of writing that a way takes in a row. */
const TURN = 8;

/** Times of one way, and the share of tokens that ran each routable layer. */
interface Samples {
  readonly ms: number[];
  readonly activity: number[][];
}

/** Compiled ways, ready to be timed. The first is what the others are compared with: dense. */
export class InferenceTiming implements AsyncDisposable {
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(private readonly ways: readonly TimedWay[], private readonly shape: TimingShape) {}

  /** Reading `batch` prompts: after one round that does not count, `rounds` of all ways in turn. */
  async prefill(batch: number, rounds: number): Promise<WayTime[]> {
    const { length } = this.shape;
    const samples = this.ways.map((): Samples => ({ ms: [], activity: [] }));
    for (let round = -1; round < rounds; round++) {
      for (const [i, way] of this.ways.entries()) {
        const program = await this.#program(way, PREFILL);
        const feeds = this.#feeds(way, program, randomTexts(way, batch, length, round), round);
        const started = performance.now();
        const { gates } = await runPass(program, feeds);
        const ms = performance.now() - started;
        if (round >= 0) this.#note(samples[i]!, way, ms, gates);
      }
    }
    return this.#times("prefill", batch, samples, ({ ms }) => median(ms));
  }

  /**
   * Writing the next tokens of `batch` prompts. Ways take turns of several steps in a row, as in
   * writing, where each step finds in the processor's caches what the one before has left. Of three
   * attempts at each step the fastest counts.
   */
  async decode(batch: number, steps: number): Promise<WayTime[]> {
    const ways = this.ways.filter(({ blended }) => !blended);
    if (ways.length === 0) return [];
    const earlier = await this.#read(batch, ways);
    const kind = { ...DECODE, sizes: stepSizes(batch) };
    const programs = await Promise.all(ways.map((way) => this.#program(way, kind)));
    const samples = ways.map((): Samples => ({ ms: [], activity: [] }));
    const turn = async (i: number, from: number, to: number, best: number[]) => {
      const way = ways[i]!;
      const gates: (HostTensor | undefined)[] = [];
      for (let step = from - 1; step < to; step++) {
        const inputs = { ...randomTexts(way, batch, 1, step), earlier: earlier[i] };
        const feeds = this.#feeds(way, programs[i]!, inputs, step);
        const started = performance.now();
        const made = await runPass(programs[i]!, feeds);
        // The first step finds what another way has left.
        if (step < from) continue;
        best[step - from] = Math.min(best[step - from] ?? Infinity, performance.now() - started);
        gates.push(made["gates"]);
      }
      return gates;
    };
    for (let from = 0; from < steps; from += TURN) {
      const to = Math.min(steps, from + TURN);
      const best = ways.map((): number[] => []);
      for (let attempt = 0; attempt < 3; attempt++) {
        for (const [i, way] of ways.entries()) {
          const gates = await turn(i, from, to, best[i]!);
          if (attempt === 2) {
            best[i]!.forEach((ms, k) => this.#note(samples[i]!, way, ms, gates[k]));
          }
        }
      }
    }
    return this.#times("decode", batch, samples, ({ ms }) => mean(ms), ways);
  }

  /** What each way goes on from: one memory for all, and what its own router has decided by then. */
  async #read(batch: number, ways: readonly TimedWay[]): Promise<Earlier[]> {
    const { length } = this.shape;
    const lengths = new Array<number>(batch).fill(length);
    let memory: Earlier["memory"] | undefined;
    const all: Earlier[] = [];
    for (const way of ways) {
      const decides = routingOf(way.model).promptTokens > 0;
      let gates: Earlier["gates"];
      if (!memory || decides) {
        const program = await this.#program(way, PREFILL);
        const read = await program.run(
          this.#feeds(way, program, randomTexts(way, batch, length, 0), 0),
        );
        // As in writing: where a device has memory of its own, it is there.
        memory ??= way.model.backend.keepsOutputs ? uploaded(way.model.backend, read) : read;
        if (decides) {
          gates = lengths.map((_, text) => gatesAt(read["gates"]!, (text + 1) * length - 1));
        }
      }
      all.push({ memory, lengths, shared: false, gates });
    }
    return all;
  }

  /** Ways that differ in their operating point only share a program. */
  #program({ model, blended = false }: TimedWay, kind: PassKind): Promise<Program> {
    const { router } = model.student;
    const decides = router ? [router.anchorLayers, numberOf(router.router)] : [];
    const key = JSON.stringify([model.depth, blended, kind, ...decides]);
    let program = this.#programs.get(key);
    if (program) return program;
    const { weightFormat } = this.shape;
    const constants = bakesWeights(model, weightFormat)
      ? { constants: model.weights, weightFormat }
      : {};
    program = model.backend.compile(passGraph(model, { ...kind, blended }), constants);
    this.#programs.set(key, program);
    return program;
  }

  #feeds({ model }: TimedWay, program: Program, inputs: PassInputs, round: number): Feeds {
    const random = new RandomStream(1, "timing-noise", round + 1);
    return {
      ...model.weights, // a program that has them already leaves them
      ...passFeeds(model, program, inputs, random),
    };
  }

  #note({ ms, activity }: Samples, { model }: TimedWay, time: number, gates?: HostTensor): void {
    ms.push(time);
    const layers = routedLayers(model);
    const own = new Array<number>(layers).fill(gates ? 0 : 1);
    const tokens = gates ? gates.data.length / layers : 1;
    gates?.data.forEach((gate, i) => own[i % layers]! += gate / tokens);
    activity.push(own);
  }

  #times(
    phase: WayTime["phase"],
    batch: number,
    samples: readonly Samples[],
    typical: (samples: Samples) => number,
    ways: readonly TimedWay[] = this.ways,
  ): WayTime[] {
    const { length } = this.shape;
    const dense = typical(samples[0]!);
    const flops = ways.map(({ model }, i) => {
      const { model: decoder, router } = model.student;
      const anchor = model.depth === "routed" && router ? router.anchorLayers : 0;
      const costs = tokenFlops(decoder, anchor, length);
      const head = costs.head * (phase === "prefill" ? 1 / length : 1);
      const all = new Array<number>(decoder.dims.numLayers - anchor).fill(1);
      const activity = samples[i]!.activity[0]!.length > 0
        ? all.map((_, layer) => mean(samples[i]!.activity.map((own) => own[layer]!)))
        : all;
      const keepsMemory = model.student.router?.router.decidesBy !== "rule";
      return {
        flops: flopsAt({ ...costs, head }, activity, keepsMemory),
        layers: anchor + activity.reduce((sum, share) => sum + share, 0),
      };
    });
    return ways.map(({ how, kind, keep }, i) => {
      const ms = typical(samples[i]!);
      const flopShare = flops[i]!.flops / flops[0]!.flops;
      const timeShare = ms / dense;
      return {
        how,
        kind,
        ...(keep === undefined ? {} : { keep }),
        phase,
        batch,
        ms,
        tokensPerSecond: 1000 * batch * (phase === "prefill" ? length : 1) / ms,
        activeLayers: flops[i]!.layers,
        flopShare,
        timeShare,
        realized: flopShare > 0.999 ? null : (1 - timeShare) / (1 - flopShare),
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposePrograms(this.#programs.values());
    this.#programs.clear();
  }
}

/** Runs a pass. What it makes to be remembered stays on a device that keeps it, and is let go. */
async function runPass(program: Program, feeds: Feeds): Promise<Record<string, HostTensor>> {
  if (!program.runKeeping) return await program.run(feeds);
  const made = Object.entries(await program.runKeeping(feeds, isMemory));
  const read: Record<string, HostTensor> = {};
  for (const [name, tensor] of made) {
    if ("data" in tensor) read[name] = tensor;
    else tensor[Symbol.dispose]();
  }
  return read;
}

/** The memory among what a pass has made, on the device. */
function uploaded(backend: Backend, made: Readonly<Record<string, HostTensor>>) {
  const memory = Object.entries(made).filter(([name]) => isMemory(name));
  return Object.fromEntries(memory.map(([name, tensor]) => [name, backend.upload(tensor)]));
}

/** Texts of random tokens, whose last one is asked for. */
function randomTexts({ model }: TimedWay, batch: number, length: number, round: number) {
  const random = new RandomStream(1, "timing", round + 1);
  const { vocabSize } = model.student.model.dims;
  const sequences = Array.from(
    { length: batch },
    () => Int32Array.from({ length }, () => random.below(vocabSize)),
  );
  return { sequences, rows: sequences.map((_, text) => [text, length - 1] as const) };
}

const numbers = new WeakMap<object, number>();
let count = 0;

/** A number that tells one object from another. */
function numberOf(object: object): number {
  const number = numbers.get(object) ?? count++;
  numbers.set(object, number);
  return number;
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

/** Where a router of uniform noise keeps this share of tokens. */
export function thresholdKeeping(share: number): number {
  return share >= 1 ? -Infinity : share <= 0 ? Infinity : Math.log((1 - share) / share);
}
