/** A model that questions are put to: frozen weights, perhaps adapters, perhaps a router. */

import { type Backend, type Feeds, type Params } from "../../contracts/mod.ts";
import { input, type Node } from "../../graph/mod.ts";
import { baseNodes, type BasePrecision, ParamNodes } from "../../nn/mod.ts";
import { type FixedGates, type Routing, siteOf } from "../../routing/mod.ts";
import { type HostTensor } from "../../tensor/mod.ts";
import { bypassOf, routingNodes, studentNodes, type StudentOptions } from "../../train/mod.ts";
import { type OperatingPoint } from "../evaluator.ts";

/**
 * - `base`: the frozen model alone
 * - `fullDepth`: with its adapters, every layer
 * - `routed`: with its adapters, the layers that its router chooses
 */
export type Depth = "base" | "fullDepth" | "routed";

/** What answers. */
export interface AskedModel {
  readonly backend: Backend;
  /** Sizes of batches in it are not used. */
  readonly student: Omit<StudentOptions, "batchSize" | "sequenceLength">;
  readonly depth: Depth;
  /** Frozen and trained parameters, by name. */
  readonly weights: Feeds;
  /** Where the router works; needed for `routed`. */
  readonly point?: OperatingPoint;
}

/** What the router that decides about these answers asks for; without one nothing. */
export function routingOf(asked: AskedModel) {
  const router = asked.depth === "routed" ? asked.student.router?.router : undefined;
  return {
    /** Leading tokens that it decides from; its decision holds for all that come later. */
    promptTokens: router?.promptTokens ?? 0,
    /** Whether what it decides about a token is the same whatever comes after, and each time. */
    sharesPrefixes: router?.causal !== false && router?.decidesBy !== "chance",
  };
}

/** How many layers the router decides about; 0 without one. */
export function routedLayers({ depth, student: { model, router } }: AskedModel): number {
  return depth === "routed" && router ? siteOf(model, router.anchorLayers).routableLayers : 0;
}

/** What a router decided for the token at a place, among gates `[B, T, L']`. */
export function gatesAt(gates: HostTensor, token: number): Float32Array {
  const layers = gates.shape[2]!;
  return (gates.data as Float32Array).slice(token * layers, (token + 1) * layers);
}

/** The parameters and gates of a pass over tokens `[B, T]`. */
export interface AskedNodes {
  readonly params: Params;
  readonly routing?: Routing | FixedGates;
}

/**
 * Nodes for one pass.
 *
 * @param decided the gates were decided earlier, and are fed as `gates` `[B, 1, L']`
 */
export function askedNodes(
  asked: AskedModel,
  [batch, length]: readonly [number, number],
  decided: boolean,
): AskedNodes {
  const { router, lora } = asked.student;
  const options = { ...asked.student, batchSize: batch, sequenceLength: length };
  if (asked.depth === "base" || !lora) return { params: baseParams(options) };
  const { base, student } = studentNodes(options, false);
  if (asked.depth === "fullDepth" || !router) return { params: student };
  if (!decided) {
    const routing = routingNodes(asked.student.model, router, base, [batch, length], "eval");
    return { params: student, routing };
  }
  const gates = input("gates", [batch, 1, routedLayers(asked)]);
  const { anchorLayers } = router;
  return { params: student, routing: { gates, anchorLayers, ...bypassOf(router, base) } };
}

function baseParams(
  { model, basePrecision = "float32" }: {
    model: StudentOptions["model"];
    basePrecision?: BasePrecision;
  },
): ParamNodes {
  return new ParamNodes(baseNodes(model, basePrecision) as Record<string, Node>);
}
