/** Plugins by name. */

import assert from "node:assert/strict";
import { nearestName } from "../../../../core/run/did_you_mean.ts";
import { Registry } from "../../../../core/run/plugins/registry.ts";

function routers(): Registry<number> {
  const registry = new Registry<number>("router");
  registry.register("token", 1, "plugins/routers/token.ts");
  registry.register("sequence", 2, "plugins/routers/sequence.ts");
  return registry;
}

Deno.test("a registry finds plugins by name and lists them in order", () => {
  const registry = routers();
  assert.equal(registry.get("sequence"), 2);
  assert.deepEqual(registry.names(), ["token", "sequence"]);
  assert.deepEqual([...registry.entries()], [["token", 1], ["sequence", 2]]);
  assert.ok(registry.has("token") && !registry.has("toString"));
});

Deno.test("an unknown name is answered with the nearest and all that exist", () => {
  assert.throws(() => routers().get("tokne"), {
    name: "UserError",
    message: 'Unknown router "tokne": did you mean "token"? There are: token, sequence',
  });
  assert.throws(() => routers().get("zzzzzz"), {
    message: 'Unknown router "zzzzzz": There are: token, sequence',
  });
  assert.throws(() => new Registry("corpus").get("x"), { message: /none is registered/ });
});

Deno.test("two plugins of one name are refused, naming both modules", () => {
  assert.throws(() => routers().register("token", 3, "npm:other"), {
    name: "UserError",
    message: /"token" from npm:other: plugins\/routers\/token\.ts already/,
  });
});

Deno.test("a suggestion is near, whatever its case, or not made", () => {
  assert.equal(nearestName("lora.RANK", ["lora.rank", "lora.alpha"]), "lora.rank");
  assert.equal(nearestName("LearningRate", ["learningRate"]), "learningRate");
  assert.equal(nearestName("temperature", ["rank"]), undefined);
  assert.equal(nearestName("x", []), undefined);
});
