/**
 * What a decoder-only language model is to the rest of the system.
 *
 * Letters: B sequences, T tokens, R rows (the tokens that a block computes), S memory positions,
 * D width, V vocabulary. A block is cut in two. `keysValues` makes what other tokens read from this
 * one and is computed for every token, kept or skipped; `block` makes the new state of some rows.
 * Dense execution asks for all rows, gated training blends, compacted inference asks for the kept
 * rows only: the same two functions, the same numbers. Any size may be one that is known only at run
 * time, a number to calculate with like any other (`core/tensor/sizes.ts`).
 */

import { type Node } from "../graph/mod.ts";
import { type Shape } from "../tensor/mod.ts";

/** Sizes of a model, in the words of Hugging Face configurations. */
export interface ModelDims {
  /** V: rows of the embedding, and logits of a token. */
  readonly vocabSize: number;
  /** D: width of the state between blocks. */
  readonly hiddenSize: number;
  /** How many blocks there are. */
  readonly numLayers: number;
  /** Heads of queries. */
  readonly numHeads: number;
  /** Heads of keys and values; a divisor of `numHeads`. */
  readonly numKeyValueHeads: number;
  /** Width of one head. */
  readonly headDim: number;
  /** Longest sequence that positions are defined for, in tokens. */
  readonly maxPositions: number;
}

/** How a parameter is drawn when it is not loaded. */
export type Init =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "constant"; readonly value: number }
  /** Uniform in ±1 / sqrt(fanIn), as PyTorch draws linear layers and PEFT draws LoRA's A. */
  | { readonly kind: "kaimingUniform"; readonly fanIn: number };

/** A parameter: declared here, allocated elsewhere. */
export interface ParamSpec {
  /** As in a checkpoint: matrices of projections are `[out, in]`. */
  readonly shape: Shape;
  /** How its values are drawn where there is no checkpoint. */
  readonly init: Init;
}

/** Parameters by the names they have in a checkpoint. */
export type ParamSpecs = Readonly<Record<string, ParamSpec>>;

/** A low-rank addition to a projection: x W^T + scale (x A^T) B^T. */
export interface Adapter {
  /** `[rank, in]` */
  readonly a: Node;
  /** `[out, rank]` */
  readonly b: Node;
  /** alpha / rank */
  readonly scale: number;
  /** Factors on the adapter's input, `[rows..., in]`: 0 or 1 / (1 - dropout). Absent: none. */
  readonly dropout?: (x: Node) => Node;
}

/** The values of parameters, as nodes. */
export interface Params {
  /** The parameter of this name. @throws {TypeError} when there is none. */
  get(name: string): Node;
  /** Whether there is one (a projection's bias may be absent). */
  has(name: string): boolean;
  /** The adapter beside the projection of this name (without `.weight`), if there is one. */
  adapter(name: string): Adapter | undefined;
}

/** Keys and values of one layer. */
export interface KeysValues {
  /** `[B, kvHeads, S, headDim]`, positions already rotated in. */
  readonly keys: Node;
  /** `[B, kvHeads, S, headDim]` */
  readonly values: Node;
}

/** What rows read from: keys and values of all positions, and who may read which. */
export interface Memory extends KeysValues {
  /** Of positions before these; apart, so that a long cache need not be copied. */
  readonly earlier?: KeysValues;
  /**
   * Added to the scores: 0 where row r may read position s, a large negative number elsewhere. Over
   * the earlier positions first; broadcasts to `[B, heads, R, S]`.
   */
  readonly mask: Node;
  /** Where the rows are a selection, `[N, 1, D]`: how they are sorted by sequence to read. */
  readonly packing?: Packing;
}

/** How a list of N rows is laid out as `[A, K]`: A sequences, each with room for K rows. */
export interface Packing {
  /** int32 `[A, K]`: which row is at each place; a place that is not used repeats some row. */
  readonly index: Node;
  /** int32 `[N]`: the place of each row among the A K places. */
  readonly slots: Node;
}

/** A decoder-only language model, cut at its layer boundaries. */
export interface DecoderModel {
  /** The architecture, such as `"llama"`. */
  readonly name: string;
  /** Its sizes. */
  readonly dims: ModelDims;
  /** Every parameter, by its checkpoint name. */
  params(): ParamSpecs;
  /**
   * What a tensor is that a checkpoint may hold although it is no parameter: a copy of one, or
   * something that is worked out anyway. Undefined: it does not belong to this model.
   */
  redundant?(name: string): { readonly copyOf?: string } | undefined;
  /**
   * How many tokens a token reads in this layer, itself and those right before it; the mask that
   * `block` is given sees to it. Absent or undefined: all before it.
   */
  window?(layer: number): number | undefined;
  /** Names (without `.weight`) of the projections that can carry an adapter, per layer. */
  projections(layer: number): readonly string[];
  /**
   * int32 `[B, T]` at int32 positions `[B, T]` to `[B, T, D]`. Models whose positions are learned add
   * them here; others turn them into keys and queries and leave them alone.
   */
  embed(params: Params, tokens: Node, positions: Node): Node;
  /** State `[B, T, D]` at int32 positions `[B, T]` to what other tokens read of it. */
  keysValues(params: Params, layer: number, hiddenStates: Node, positions: Node): KeysValues;
  /**
   * State of rows `[B, R, D]` at int32 positions `[B, R]` to their new state, residual included. Where
   * the memory has a packing the rows are a selection, `[N, 1, D]`; `attention` knows what to do.
   */
  block(params: Params, layer: number, rows: Node, positions: Node, memory: Memory): Node;
  /** `[..., D]` to logits `[..., V]`, final norm included. */
  head(params: Params, rows: Node): Node;
}

/** A family of models: which checkpoints it reads, and how. */
export interface ModelKind {
  /** What messages call the family, such as `"llama"`. */
  readonly name: string;
  /** Names under `architectures` in a checkpoint's `config.json`. */
  readonly architectures: readonly string[];
  /**
   * The model that a `config.json` describes.
   *
   * @param source where the configuration is from, for messages
   * @throws {UserError} when a field is missing, out of range or not supported.
   */
  fromConfig(config: Readonly<Record<string, unknown>>, source: string): DecoderModel;
}
