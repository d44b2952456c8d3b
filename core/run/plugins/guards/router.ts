/** Routers of plugins: gates and all else in shapes that fit. */

import { type Decision, type Router, type RouterKind } from "../../../contracts/mod.ts";
import { type Node } from "../../../graph/mod.ts";
import { sameShape, type Shape, showType } from "../../../tensor/mod.ts";
import { callPlugin, PluginFault, wrongAnswer } from "./call.ts";

/** A kind of router whose calls are checked. @param owner whose it is, for messages */
export function guardRouterKind(kind: RouterKind, owner: string): RouterKind {
  const name = `${owner}: router "${kind.name}"`;
  return {
    name: kind.name,
    description: kind.description,
    options: kind.options,
    create: (options) =>
      guardRouter(callPlugin(`${name}.create`, () => kind.create(options)), name),
  };
}

const BASES = ["state", "chance", "rule"] as const;

function guardRouter(router: Router, name: string): Router {
  for (const method of ["params", "decide"] as const) {
    if (typeof router?.[method] === "function") continue;
    throw new PluginFault(`${name}: what "create" returns has no function "${method}"`);
  }
  if (!BASES.includes(router.decidesBy)) {
    throw new PluginFault(
      `${name}: decidesBy is ${JSON.stringify(router.decidesBy)}; give ${BASES.join(", ")}`,
    );
  }
  return {
    name: router.name,
    decidesBy: router.decidesBy,
    ...(router.causal === undefined ? {} : { causal: router.causal }),
    ...(router.promptTokens === undefined ? {} : { promptTokens: router.promptTokens }),
    params: (site) => callPlugin(`${name}.params`, () => router.params(site)),
    decide(params, anchor, site, context) {
      const decision = callPlugin(
        `${name}.decide`,
        () => router.decide(params, anchor, site, context),
      );
      const [batch, length] = anchor.type.shape as [number, number];
      checkDecision(decision, [batch, length, site.routableLayers], `${name}.decide`);
      return decision;
    },
  };
}

/** @param all the shape of gates that differ by sequence and token */
function checkDecision(decision: Decision, all: readonly [number, number, number], what: string) {
  const [batch, , layers] = all;
  const allowed: readonly Shape[] = [all, [batch, 1, layers], [1, 1, layers]];
  const expect = (part: string, node: Node | undefined, shapes: readonly Shape[]) => {
    const type = node?.type;
    if (type?.dtype === "float32" && shapes.some((shape) => sameShape(shape, type.shape))) return;
    const expected = shapes.map((shape) => showType({ dtype: "float32", shape })).join(" or ");
    throw wrongAnswer(`${what}, "${part}",`, type ? showType(type) : "no node", expected);
  };
  expect("gates", decision?.gates, allowed);
  const { gates, logits, survivalScale, logProbability, penalty } = decision;
  if (logits) expect("logits", logits, [gates.type.shape]);
  if (survivalScale) expect("survivalScale", survivalScale, [[1, 1, layers]]);
  if (logProbability) expect("logProbability", logProbability, [[batch]]);
  if (penalty) expect("penalty", penalty, [[]]);
}
