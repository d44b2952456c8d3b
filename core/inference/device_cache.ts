/** Keys and values of texts that grow, where they are made: on a device with memory of its own. */

import { type DeviceTensor, type Feeds, type ModelDims, type Program } from "../contracts/mod.ts";
import { concat, gatherRows, input, type Node, putRows, reshape, shapeOf } from "../graph/mod.ts";
import { floats, type HostTensor, ints, runtimeSize } from "../tensor/mod.ts";
import { checkRoom, roomFor, type TextCache } from "./cache.ts";
import { memoryNames } from "./pass_graph.ts";

/** Sizes of the cache's programs: texts, positions there is room for, those that are new, and rows moved. */
const TEXTS = runtimeSize("texts of a cache");
const ROOM = runtimeSize("room of a cache");
const MADE = runtimeSize("made for a cache");
const MOVED = runtimeSize("moved to a cache");
const MORE = runtimeSize("more room of a cache");
const KEPT = runtimeSize("texts kept of a cache");

/** Makes the program of this name, or finds it where it was made before. */
export type PrepareProgram = (name: string, graph: () => Record<string, Node>) => Promise<Program>;

/** As `KeyValueCache`, but nothing of it comes to the host. */
export class DeviceCache implements TextCache {
  readonly memory: Record<string, HostTensor | DeviceTensor> = {};
  readonly lengths: number[];
  #capacity = 0;

  constructor(
    batch: number,
    private readonly dims: ModelDims,
    private readonly prepare: PrepareProgram,
  ) {
    this.lengths = new Array<number>(batch).fill(0);
    for (let layer = 0; layer < dims.numLayers; layer++) {
      for (const name of Object.values(memoryNames(layer))) {
        this.memory[name] = floats([batch, dims.numKeyValueHeads, 0, dims.headDim]);
      }
    }
  }

  async append(
    made: Readonly<Record<string, HostTensor | DeviceTensor>>,
    counts: readonly number[],
  ): Promise<void> {
    const longest = Math.max(...this.lengths.map((length, text) => length + counts[text]!));
    checkRoom(longest, this.dims);
    if (longest > this.#capacity) await this.#grow(longest);
    // A pass may leave out a layer altogether.
    const names = Object.keys(this.memory).filter((name) => made[name]);
    if (names.length > 0) await this.#write(names, made, counts);
    counts.forEach((count, text) => this.lengths[text]! += count);
  }

  async #write(
    names: readonly string[],
    made: Readonly<Record<string, HostTensor | DeviceTensor>>,
    counts: readonly number[],
  ): Promise<void> {
    const { from, to } = this.#moves(counts, shapeOfTensor(made[names[0]!]!)[2]!);
    const feeds: Record<string, HostTensor | DeviceTensor> = {
      from: ints([from.length], from),
      to: ints([to.length], to),
    };
    for (const name of names) feeds[`made.${name}`] = made[name]!;
    await this.#replace(names, feeds, `append ${names}`, () => this.#appendGraph(names));
    for (const name of names) dispose(made[name]!);
  }

  async select(texts: readonly number[]): Promise<void> {
    const names = Object.keys(this.memory);
    await this.#replace(names, { texts: ints([texts.length], texts) }, "select", () => {
      const texts = input("texts", [KEPT], "int32");
      return this.#forEach(names, (old) => gatherRows(old, texts));
    });
    this.lengths.splice(0, this.lengths.length, ...texts.map((text) => this.lengths[text]!));
  }

  /** Makes room for `positions`. */
  async #grow(positions: number): Promise<void> {
    const capacity = roomFor(positions, this.dims);
    const { numKeyValueHeads: heads, headDim } = this.dims;
    const names = Object.keys(this.memory);
    const more = floats([this.lengths.length, heads, capacity - this.#capacity, headDim]);
    await this.#replace(names, { more }, "grow", () => {
      const more = input("more", [TEXTS, heads, MORE, headDim]);
      return this.#forEach(names, (old) => concat([old, more], 2));
    });
    this.#capacity = capacity;
  }

  /** Rows of what was made, by their place there, and the places that they get. */
  #moves(counts: readonly number[], length: number): { from: number[]; to: number[] } {
    const { numKeyValueHeads: heads } = this.dims;
    const [from, to]: [number[], number[]] = [[], []];
    counts.forEach((count, text) => {
      for (let row = text * heads; row < (text + 1) * heads; row++) {
        for (let token = 0; token < count; token++) {
          from.push(row * length + token);
          to.push(row * this.#capacity + this.lengths[text]! + token);
        }
      }
    });
    return { from, to };
  }

  #appendGraph(names: readonly string[]): Record<string, Node> {
    const { numKeyValueHeads: heads, headDim } = this.dims;
    const [from, to] = [input("from", [MOVED], "int32"), input("to", [MOVED], "int32")];
    return this.#forEach(names, (old, name) => {
      const made = input(`made.${name}`, [TEXTS, heads, MADE, headDim]);
      const rows = gatherRows(reshape(made, [TEXTS * heads * MADE, headDim]), from);
      const all = reshape(old, [TEXTS * heads * ROOM, headDim]);
      return reshape(putRows(all, to, rows), shapeOf(old));
    });
  }

  #forEach(names: readonly string[], change: (old: Node, name: string) => Node) {
    const { numKeyValueHeads: heads, headDim } = this.dims;
    return Object.fromEntries(
      names.map((name) => [name, change(input(name, [TEXTS, heads, ROOM, headDim]), name)]),
    );
  }

  /** Has a program make the memory of these names anew. */
  async #replace(
    names: readonly string[],
    feeds: Feeds,
    what: string,
    graph: () => Record<string, Node>,
  ): Promise<void> {
    const program = await this.prepare(`cache ${what}`, graph);
    const changed = await program.runKeeping!({ ...this.memory, ...feeds }, () => true);
    for (const name of names) {
      dispose(this.memory[name]!);
      this.memory[name] = changed[name]!;
    }
  }

  [Symbol.dispose](): void {
    for (const tensor of Object.values(this.memory)) dispose(tensor);
  }
}

function shapeOfTensor(tensor: HostTensor | DeviceTensor) {
  return "type" in tensor ? tensor.type.shape : tensor.shape;
}

function dispose(tensor: HostTensor | DeviceTensor): void {
  if ("type" in tensor) tensor[Symbol.dispose]();
}
