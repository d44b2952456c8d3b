/**
 * What decides which blocks a token runs. A router sees one hidden state, never a model: it is told
 * a width and a number of blocks, and nothing in its signature could answer more.
 */

import { type ZodType } from "zod";
import { type Node } from "../graph/mod.ts";
import { type Params, type ParamSpecs } from "./model.ts";

/** Where a router sits. */
export interface Site {
  /** Width of the state it reads. */
  readonly hiddenSize: number;
  /** How many blocks it may skip. */
  readonly routableLayers: number;
}

/** What a decision may depend on besides the state. */
export type DecideContext =
  | {
    readonly mode: "train";
    /** Scalar: how soft the relaxed gates are. */
    readonly temperature: Node;
    /** Uniform noise in (0, 1), `[B, T, L']`, drawn outside so that a step can be repeated. */
    readonly noise: Node;
    /** float32 `[B, T]`: 1 for real tokens, 0 for padding. */
    readonly tokenMask: Node;
  }
  | {
    readonly mode: "eval";
    /** Scalar: a block runs where its logit is above it. */
    readonly threshold: Node;
    /** float32 `[B, T]`: 1 for real tokens, 0 for padding. */
    readonly tokenMask: Node;
  };

/** A router's answer. */
export interface Decision {
  /** `[B, T, L']` (or `[B, 1, L']` for a whole sequence), 0 or 1: 1 runs the block. */
  readonly gates: Node;
  /** Same shape: log-odds of running each block, before noise. */
  readonly logits: Node;
  /** Scalar, added to the training loss as it is. */
  readonly penalty?: Node;
}

/** Decides, from the state after the anchor layers, which of the other blocks to run. */
export interface Router {
  readonly name: string;
  params(site: Site): ParamSpecs;
  /** `anchor` is `[B, T, D]`, detached from the model. In eval mode the gates are deterministic. */
  decide(params: Params, anchor: Node, site: Site, context: DecideContext): Decision;
}

/** A kind of router: its options, and how to make one from them. */
export interface RouterKind<Options = unknown> {
  readonly name: string;
  /** One line for `--help`. */
  readonly description: string;
  /** What may stand beside `name` in the configuration's `router` section. */
  readonly options: ZodType<Options>;
  create(options: Options): Router;
}
