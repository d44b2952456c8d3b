/** Runs passes of one model: keeps its programs, and feeds them. */

import {
  type DeviceTensor,
  type Feeds,
  type Program,
  type WeightFormat,
} from "../contracts/mod.ts";
import { RoutingStatistics } from "../routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, ints, RandomStream } from "../tensor/mod.ts";
import { gateNoise } from "../train/mod.ts";
import { KeyValueCache, type TextCache } from "./cache.ts";
import { DeviceCache } from "./device_cache.ts";
import { type InferenceModel, routedLayers, routingOf } from "./inference_model.ts";
import { headGraph, isMemory, passGraph, type PassKind, type PassSizes } from "./pass_graph.ts";

/** Earlier tokens that a pass goes on from. */
export interface Earlier {
  /** Keys and values by the names of `memoryNames`, all with equally many positions. */
  readonly memory: Readonly<Record<string, HostTensor | DeviceTensor>>;
  /** How many of them count, for each sequence, or for the one that all share. */
  readonly lengths: readonly number[];
  /** Whether all sequences share those of one. */
  readonly shared: boolean;
  /** Gates of a router that has decided already, `[L']` for each sequence or for all. */
  readonly gates?: readonly Float32Array[] | undefined;
}

/** What goes into a pass, and what is wanted of it. */
export interface PassInputs {
  /** Tokens of each sequence. One may be empty. */
  readonly sequences: readonly Int32Array[];
  readonly earlier?: Earlier | undefined;
  /** What is wanted of the tokens `rows`; nothing unless told. */
  readonly answers?: PassKind["answers"];
  /** Tokens that are asked for, as the number of their sequence and their place in it. */
  readonly rows?: readonly (readonly [sequence: number, token: number])[];
  /** Whether keys and values are wanted. */
  readonly keepsMemory?: boolean;
  /** Sizes that many such passes have in common: a program is made for them, which is faster. */
  readonly sizes?: Partial<PassSizes> | undefined;
}

/** What a pass gives; the names are those of `passGraph`. */
export type PassOutputs = Readonly<Record<string, HostTensor>>;

/** What a pass gives whose memory stays where it is made. */
export interface KeptPass {
  readonly outputs: PassOutputs;
  /** Keys and values by the names of `memoryNames`; whoever has them disposes of those on a device. */
  readonly memory: Readonly<Record<string, HostTensor | DeviceTensor>>;
}

/** How likely tokens are. */
export interface TargetScores {
  /** In nats. */
  readonly losses: Float32Array;
  /** How many tokens are likelier than each. */
  readonly better: Float32Array;
}

/** How passes are compiled and drawn. */
export interface PassesOptions {
  /** Draws the gates of routers that are random by nature. */
  readonly seed?: number;
  /**
   * Make the weights part of each program, arranged for speed: what a long generation wants. Each
   * program has a copy of its own then.
   */
  readonly bakesWeights?: boolean;
  /** How matrices are kept that are part of a program. */
  readonly weightFormat?: WeightFormat | undefined;
}

/** The most logits that are made at once. */
const MOST_LOGITS = 2 ** 24;

/** Compiles and runs passes of one model. */
export class Passes implements AsyncDisposable {
  #programs = new Map<string, Promise<Program>>();
  readonly #layers: number;
  #full: Passes | undefined;
  #runs = 0;
  /** What the router did, over all tokens that were computed; absent without one. */
  statistics: RoutingStatistics | undefined;
  /** Tokens that were computed, padding not counted. */
  tokens = 0;

  constructor(readonly model: InferenceModel, private readonly options: PassesOptions = {}) {
    this.#layers = routedLayers(model);
    this.resetCounts();
  }

  /**
   * The same model with nothing skipped, on the same programs where there is a threshold to move. It is
   * disposed of with this.
   */
  fullDepth(): Passes {
    const { router } = this.model.student;
    if (this.model.depth !== "routed" || router?.router.decidesBy !== "state") {
      return this.#full ??= new Passes({ ...this.model, depth: "fullDepth" }, this.options);
    }
    const { targetSkip = 0 } = this.model.point ?? {};
    const point = { threshold: -Infinity, targetSkip };
    const full = new Passes({ ...this.model, point }, this.options);
    full.#programs = this.#programs;
    return full;
  }

  /** Begins to count tokens and gates anew. */
  resetCounts(): void {
    const { router } = this.model.student;
    this.tokens = 0;
    this.statistics = this.#layers > 0 && router
      ? new RoutingStatistics(this.#layers, router.anchorLayers)
      : undefined;
  }

  /** A cache for so many texts, where the memory that {@link runKeeping} gives is. */
  openCache(texts: number): TextCache {
    const { backend, student: { model: { dims } } } = this.model;
    if (!backend.keepsOutputs) return new KeyValueCache(texts, dims);
    return new DeviceCache(texts, dims, (name, graph) => this.#program(name, graph));
  }

  /** Runs one pass. */
  async run(inputs: PassInputs): Promise<PassOutputs> {
    const { outputs } = await this.#run(inputs, false);
    return outputs;
  }

  /** Runs one pass, and leaves its memory where it is made. */
  runKeeping(inputs: PassInputs): Promise<KeptPass> {
    return this.#run({ ...inputs, keepsMemory: true }, true);
  }

  async #run(inputs: PassInputs, keeps: boolean): Promise<KeptPass> {
    const { earlier, answers = "none", keepsMemory = false, sizes } = inputs;
    const past = !earlier ? "none" : earlier.shared ? "shared" : "own";
    const program = await this.prepare({ past, answers, keepsMemory, sizes });
    const feeds = {
      ...this.#weights,
      ...passFeeds(this.model, program, inputs, this.#noise()),
    };
    const made = keeps && program.runKeeping
      ? await program.runKeeping(feeds, isMemory)
      : await program.run(feeds);
    const part = (wanted: boolean) =>
      Object.fromEntries(Object.entries(made).filter(([name]) => isMemory(name) === wanted));
    const outputs = (keeps ? part(false) : made) as PassOutputs;
    this.#count(inputs, outputs["gates"]);
    return { outputs, memory: keeps ? part(true) : {} };
  }

  /** How likely each of `targets` is after the state of its row, `[N, D]`. */
  async score(states: HostTensor, targets: readonly number[]): Promise<TargetScores> {
    const program = await this.#program("head", () => headGraph(this.model));
    const { vocabSize, hiddenSize } = this.model.student.model.dims;
    const size = Math.max(1, Math.floor(MOST_LOGITS / vocabSize));
    const losses = new Float32Array(targets.length);
    const better = new Float32Array(targets.length);
    for (let start = 0; start < targets.length; start += size) {
      const end = Math.min(targets.length, start + size);
      const part = await program.run({
        ...this.#weights,
        states: {
          dtype: "float32",
          shape: [end - start, hiddenSize],
          data: states.data.subarray(start * hiddenSize, end * hiddenSize),
        },
        targets: ints([end - start], targets.slice(start, end)),
      });
      losses.set(part["losses"]!.data, start);
      better.set(part["better"]!.data, start);
    }
    return { losses, better };
  }

  #program(key: string, graph: () => ReturnType<typeof passGraph>): Promise<Program> {
    let program = this.#programs.get(key);
    if (program) return program;
    const { bakesWeights = false, weightFormat } = this.options;
    const constants = bakesWeights ? this.model.weights : {};
    program = this.model.backend.compile(graph(), { constants, weightFormat });
    this.#programs.set(key, program);
    return program;
  }

  /** The weights that programs are fed with. */
  get #weights(): Feeds {
    return this.options.bakesWeights ? {} : this.model.weights;
  }

  /** Makes the program of a kind of pass ahead of its first use. */
  prepare(kind: PassKind): Promise<Program> {
    const { past, answers, keepsMemory, standsAlone = false, blended = false, sizes } = kind;
    const key = JSON.stringify([past, answers, keepsMemory, standsAlone, blended, sizes]);
    return this.#program(key, () => passGraph(this.model, kind));
  }

  #noise(): RandomStream {
    return new RandomStream(this.options.seed ?? 0, "asked", this.#runs++);
  }

  #count({ sequences }: PassInputs, gates: HostTensor | undefined): void {
    const length = lengthOf(sequences);
    const real = (token: number) => token % length < sequences[Math.floor(token / length)]!.length;
    this.tokens += sequences.reduce((sum, sequence) => sum + sequence.length, 0);
    if (gates) this.statistics?.add((gates as FloatTensor).data, [], real);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposePrograms(this.#programs.values());
    this.#programs.clear();
    await this.#full?.[Symbol.asyncDispose]();
  }
}

/** Disposes of programs; those that could not be made have been told of. */
export async function disposePrograms(programs: Iterable<Promise<Program>>): Promise<void> {
  for (const made of await Promise.allSettled(programs)) {
    if (made.status === "fulfilled") await made.value[Symbol.asyncDispose]();
  }
}

/**
 * What a pass is fed besides weights.
 *
 * @param random draws the gates of routers that are random by nature
 */
export function passFeeds(
  own: InferenceModel,
  program: Program,
  { sequences, rows = [], earlier }: PassInputs,
  random: RandomStream,
): Feeds {
  const batch = sequences.length;
  const length = lengthOf(sequences);
  const tokens = ints([batch, length]);
  sequences.forEach((sequence, row) => tokens.data.set(sequence, row * length));
  return {
    tokens,
    lengths: ints([batch], sequences.map((sequence) => sequence.length)),
    rows: ints([rows.length], rows.map(([sequence, token]) => sequence * length + token)),
    ...(earlier
      ? { ...earlier.memory, pastLengths: ints([earlier.lengths.length], earlier.lengths) }
      : {}),
    ...routerFeeds(own, sequences, earlier),
    ...gateNoise(program, random, [batch, length, routedLayers(own)]),
  };
}

/** Tokens of the longest sequence; at least one, as a pass has to have a shape. */
function lengthOf(sequences: readonly Int32Array[]): number {
  return Math.max(1, ...sequences.map((sequence) => sequence.length));
}

function routerFeeds(
  own: InferenceModel,
  sequences: readonly Int32Array[],
  earlier: Earlier | undefined,
): Feeds {
  const layers = routedLayers(own);
  if (layers === 0) return {};
  const batch = sequences.length;
  const length = lengthOf(sequences);
  const { threshold = 0, targetSkip = 0 } = own.point ?? {};
  const gates = floats([batch, 1, layers]);
  if (threshold === -Infinity) gates.data.fill(1);
  for (let row = 0; row < batch; row++) {
    const decided = earlier?.gates?.[earlier.shared ? 0 : row];
    if (decided) gates.data.set(decided, row * layers);
  }
  return {
    threshold: floats([], [threshold]),
    targetSkip: floats([], [targetSkip]),
    promptMask: promptMask(sequences, length, routingOf(own).promptTokens),
    gates,
  };
}

/**
 * What a router decides about whole sequences from: their first `count` tokens, or all but the last of
 * shorter ones, so that what follows them is routed. float32 `[B, T]`
 */
function promptMask(
  sequences: readonly Int32Array[],
  length: number,
  count: number,
): FloatTensor {
  const mask = floats([sequences.length, length]);
  sequences.forEach((own, row) => {
    const read = Math.min(count, Math.max(1, own.length - 1));
    mask.data.fill(1, row * length, row * length + read);
  });
  return mask;
}
