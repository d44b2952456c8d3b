/** Runs passes: keeps the programs of the sizes that come up, and feeds them. */

import { type Feeds, type Program } from "../../contracts/mod.ts";
import { MASKED } from "../../nn/mod.ts";
import { leadingPrompt, RoutingStatistics } from "../../routing/mod.ts";
import { floats, type FloatTensor, type HostTensor, ints, RandomStream } from "../../tensor/mod.ts";
import { gateNoise } from "../../train/mod.ts";
import { type AskedModel, routedLayers, routingOf } from "./asked_model.ts";
import { passGraph, type PassShape } from "./pass.ts";

/** Earlier tokens that a pass goes on from. */
export interface Earlier {
  /** Keys and values by the names of `memoryNames`, each with `past` positions. */
  readonly memory: Feeds;
  /** How many of them count, for each sequence, or for the one that all share. */
  readonly lengths: readonly number[];
  /** Gates of a router that has decided already, `[L']` for each sequence or for all. */
  readonly gates?: readonly Float32Array[];
}

/** What goes into a pass. Sequences are padded at their end. */
export interface PassInputs {
  readonly sequences: readonly Int32Array[];
  /** Places of the scored tokens, in all sequences laid end to end at the pass's length. */
  readonly rows?: readonly number[];
  readonly targets?: readonly number[];
  readonly earlier?: Earlier;
}

/** Programs that are kept; more sizes than that rarely come up together. */
const MOST_PROGRAMS = 128;

/** Compiles and runs passes of one model. */
export class Passes implements AsyncDisposable {
  readonly #programs = new Map<string, Program>();
  readonly #layers: number;
  #runs = 0;
  /** What the router did, over all tokens that were computed; absent without one. */
  statistics: RoutingStatistics | undefined;
  /** Tokens that were computed, padding not counted. */
  tokens = 0;

  constructor(readonly asked: AskedModel, private readonly seed = 0) {
    this.#layers = routedLayers(asked);
    this.resetCounts();
  }

  /** Begins to count tokens and gates anew. */
  resetCounts(): void {
    const { router } = this.asked.student;
    this.tokens = 0;
    this.statistics = this.#layers > 0 && router
      ? new RoutingStatistics(this.#layers, router.anchorLayers)
      : undefined;
  }

  /** Runs one pass; the outputs are those of `passGraph`. */
  async run(shape: PassShape, inputs: PassInputs): Promise<Record<string, HostTensor>> {
    const program = await this.#program(shape);
    const outputs = await program.run({
      ...this.asked.weights,
      ...this.#tokenFeeds(shape, inputs),
      ...this.#earlierFeeds(shape, inputs),
      ...this.#routerFeeds(program, shape, inputs),
    });
    this.#count(shape, inputs, outputs["gates"]);
    return outputs;
  }

  async #program(shape: PassShape): Promise<Program> {
    const key = Object.values(shape).join(" ");
    let program = this.#programs.get(key);
    if (program) {
      this.#programs.delete(key);
    } else {
      const graph = passGraph(this.asked, shape);
      program = await this.asked.backend.compile(graph, { fewRuns: true }) as Program;
      const oldest = this.#programs.size < MOST_PROGRAMS ? undefined : [...this.#programs][0];
      if (oldest) {
        this.#programs.delete(oldest[0]);
        await oldest[1][Symbol.asyncDispose]();
      }
    }
    this.#programs.set(key, program);
    return program;
  }

  #tokenFeeds({ batch, length, rows }: PassShape, inputs: PassInputs): Feeds {
    const tokens = ints([batch, length]);
    const mask = floats([batch, length]);
    inputs.sequences.forEach((sequence, row) => {
      tokens.data.set(sequence, row * length);
      mask.data.fill(1, row * length, row * length + sequence.length);
    });
    const padded = (values: readonly number[] = []) =>
      ints([rows], Array.from({ length: rows }, (_, i) => values[i] ?? 0));
    return {
      tokens,
      tokenMask: mask,
      rows: padded(inputs.rows),
      targets: padded(inputs.targets),
    };
  }

  #earlierFeeds({ batch, length, past, ownPast }: PassShape, { earlier }: PassInputs): Feeds {
    if (!earlier) return {};
    const owners = ownPast ? batch : 1;
    const lengthOf = (row: number) => earlier.lengths[ownPast ? row : 0] ?? 0;
    const last = Math.min(past + length, this.asked.student.model.dims.maxPositions) - 1;
    const positions = ints([batch, length]);
    positions.data.forEach((_, i) => {
      positions.data[i] = Math.min(last, lengthOf(Math.floor(i / length)) + i % length);
    });
    const mask = floats([owners, 1, length, past + length]);
    for (let row = 0; row < owners; row++) {
      for (let token = 0; token < length; token++) {
        const start = (row * length + token) * (past + length);
        mask.data.fill(MASKED, start + lengthOf(row), start + past);
        mask.data.fill(MASKED, start + past + token + 1, start + past + length);
      }
    }
    return { ...earlier.memory, positions, mask };
  }

  #routerFeeds(program: Program, shape: PassShape, { earlier }: PassInputs): Feeds {
    if (this.#layers === 0) return {};
    const { batch, length, ownPast } = shape;
    const { threshold = 0, targetSkip = 0 } = this.asked.point ?? {};
    const gates = floats([batch, 1, this.#layers]);
    for (let row = 0; row < batch; row++) {
      const own = earlier?.gates?.[ownPast ? row : 0];
      if (own) gates.data.set(own, row * this.#layers);
    }
    return {
      threshold: floats([], [threshold]),
      targetSkip: floats([], [targetSkip]),
      promptMask: leadingPrompt(batch, length, routingOf(this.asked).promptTokens),
      gates,
      ...gateNoise(program, new RandomStream(this.seed, "asked", this.#runs++)),
    };
  }

  #count({ length }: PassShape, { sequences }: PassInputs, gates: HostTensor | undefined): void {
    const real = (token: number) =>
      token % length < (sequences[Math.floor(token / length)]?.length ?? 0);
    this.tokens += sequences.reduce((sum, sequence) => sum + sequence.length, 0);
    if (gates) this.statistics?.add((gates as FloatTensor).data, [], real);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) await program[Symbol.asyncDispose]();
    this.#programs.clear();
  }
}
