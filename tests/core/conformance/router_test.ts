/** Wrong routers: each breaks the promise that it does not keep, and says how. */

import assert from "node:assert/strict";
import { z } from "zod";
import { readsOf, routerKindPromises, routerPromises } from "../../../core/conformance/mod.ts";
import { type Decision, type Router, type RouterKind } from "../../../core/contracts/mod.ts";
import {
  add,
  constant,
  cumulativeSum,
  greater,
  type Node,
  reduceSum,
  scalar,
  scale,
  stopGradient,
} from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { oracle } from "../../../plugins/backends/reference/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { tokenGumbel } from "../../../plugins/routers/token_gumbel.ts";
import { assertBroken, assertKept, brokenOf } from "./support.ts";

const RIGHT = tokenGumbel.create(tokenGumbel.options.parse({}));

/** Promises of a router that is right but for what becomes of its decisions. */
function promisesOf(
  change: (decision: Decision, mode: "train" | "eval", anchor: Node) => Decision,
  more: Partial<Router> = {},
) {
  const make = (): Router => ({
    ...RIGHT,
    ...more,
    decide: (params, anchor, site, context) =>
      change(RIGHT.decide(params, anchor, site, context), context.mode, anchor),
  });
  return routerPromises({ make, oracle });
}

for (const [name, kind] of builtinPlugins().routers.entries()) {
  Deno.test(`${name}: its options, and what it makes by default, keep every promise`, async () => {
    const outcomes = await assertKept(routerKindPromises(kind, oracle));
    assert.ok(outcomes.every(({ state }) => state === "ok"));
  });
}

Deno.test("gates of one half are told", () =>
  assertBroken(promisesOf(({ gates, ...rest }) => ({ ...rest, gates: scale(gates, 0.5) })), {
    "gives gates of 0 or 1, in training as in evaluation": /a gate is 0\.5 in training/,
    "opens a gate where its logit is above the threshold, and only there": /a gate is 0\.5 where/,
  }));

Deno.test("gates of a wrong shape are told with those that are right, and nothing else is asked", () =>
  assertBroken(promisesOf(({ gates }) => ({ gates: reduceSum(gates, [2]) })), {
    "gives gates for tokens, sequences or all, and all else in shapes to match":
      /gates are \[3,6\], not \[3,6,3\]/,
  }));

Deno.test("a router that throws is told by what it throws", () =>
  assertBroken(
    routerPromises({
      make: () => ({
        ...RIGHT,
        decide() {
          throw new RangeError("odd");
        },
      }),
      oracle,
    }),
    {
      "gives gates for tokens, sequences or all, and all else in shapes to match":
        /it throws a RangeError: odd/,
    },
  ));

Deno.test("a decision that sees later tokens is told by whose state it changes with", async () => {
  // The sum over all tokens of a sequence, its later ones and its padding among them.
  const seeing = promisesOf(({ gates, logits }, mode, anchor) => {
    const seen = add(logits!, scale(reduceSum(anchor, [1, 2], true), 0.1));
    return { gates: mode === "eval" ? greater(seen, scalar(0)) : gates, logits: seen };
  });
  const broken = await brokenOf(seeing);
  assert.match(
    broken.get("reads for a decision what it says, and nothing else")!,
    /the .* of token \d of sequence \d.* changes with the state of token \d of sequence \d/,
  );
});

Deno.test("a decision from earlier tokens is told: with a cache they are not there any more", async () => {
  const looking = promisesOf(({ gates, logits }, _mode, anchor) => ({
    gates,
    logits: add(logits!, cumulativeSum(reduceSum(anchor, [2], true), 1)),
  }));
  const broken = await brokenOf(looking);
  assert.ok(broken.has("reads for a decision what it says, and nothing else"));
});

Deno.test("gates that no gradient passes are told by the parameter", async () => {
  const broken = await brokenOf(
    promisesOf(({ gates, ...rest }) => ({ ...rest, gates: stopGradient(gates) })),
  );
  assert.deepEqual([...broken.keys()], [
    "passes a gradient to every parameter, by its gates or their probability",
  ]);
  assert.match([...broken.values()][0]!, /no gradient flows to router\.\S+: straightThrough/);
});

Deno.test("decisions that are drawn anew each time are told", async () => {
  let count = 0;
  const drifting = promisesOf(({ gates, logits }) => ({
    gates,
    logits: add(logits!, constant(floats([], [1e-3 * count++]))),
  }));
  const broken = await brokenOf(drifting);
  assert.match(broken.get("repeats its decision")!, /decides otherwise/);
});

Deno.test("a router with parameters that says that it goes by chance is told", async () => {
  const broken = await brokenOf(promisesOf((decision) => decision, { decidesBy: "chance" }));
  assert.match(
    broken.get("has nothing to train, and looks at no state")!,
    /it has the parameters router\.\S+/,
  );
  assert.match(
    broken.get("reads for a decision what it says, and nothing else")!,
    /changes with the state of/,
  );
});

Deno.test("what a router reads follows from what it says of itself", () => {
  const router = (own: Partial<Router>): Router => ({ ...RIGHT, ...own });
  assert.equal(readsOf(router({})), "token");
  assert.equal(readsOf(router({ promptTokens: 4 })), "prompt");
  assert.equal(readsOf(router({ promptTokens: 4, causal: false })), "sequence");
  assert.equal(readsOf(router({ decidesBy: "chance" })), "nothing");
  assert.equal(readsOf(router({ decidesBy: "rule" })), "nothing");
});

Deno.test("options without defaults, without words, or that take anything are told", async () => {
  const kindWith = (options: RouterKind["options"]): RouterKind => ({
    ...(tokenGumbel as RouterKind),
    options,
    create: () => RIGHT,
  });
  await assertBroken(routerKindPromises(kindWith(z.strictObject({ depth: z.number() })), oracle), {
    "has a default for every option": /option depth: /,
    "describes every option": /nothing is said about depth/,
    "makes a router of its own name": /depth|expected/i,
    "declares parameters for any site": /./,
  });
  const loose = z.looseObject({ depth: z.number().default(1).describe("how deep") });
  await assertBroken(routerKindPromises(kindWith(loose), oracle), {
    "refuses options that it does not know": /an option of no meaning is taken/,
  });
  const named = { ...kindWith(z.strictObject({})), name: "another" };
  await assertBroken(routerKindPromises(named, oracle), {
    "makes a router of its own name": /called "token-gumbel", its kind "another"/,
  });
});
