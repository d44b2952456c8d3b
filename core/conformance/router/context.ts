/** A decision as a graph: everything that a router may read, as inputs of one name each. */

import { type DecideContext, type Decision, type Router, type Site } from "../../contracts/mod.ts";
import { input, inputsOf, type Node, topologicalOrder } from "../../graph/mod.ts";
import { inputNodes, ParamNodes } from "../../nn/mod.ts";

/** The context of a decision about `[batch, length]` tokens. */
export function contextInputs(
  mode: DecideContext["mode"],
  [batch, length]: readonly [number, number],
  { routableLayers }: Site,
): DecideContext {
  return {
    ...(mode === "train"
      ? { mode, temperature: input("temperature", []) }
      : { mode, threshold: input("threshold", []) }),
    tokenMask: input("tokenMask", [batch, length]),
    promptMask: input("promptMask", [batch, length]),
    noise: input("noise", [batch, length, routableLayers]),
    targetSkip: input("targetSkip", []),
  };
}

/** A router's answer in one mode, from a state and parameters that are inputs too. */
export function decisionOf(
  router: Router,
  mode: DecideContext["mode"],
  [batch, length]: readonly [number, number],
  site: Site,
): Decision {
  return router.decide(
    new ParamNodes(inputNodes(router.params(site))),
    input("state", [batch, length, site.hiddenSize]),
    site,
    contextInputs(mode, [batch, length], site),
  );
}

/** Every node of a decision that is there. */
export function partsOf(decision: Decision): Record<string, Node> {
  return Object.fromEntries(Object.entries(decision).filter(([, node]) => node !== undefined));
}

/** Names of the inputs that nodes are computed from. */
export function readBy(nodes: Readonly<Record<string, Node>>): Set<string> {
  return new Set(inputsOf(topologicalOrder(Object.values(nodes))).keys());
}
