/** The graphs that a student is evaluated with. */

import { type DecideContext } from "../contracts/mod.ts";
import { broadcastTo, input, type Node } from "../graph/mod.ts";
import { type ParamNodes } from "../nn/mod.ts";
import { decideOnly, type FixedGates, forward, type Routing, siteOf } from "../routing/mod.ts";
import {
  bypassOf,
  lossesInParts,
  routingNodes,
  studentNodes,
  type StudentOptions,
} from "../train/mod.ts";

/**
 * - `base`, `fullDepth`: without gates, the frozen model and the trained one
 * - `baseFixed`, `fixed`: the same two under gates that are fed
 * - `routed`, `sampled`: the router's own gates, as in evaluation and as in training
 * - `decide`: the router's answer alone
 */
export type EvaluationGraph =
  | "base"
  | "fullDepth"
  | "baseFixed"
  | "fixed"
  | "routed"
  | "sampled"
  | "decide";

/** `losses` `[B, T]`, `gates` and `logits` `[B, T, L']`; each where there is such a thing. */
export type EvaluationOutput = "losses" | "gates" | "logits";

/** Shape of the gates of every token, `[B, T, L']`. */
export function gateShape({ model, router, batchSize, sequenceLength }: StudentOptions): number[] {
  return [batchSize, sequenceLength, siteOf(model, routerOf(router).anchorLayers).routableLayers];
}

function routerOf(router: StudentOptions["router"]) {
  if (!router) throw new TypeError("internal: this student has no router to evaluate");
  return router;
}

/** The graph behind a way of evaluating. */
export function evaluationGraph(
  name: EvaluationGraph,
  options: StudentOptions,
): Partial<Record<EvaluationOutput, Node>> {
  const { model, batchSize, sequenceLength } = options;
  const shape = [batchSize, sequenceLength];
  const tokens = input("tokens", shape, "int32");
  const { base, student } = studentNodes(options, false);

  const losses = (params: ParamNodes, routing?: Routing | FixedGates) => {
    // The numbers of the gated pass, in the time of the blocks that run.
    const pass = forward(model, params, tokens, routing, { compacted: true });
    const each = lossesInParts(
      (rows) => model.head(params, rows),
      pass.hiddenStates,
      input("targets", shape, "int32"),
      model.dims.vocabSize,
    );
    return { losses: each, decision: pass.decision };
  };
  const fixed = (trained: boolean): FixedGates => ({
    gates: input("gates", gateShape(options)),
    anchorLayers: routerOf(options.router).anchorLayers,
    ...(trained ? bypassOf(routerOf(options.router), base) : {}),
  });
  const routing = (mode: DecideContext["mode"]) =>
    routingNodes(model, routerOf(options.router), base, [batchSize, sequenceLength], mode);
  const perToken = ({ gates, logits }: { gates: Node; logits?: Node }) => ({
    gates: broadcastTo(gates, gateShape(options)),
    ...(logits ? { logits: broadcastTo(logits, gateShape(options)) } : {}),
  });

  switch (name) {
    case "base":
      return { losses: losses(base).losses };
    case "fullDepth":
      return { losses: losses(student).losses };
    case "baseFixed":
      return { losses: losses(base, fixed(false)).losses };
    case "fixed":
      return { losses: losses(student, fixed(true)).losses };
    case "decide":
      return perToken(decideOnly(model, student, tokens, routing("eval")));
    default: {
      const { losses: each, decision } = losses(
        student,
        routing(name === "routed" ? "eval" : "train"),
      );
      return { losses: each, ...perToken(decision!) };
    }
  }
}
