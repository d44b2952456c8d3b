/** The model that is checked, with drawn parameters. */

import { type Backend, type DecoderModel } from "../../contracts/mod.ts";
import { type Node } from "../../graph/mod.ts";
import { type TensorSource } from "../../io/mod.ts";
import { inputNodes, ParamNodes, type Weights } from "../../nn/mod.ts";
import { type FixedGates, forward, type PassOptions } from "../../routing/mod.ts";
import { type HostTensor } from "../../tensor/mod.ts";
import { largestOf } from "../closeness.ts";
import { drawParams, drawTokens } from "../drawn.ts";
import { type HostFeeds, type Oracle } from "../oracle.ts";
import { type Figure } from "../promise.ts";

/** Logits that other software has made of tokens. */
export interface Goldens {
  /** int32 `[B, T]` */
  readonly tokens: HostTensor;
  /** float32 `[B, T, V]` */
  readonly logits: HostTensor;
}

/** A checkpoint with the model that its configuration describes. */
export interface Checkpoint {
  /** The model at its full size. */
  readonly model: DecoderModel;
  /** The tensors of its files. */
  readonly weights: TensorSource;
}

/** Runs an exported file as other software would: values of its outputs. */
export type RunExported = (bytes: Uint8Array, feeds: HostFeeds) => Promise<
  Readonly<Record<string, HostTensor>>
>;

/** A model to be checked. */
export interface ModelSubject {
  /** The architecture at a size that an interpreter can run; its parameters are drawn. */
  readonly model: DecoderModel;
  /** What its numbers are held against. */
  readonly oracle: Oracle;
  /** Runs what its backend exports; absent: the file is made, and not run. */
  readonly runExported?: RunExported | undefined;
  /** A backend that it is run on besides, and exported from; whoever opened it disposes of it. */
  readonly backend?: Backend | undefined;
  /** A checkpoint whose names and shapes are checked as well. */
  readonly checkpoint?: Checkpoint | undefined;
  /** What other software made of the checkpoint. */
  readonly goldens?: Goldens | undefined;
}

/** Rounding of float64, of numbers of order one, through a whole model. */
const EXACT = 1e-9;

/** Sequences of a batch, and the most tokens of each. */
export const BATCH = 3;
const LENGTH = 7;

/** A model with drawn parameters, and values of its passes. */
export class ModelSetup {
  readonly model: DecoderModel;
  readonly weights: Weights;
  readonly params: ParamNodes;
  /** Tokens of a sequence. */
  readonly length: number;
  /** Leading blocks that always run. */
  readonly anchorLayers: number;

  constructor(readonly subject: ModelSubject) {
    const { model } = subject;
    const specs = model.params();
    this.model = model;
    this.weights = drawParams(specs);
    this.params = new ParamNodes(inputNodes(specs));
    this.length = Math.min(LENGTH, model.dims.maxPositions);
    this.anchorLayers = Math.min(1, model.dims.numLayers - 1);
  }

  /** How many blocks may be skipped. */
  get routableLayers(): number {
    return this.model.dims.numLayers - this.anchorLayers;
  }

  /** Drawn tokens. */
  tokens(batch = BATCH, length = this.length, name?: string): HostTensor {
    return drawTokens([batch, length], this.model.dims.vocabSize, name);
  }

  /** Logits `[B, T, V]` of a pass over `tokens`, which may go by gates. */
  logits(tokens: Node, gates?: FixedGates, options?: PassOptions, params = this.params): Node {
    const { hiddenStates } = forward(this.model, params, tokens, gates, options);
    return this.model.head(params, hiddenStates);
  }

  /** Values of nodes in float64. */
  values<Name extends string>(
    nodes: Readonly<Record<Name, Node>>,
    feeds: HostFeeds,
  ): Record<Name, HostTensor> {
    return this.subject.oracle.evaluate(nodes, { ...this.weights, ...feeds });
  }
}

/** Logits `[T, V]` of some tokens of a sequence, from logits `[B, T, V]`. */
export function part(
  { dtype, shape, data }: HostTensor,
  sequence: number,
  start = 0,
  end = shape[1]!,
): HostTensor {
  const [, length, width] = shape as [number, number, number];
  const row = sequence * length;
  return {
    dtype,
    shape: [end - start, width],
    data: data.slice((row + start) * width, (row + end) * width),
  };
}

/** A difference of logits as a figure; what is allowed grows with their size. */
export function figure(value: number, logits: HostTensor, bound = EXACT): Figure {
  return { what: "max difference", value, bound: bound * Math.max(1, largestOf(logits)) };
}
