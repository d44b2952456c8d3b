/**
 * What decides which blocks a token runs. A router sees one hidden state, never a model: it is told
 * a width and a number of blocks, and nothing in its signature could answer more.
 */

import { type Node } from "../graph/mod.ts";
import { type Params, type ParamSpecs } from "./model.ts";
import { type ObjectSchema } from "./schema.ts";

/** Where a router sits. */
export interface Site {
  /** Width of the state it reads. */
  readonly hiddenSize: number;
  /** How many blocks run before it, always. */
  readonly anchorLayers: number;
  /** How many blocks it may skip. */
  readonly routableLayers: number;
}

/** What a decision may depend on besides the state. */
export type DecideContext =
  & {
    /** float32 `[B, T]`: 1 for real tokens, 0 for padding. */
    readonly tokenMask: Node;
    /**
     * float32 `[B, T]`: 1 for the leading tokens that were there before the model had to say
     * anything. A decision about a whole sequence may read these and no others, and cannot hold for
     * them, as a token of the prompt would see later ones through it. Also 1 for padding where a
     * sequence is shorter than that: what is read is the product with `tokenMask`.
     */
    readonly promptMask: Node;
    /**
     * Uniform noise in (0, 1), `[B, T, L']`, drawn outside so that a step can be repeated. In
     * evaluation only a router that is random by nature reads it.
     */
    readonly noise: Node;
    /** Scalar: the share of routable token-block pairs that is meant to be skipped. */
    readonly targetSkip: Node;
  }
  & (
    | {
      readonly mode: "train";
      /** Scalar: how soft the relaxed gates are. */
      readonly temperature: Node;
    }
    | {
      readonly mode: "eval";
      /** Scalar: a block runs where its logit is above it. */
      readonly threshold: Node;
    }
  );

/** A router's answer. */
export interface Decision {
  /**
   * 0 or 1, 1 runs the block: `[B, T, L']`, `[B, 1, L']` for whole sequences, `[1, 1, L']` for all.
   * Gates that are a constant are known when the graph is built: blocks that nothing runs are left
   * out of it.
   */
  readonly gates: Node;
  /**
   * Log-odds of running each block, before noise, of the same shape. Absent where nothing graded
   * stands behind the gates; they have no threshold then, and no price of depth.
   */
  readonly logits?: Node;
  /** Factor on what a block that runs adds to the state, `[1, 1, L']`; absent: 1. */
  readonly survivalScale?: Node;
  /** `[B]`: log-probability of each sequence's gates, for training by policy gradient. */
  readonly logProbability?: Node;
  /** Scalar, added to the training loss as it is. */
  readonly penalty?: Node;
}

/** Decides, from the state after the anchor layers, which of the other blocks to run. */
export interface Router {
  /** Name of its kind. */
  readonly name: string;
  /** What the gates come from: the state, a coin, or neither. Controls make sense accordingly. */
  readonly decidesBy: "state" | "chance" | "rule";
  /**
   * False where a decision depends on later tokens: losses under it are no measure of a language
   * model, which has to go without them. `"evaluation"`: in training only it does, as where the blocks
   * choose their tokens out of a whole sequence.
   */
  readonly causal?: false | "evaluation";
  /** Leading tokens that count as prompt where none is given; 0 unless told. */
  readonly promptTokens?: number;
  /** What it learns, by names of its own; `{}` where it learns nothing. */
  params(site: Site): ParamSpecs;
  /**
   * Gates for every token and block, as nodes.
   *
   * `anchor` is `[B, T, D]`, detached from the model. In eval mode the gates of a router that decides
   * by the state or by a rule are deterministic.
   */
  decide(params: Params, anchor: Node, site: Site, context: DecideContext): Decision;
}

/** A kind of router: its options, and how to make one from them. */
export interface RouterKind<Options = unknown> {
  /** What `router.name` in a configuration calls it. */
  readonly name: string;
  /** One line for `--help`. */
  readonly description: string;
  /** What may stand beside `name` in the configuration's `router` section. */
  readonly options: ObjectSchema<Options>;
  /**
   * A router of this kind.
   *
   * @param options checked by {@link options}
   * @throws {UserError} for options that make no sense together.
   */
  create(options: Options): Router;
}
