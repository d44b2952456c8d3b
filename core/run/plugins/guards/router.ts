/** Routers of plugins: gates and all else in shapes that fit. */

import {
  type Decision,
  PluginFault,
  type Router,
  type RouterKind,
} from "../../../contracts/mod.ts";
import { type Node } from "../../../graph/mod.ts";
import { sameShape, type Shape, showType } from "../../../tensor/mod.ts";
import { callPlugin, requireFunctions, shown, wrongAnswer } from "./call.ts";
import { membersOf } from "./members.ts";
import { checkedSpecs } from "./specs.ts";
import { isCount, isText } from "./values.ts";

/** A kind of router whose calls are checked. @param owner whose it is, for messages */
export function guardRouterKind(kind: RouterKind, owner: string): RouterKind {
  const name = `${owner}: router "${kind.name}"`;
  return membersOf<RouterKind>({
    name: kind.name,
    description: kind.description,
    options: kind.options,
    create: (options) =>
      guardRouter(callPlugin(`${name}.create`, () => kind.create(options)), name),
  });
}

const BASES = ["state", "chance", "rule"] as const;

function guardRouter(router: Router, name: string): Router {
  requireFunctions(`${name}: what "create" returns`, router, ["params", "decide"]);
  checkFacts(router, name);
  return membersOf<Router>({
    name: router.name,
    decidesBy: router.decidesBy,
    causal: router.causal,
    promptTokens: router.promptTokens,
    params(site) {
      const specs = callPlugin(`${name}.params`, () => router.params(site));
      return checkedSpecs(specs, `${name}.params`);
    },
    decide(params, anchor, site, context) {
      const decision = callPlugin(
        `${name}.decide`,
        () => router.decide(params, anchor, site, context),
      );
      const [batch, length] = anchor.type.shape as [number, number];
      checkDecision(decision, [batch, length, site.routableLayers], `${name}.decide`);
      return decision;
    },
  });
}

/** What a router says of itself is read long after it is made, and by other code. */
function checkFacts({ name: own, decidesBy, causal, promptTokens }: Router, name: string): void {
  const facts: readonly [fact: string, value: unknown, isRight: boolean, give: string][] = [
    ["its name", own, isText(own), "a text"],
    ["decidesBy", decidesBy, BASES.includes(decidesBy), BASES.join(", ")],
    [
      "causal",
      causal,
      [undefined, false, "evaluation"].includes(causal),
      'false or "evaluation", or leave it out',
    ],
    [
      "promptTokens",
      promptTokens,
      promptTokens === undefined || isCount(promptTokens),
      "a whole number of tokens, or leave it out",
    ],
  ];
  for (const [fact, value, isRight, give] of facts) {
    if (!isRight) throw new PluginFault(`${name}: ${fact} is ${shown(value)}; give ${give}`);
  }
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
