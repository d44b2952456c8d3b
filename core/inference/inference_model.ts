/** A model that is run: weights, perhaps adapters, perhaps a router. */

import { type Backend, type Feeds, type Params } from "../contracts/mod.ts";
import { input, type Node } from "../graph/mod.ts";
import {
  baseNodes,
  type BasePrecision,
  inputNodes,
  loraAdapters,
  loraParams,
  ParamNodes,
} from "../nn/mod.ts";
import { type FixedGates, type OperatingPoint, type Routing, siteOf } from "../routing/mod.ts";
import { type HostTensor } from "../tensor/mod.ts";
import { bypassOf, routingNodes, routingParams, type StudentOptions } from "../train/mod.ts";

/**
 * - `base`: the frozen model alone
 * - `fullDepth`: with its adapters, every layer
 * - `routed`: with its adapters, the layers that its router chooses
 */
export type Depth = "base" | "fullDepth" | "routed";

/** What is run. */
export interface InferenceModel {
  readonly backend: Backend;
  /** Sizes of batches in it are not used. Without adapters its model's weights are as they are. */
  readonly student: Omit<StudentOptions, "batchSize" | "sequenceLength">;
  readonly depth: Depth;
  /** Frozen and trained parameters, by name. */
  readonly weights: Feeds;
  /** Where the router works; needed for `routed`. */
  readonly point?: OperatingPoint;
}

/** What the router that decides about these answers asks for; without one nothing. */
export function routingOf(own: InferenceModel) {
  const router = own.depth === "routed" ? own.student.router?.router : undefined;
  return {
    /** Leading tokens that it decides from; its decision holds for all that come later. */
    promptTokens: router?.promptTokens ?? 0,
    /** Whether what it decides about a token is the same whatever comes after, and each time. */
    sharesPrefixes: router?.causal !== false && router?.decidesBy !== "chance",
  };
}

/** How many layers the router decides about; 0 without one. */
export function routedLayers({ depth, student: { model, router } }: InferenceModel): number {
  return depth === "routed" && router ? siteOf(model, router.anchorLayers).routableLayers : 0;
}

/** What a router decided for the token at a place, among gates `[B, T, L']`. */
export function gatesAt(gates: HostTensor, token: number): Float32Array {
  const layers = gates.shape[2]!;
  return (gates.data as Float32Array).slice(token * layers, (token + 1) * layers);
}

/** What a router decided for the last token of each sequence, among gates `[B, T, L']`. */
export function lastGates(gates: HostTensor, sequences: readonly Int32Array[]): Float32Array[] {
  const length = gates.shape[1]!;
  return sequences.map((own, row) => gatesAt(gates, row * length + own.length - 1));
}

/** The parameters and gates of a pass over tokens `[B, T]`. */
export interface InferenceNodes {
  readonly params: Params;
  readonly routing?: Routing | FixedGates;
}

/**
 * Nodes for one pass.
 *
 * @param decided the gates were decided earlier, and are fed as `gates` `[B, 1, L']`
 */
export function inferenceNodes(
  own: InferenceModel,
  [batch, length]: readonly [number, number],
  decided: boolean,
): InferenceNodes {
  const { model, router } = own.student;
  const params = paramNodes(own);
  if (own.depth !== "routed" || !router) return { params };
  if (!decided) {
    return { params, routing: routingNodes(model, router, params, [batch, length], "eval") };
  }
  const gates = input("gates", [batch, 1, routedLayers(own)]);
  const { anchorLayers } = router;
  return { params, routing: { gates, anchorLayers, ...bypassOf(router, params) } };
}

function paramNodes({ depth, student }: InferenceModel): ParamNodes {
  const { model, lora } = student;
  const precision: BasePrecision = student.basePrecision ?? "float32";
  const base = baseNodes(model, precision) as Record<string, Node>;
  if (depth === "base") return new ParamNodes(base);
  const adapters = lora ? inputNodes(loraParams(model, lora)) : {};
  const routing = inputNodes(routingParams({ ...student, batchSize: 1, sequenceLength: 1 }));
  const params = new ParamNodes({ ...base, ...adapters, ...routing });
  return lora ? params.withAdapters(loraAdapters(model, lora, adapters, false)) : params;
}
