/** A router on a small site, with values for everything it may read. */

import { type Decision, type Router, type Site } from "../../contracts/mod.ts";
import { type Node } from "../../graph/mod.ts";
import { initialize } from "../../nn/mod.ts";
import { floats, type FloatTensor, type HostTensor } from "../../tensor/mod.ts";
import { moved, normal, uniform } from "../drawn.ts";
import { type Evaluate } from "../oracle.ts";
import { decisionOf, partsOf } from "./context.ts";

/** Where the router sits. */
export const SITE: Site = { hiddenSize: 8, anchorLayers: 2, routableLayers: 3 };
/** Sequences, and tokens of each. */
export const [BATCH, LENGTH] = [3, 6];
/** Of the state that it reads. */
export const STATE_SHAPE = [BATCH, LENGTH, SITE.hiddenSize];
/** Of the noise that it is given. */
export const NOISE_SHAPE = [BATCH, LENGTH, SITE.routableLayers];

/** Real tokens of each sequence; the others are padding. */
const REAL = [6, 5, 3];
/** Tokens of each sequence's prompt. That of the last one reaches into the padding. */
const PROMPT = [2, 3, 4];

/** All tokens of the batch, by number. */
export const TOKENS = Array.from({ length: BATCH * LENGTH }, (_, token) => token);
/** Which sequence a token is of. */
export const sequenceOf = (token: number) => Math.floor(token / LENGTH);
/** Whether it is no padding. */
export const real = (token: number) => token % LENGTH < REAL[sequenceOf(token)]!;
/** Whether it is of its sequence's prompt. */
export const inPrompt = (token: number) => token % LENGTH < PROMPT[sequenceOf(token)]!;

/** `tensor` with the values of the tokens that `which` picks taken from `other`. */
export function exchanged(
  tensor: HostTensor,
  other: HostTensor,
  which: (token: number) => boolean,
): FloatTensor {
  const width = tensor.shape[2]!;
  const pick = (x: number, i: number) => which(Math.floor(i / width)) ? other.data[i]! : x;
  return floats(tensor.shape, Array.from(tensor.data, pick));
}

/** An entry of a decision for one token: of gates or logits, or of a whole sequence's number. */
export function ofToken({ shape, data }: HostTensor, token: number): number[] {
  if (shape.length === 1) return [data[sequenceOf(token)]!];
  const [batch, rows, width] = shape as [number, number, number];
  const sequence = batch === 1 ? 0 : sequenceOf(token);
  const row = sequence * rows + (rows === 1 ? 0 : token % LENGTH);
  return [...data.slice(row * width, (row + 1) * width)];
}

/** A router's decision in both modes, and values. */
export class RouterSetup {
  /** The router's parameters as its graphs read them. */
  readonly params: readonly string[];
  readonly train: Decision;
  readonly evaluation: Decision;
  readonly feeds: Readonly<Record<string, HostTensor>>;

  constructor(readonly router: Router, private readonly evaluate: Evaluate) {
    const specs = router.params(SITE);
    this.params = Object.keys(specs);
    this.train = decisionOf(router, "train", [BATCH, LENGTH], SITE);
    this.evaluation = decisionOf(router, "eval", [BATCH, LENGTH], SITE);
    const mask = (which: (token: number) => boolean) =>
      floats([BATCH, LENGTH], TOKENS.map((token) => which(token) ? 1 : 0));
    this.feeds = {
      ...moved(initialize(specs, 7), 0.5),
      state: normal(STATE_SHAPE, "state"),
      noise: uniform(NOISE_SHAPE, "noise"),
      temperature: floats([], [0.8]),
      threshold: floats([], [0]),
      targetSkip: floats([], [0.4]),
      tokenMask: mask(real),
      promptMask: mask(inPrompt),
    };
  }

  /** The decisions of both modes, under names of their own. */
  get parts(): Record<string, Node> {
    const named = (mode: string, decision: Decision) =>
      Object.entries(partsOf(decision)).map(([name, node]) => [`${mode} ${name}`, node] as const);
    return Object.fromEntries([
      ...named("train", this.train),
      ...named("eval", this.evaluation),
    ]);
  }

  /** Values of nodes, with some feeds replaced. */
  values<Name extends string>(
    nodes: Readonly<Record<Name, Node>>,
    changes: Readonly<Record<string, HostTensor>> = {},
  ): Record<Name, HostTensor> {
    return this.evaluate(nodes, { ...this.feeds, ...changes });
  }
}
