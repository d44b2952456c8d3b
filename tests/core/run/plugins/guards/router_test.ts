/** Guards of routers: what they say of themselves, and gates in shapes that fit. */

import assert from "node:assert/strict";
import { type Decision, type Router } from "../../../../../core/contracts/mod.ts";
import { reshape, slice } from "../../../../../core/graph/mod.ts";
import { tokenGumbel } from "../../../../../plugins/routers/token_gumbel.ts";
import { decisionOf } from "../../../../conformance/routing_context.ts";
import { userError } from "../../../io/support.ts";
import { guarded } from "./support.ts";

const options = tokenGumbel.options.parse({});
const right = tokenGumbel.create(options);

/** The router with some members replaced, guarded. */
function router(wrong: Partial<Record<keyof Router, unknown>>): Router {
  const create = () => ({ ...right, ...wrong }) as Router;
  return guarded({ routers: [{ ...tokenGumbel, create }] }).routers![0]!.create(options);
}

const SITE = { hiddenSize: 16, anchorLayers: 1, routableLayers: 2 };

/** Its decision, with some parts replaced. */
function decide(wrong: (right: Decision) => unknown): Decision {
  const decided = (...args: Parameters<Router["decide"]>) => {
    const decision = right.decide(...args);
    return { ...decision, ...wrong(decision) as Partial<Decision> };
  };
  return decisionOf(router({ decide: decided }), "train", [2, 5], SITE);
}

Deno.test("a guarded router has every member of the router, and decides as it does", () => {
  const all: Required<Router> = { ...right, causal: "evaluation", promptTokens: 8 };
  const safe = router(all);
  assert.deepEqual(Object.keys(safe).toSorted(), Object.keys(all).toSorted());
  assert.deepEqual([safe.causal, safe.promptTokens], ["evaluation", 8]);
  assert.deepEqual(safe.params(SITE), right.params(SITE));
  assert.deepEqual(decide(() => ({})).gates.type.shape, [2, 5, 2]);
  const [kind] = guarded({ routers: [tokenGumbel] }).routers!;
  assert.deepEqual(Object.keys(kind!).toSorted(), Object.keys(tokenGumbel).toSorted());
});

Deno.test("a router's gates have a shape that fits, or are named", async () => {
  await userError(
    () => decide(({ gates }) => ({ gates: reshape(gates, [10, 2]) })),
    /router "token-gumbel"\.decide, "gates", returned float32\[10, 2\]; it should be float32\[2, 5, 2\]/,
  );
  await userError(
    () => decide(({ gates }) => ({ logits: slice(gates, 2, 0, 1) })),
    /"logits", returned float32\[2, 5, 1\]; it should be float32\[2, 5, 2\]/,
  );
  const late = router({ decide: () => Promise.reject(new Error("late")) });
  await userError(() => decisionOf(late, "train", [2, 5], SITE), /\.decide returned a promise/);
});

Deno.test("what a router says of itself is checked when it is made", async () => {
  const cases: readonly [wrong: Parameters<typeof router>[0], says: RegExp][] = [
    [{ params: undefined }, /what "create" returns has no function "params"/],
    [{ name: "" }, /router "token-gumbel": its name is ""; give a text/],
    [{ decidesBy: "luck" }, /decidesBy is "luck"; give state, chance, rule/],
    [{ causal: "no" }, /causal is "no"; give false or "evaluation", or leave it out/],
    [{ causal: true }, /causal is true/],
    [{ promptTokens: -1 }, /promptTokens is -1; give a whole number of tokens, or leave it out/],
    [{ promptTokens: "8" }, /promptTokens is "8"/],
  ];
  for (const [wrong, says] of cases) await userError(() => router(wrong), says);
  await userError(
    () => router({ params: () => null }).params(SITE),
    /\.params: Parameters are declared as null; give an object/,
  );
  const empty = { ...tokenGumbel, create: () => undefined as never };
  await userError(
    () => guarded({ routers: [empty] }).routers![0]!.create({}),
    /what "create" returns has no function "params"/,
  );
});
