/** Runs passes of one model: keeps its programs, and feeds them. */

import { type Feeds, type Program, type WeightFormat } from "../contracts/mod.ts";
import { leadingPrompt, RoutingStatistics } from "../routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, ints, RandomStream } from "../tensor/mod.ts";
import { type InferenceModel, routedLayers, routingOf } from "./inference_model.ts";
import { headGraph, passGraph, type PassKind } from "./pass_graph.ts";

/** Earlier tokens that a pass goes on from. */
export interface Earlier {
  /** Keys and values by the names of `memoryNames`, all with equally many positions. */
  readonly memory: Readonly<Record<string, HostTensor>>;
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
}

/** What a pass gives; the names are those of `passGraph`. */
export type PassOutputs = Readonly<Record<string, HostTensor>>;

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

  /** Runs one pass. */
  async run(inputs: PassInputs): Promise<PassOutputs> {
    const { earlier, answers = "none", keepsMemory = false } = inputs;
    const past = !earlier ? "none" : earlier.shared ? "shared" : "own";
    const program = await this.prepare({ past, answers, keepsMemory });
    const length = Math.max(1, ...inputs.sequences.map((sequence) => sequence.length));
    const outputs = await program.run({
      ...this.#weights,
      ...tokenFeeds(inputs, length),
      ...(earlier
        ? { ...earlier.memory, pastLengths: ints([earlier.lengths.length], earlier.lengths) }
        : {}),
      ...this.#routerFeeds(program, inputs, length),
    });
    this.#count(inputs, length, outputs["gates"]);
    return outputs;
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
    const constants = bakesWeights ? { constants: this.model.weights } : {};
    program = this.model.backend.compile(graph(), {
      ...constants,
      ...(weightFormat ? { weightFormat } : {}),
    });
    this.#programs.set(key, program);
    return program;
  }

  /** The weights that programs are fed with. */
  get #weights(): Feeds {
    return this.options.bakesWeights ? {} : this.model.weights;
  }

  /** Makes the program of a kind of pass ahead of its first use. */
  prepare(kind: PassKind): Promise<Program> {
    const key = `${kind.past} ${kind.answers} ${kind.keepsMemory}`;
    return this.#program(key, () => passGraph(this.model, kind));
  }

  #routerFeeds(program: Program, { sequences, earlier }: PassInputs, length: number): Feeds {
    if (this.#layers === 0) return {};
    const batch = sequences.length;
    const { threshold = 0, targetSkip = 0 } = this.model.point ?? {};
    const gates = floats([batch, 1, this.#layers]);
    if (threshold === -Infinity) gates.data.fill(1);
    for (let row = 0; row < batch; row++) {
      const own = earlier?.gates?.[earlier.shared ? 0 : row];
      if (own) gates.data.set(own, row * this.#layers);
    }
    const noise = () => {
      const random = new RandomStream(this.options.seed ?? 0, "asked", this.#runs++);
      return floats(
        [batch, length, this.#layers],
        Array.from({ length: batch * length * this.#layers }, () => random.uniform()),
      );
    };
    return {
      threshold: floats([], [threshold]),
      targetSkip: floats([], [targetSkip]),
      promptMask: leadingPrompt(batch, length, routingOf(this.model).promptTokens),
      gates,
      ...(program.inputs.has("noise") ? { noise: noise() } : {}),
    };
  }

  #count({ sequences }: PassInputs, length: number, gates: HostTensor | undefined): void {
    const real = (token: number) => token % length < sequences[Math.floor(token / length)]!.length;
    this.tokens += sequences.reduce((sum, sequence) => sum + sequence.length, 0);
    if (gates) this.statistics?.add((gates as FloatTensor).data, [], real);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) await (await program)[Symbol.asyncDispose]();
    this.#programs.clear();
    await this.#full?.[Symbol.asyncDispose]();
  }
}

function tokenFeeds({ sequences, rows = [] }: PassInputs, length: number): Feeds {
  const tokens = ints([sequences.length, length]);
  sequences.forEach((sequence, row) => tokens.data.set(sequence, row * length));
  return {
    tokens,
    lengths: ints([sequences.length], sequences.map((sequence) => sequence.length)),
    rows: ints([rows.length], rows.map(([sequence, token]) => sequence * length + token)),
  };
}
