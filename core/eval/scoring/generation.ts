/**
 * Greedy continuation of prompts with a cache: the prompt is read once, and then every step reads one
 * token and what was kept of the ones before it.
 */

import { type Tokenizer } from "../../io/mod.ts";
import { floats, type FloatTensor, type HostTensor } from "../../tensor/mod.ts";
import { gatesAt, routingOf } from "./asked_model.ts";
import { isMemory } from "./pass.ts";
import { type Passes } from "./passes.ts";
import { roundCount, roundLength, roundPast } from "./plan.ts";

/** When a continuation is over, besides at the end token. */
export interface GenerationLimits {
  /** At the first of these strings, which is cut off. */
  readonly until: readonly string[];
  /** After so many tokens. */
  readonly maxTokens: number;
}

/** A prompt that is being continued. */
interface Line {
  readonly made: number[];
  /** Tokens in the cache. */
  length: number;
  over: boolean;
}

/**
 * The greedy continuation of each prompt, as text without special tokens, cut at the first place of
 * each stop string in turn.
 *
 * @param prompts token ids; each with `maxTokens` no longer than the model reads
 */
export async function generateGreedily(
  passes: Passes,
  tokenizer: Tokenizer,
  prompts: readonly Int32Array[],
  { until, maxTokens }: GenerationLimits,
): Promise<string[]> {
  const stops = [...until];
  const end = tokenizer.eosId;
  if (end !== undefined) {
    const text = tokenizer.decode([end], { keepSpecial: true });
    if (text !== "" && !stops.includes(text)) stops.push(text);
  }
  const lines = await generate(passes, prompts, maxTokens, (made) => {
    if (made.at(-1) === end) return true;
    return stops.some((stop) => tailOf(tokenizer, made, stop).includes(stop));
  });
  return lines.map((made) => {
    let text = tokenizer.decode(made);
    for (const stop of stops) {
      const at = stop === "" ? -1 : text.indexOf(stop);
      if (at >= 0) text = text.slice(0, at);
    }
    return text;
  });
}

/** The text of the last tokens: as many as could hold the stop string. */
function tailOf(tokenizer: Tokenizer, made: readonly number[], stop: string): string {
  const count = Buffer.byteLength(stop) + 2;
  return tokenizer.decode(made.slice(-count), { keepSpecial: true });
}

/** The likeliest next tokens, until each line is over. */
async function generate(
  passes: Passes,
  prompts: readonly Int32Array[],
  maxTokens: number,
  isOver: (made: readonly number[]) => boolean,
): Promise<readonly number[][]> {
  const { model } = passes.asked.student;
  const batch = roundCount(prompts.length);
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const length = Math.min(roundLength(longest), model.dims.maxPositions);
  const read = await passes.run({
    batch,
    length,
    past: 0,
    ownPast: true,
    rows: batch,
    answers: "logits",
    keepsMemory: true,
  }, {
    sequences: prompts,
    rows: prompts.map((prompt, row) => row * length + prompt.length - 1),
  });
  const decided = routingOf(passes.asked).promptTokens > 0 ? read["gates"] : undefined;
  const gates = decided &&
    prompts.map((prompt, row) => gatesAt(decided, row * length + prompt.length - 1));
  const cache = new Cache(
    read,
    batch,
    Math.min(roundPast(longest + maxTokens), model.dims.maxPositions),
  );
  const lines = prompts.map((prompt): Line => ({ made: [], length: prompt.length, over: false }));
  let logits = read["logits"]!;
  for (let step = 0; step < maxTokens; step++) {
    lines.forEach((line, row) => {
      if (line.over) return;
      line.made.push(likeliest(logits, row));
      line.over = isOver(line.made);
    });
    if (step + 1 === maxTokens || lines.every(({ over }) => over)) break;
    const next = await passes.run({
      batch,
      length: 1,
      past: cache.positions,
      ownPast: true,
      rows: batch,
      answers: "logits",
      keepsMemory: true,
    }, {
      sequences: lines.map(({ made, over }) => Int32Array.from(over ? [] : made.slice(-1))),
      rows: lines.map((_, row) => row),
      earlier: {
        memory: cache.memory,
        lengths: lines.map((line) => line.length),
        ...(gates ? { gates } : {}),
      },
    });
    lines.forEach((line, row) => {
      if (!line.over) cache.append(next, row, line.length++);
    });
    logits = next["logits"]!;
  }
  return lines.map(({ made }) => made);
}

/** The first of the largest logits of a row. */
function likeliest({ data, shape }: HostTensor, row: number): number {
  const vocabulary = shape[1]!;
  const start = row * vocabulary;
  let best = 0;
  for (let id = 1; id < vocabulary; id++) {
    if (data[start + id]! > data[start + best]!) best = id;
  }
  return best;
}

/** Keys and values of lines that grow. */
class Cache {
  readonly memory: Record<string, FloatTensor> = {};

  /**
   * @param outputs of a pass that keeps its memory
   * @param positions how many each line has room for
   */
  constructor(
    outputs: Readonly<Record<string, HostTensor>>,
    batch: number,
    readonly positions: number,
  ) {
    for (const [name, own] of Object.entries(outputs)) {
      if (!isMemory(name)) continue;
      const [, heads, length, width] = own.shape as [number, number, number, number];
      const grown = floats([batch, heads, positions, width]);
      const kept = Math.min(length, positions) * width;
      for (let i = 0; i < batch * heads; i++) {
        const start = i * length * width;
        const rows = (own.data as Float32Array).subarray(start, start + kept);
        grown.data.set(rows, i * positions * width);
      }
      this.memory[name] = grown;
    }
  }

  /** Notes one more token of a line. */
  append(outputs: Readonly<Record<string, HostTensor>>, row: number, position: number): void {
    for (const [name, grown] of Object.entries(this.memory)) {
      const [, heads, , width] = grown.shape as [number, number, number, number];
      const own = outputs[name]!.data as Float32Array;
      for (let head = 0; head < heads; head++) {
        const from = (row * heads + head) * width;
        grown.data.set(
          own.subarray(from, from + width),
          ((row * heads + head) * this.positions + position) * width,
        );
      }
    }
  }
}
