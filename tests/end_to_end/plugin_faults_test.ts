/** Plugins that do what their contract does not allow are named in a line, and leave nothing behind. */

import assert from "node:assert/strict";
import { assertRefused, complaints, testWithProcesses, Workplace } from "./command.ts";

/** A router that fails at its first answer. */
const FAILING = `
import { definePlugin } from "@dlr/dlr";
import { z } from "zod";
export default definePlugin({ name: "failing", routers: [{
  name: "failing",
  description: "fails",
  options: z.strictObject({}),
  create: () => ({ name: "failing", decidesBy: "rule", params: () => ({}), decide() { throw new Error("no"); } }),
}] });
`;

testWithProcesses("a run whose plugin fails at once leaves nothing to go on with", async () => {
  using place = new Workplace();
  Deno.writeTextFileSync(place.path("failing.ts"), FAILING);
  const chosen = ["--plugin", "failing.ts", "--set", "router.name=failing"];
  assertRefused(
    await place.run("--fresh", ...chosen, ...place.tiny(), "--quiet"),
    /threw Error: no/,
  );
  assert.deepEqual(place.runs(), []);
  assertRefused(await place.run("--resume", "auto"), /no unfinished run of exp10/);
});

/** Backends that fail in ways that their contract does not allow. */
const BROKEN = `
import { definePlugin } from "@dlr/dlr";
import { referenceBackend } from "@dlr/dlr/backends/reference";

const broken = (wrong: (inner: ReturnType<typeof referenceBackend>) => object) => () => {
  const inner = referenceBackend({ round: true });
  return Promise.resolve(Object.assign(Object.create(inner), inner, wrong(inner)));
};

export default definePlugin({
  name: "broken",
  backends: {
    "cannot-open": () => Promise.reject(new Error("no device")),
    "cannot-compile": broken(() => ({ compile: () => Promise.reject(new Error("no kernel")) })),
    "answers-nothing": broken((inner) => ({
      async compile(outputs: never) {
        const program = await inner.compile(outputs);
        return {
          inputs: program.inputs,
          flops: 0,
          run: () => Promise.resolve({}),
          [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
        };
      },
    })),
  },
});
`;

testWithProcesses(
  "a backend that fails is named in one line, in training and in writing",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("broken.ts"), BROKEN);
    const says = {
      "cannot-open": /backend "cannot-open" threw Error: no device, at broken\.ts:\d+:\d+/,
      "cannot-compile": /backend "cannot-compile"\.compile threw Error: no kernel/,
      "answers-nothing":
        /"answers-nothing": its program, output ".+", returned nothing; it should be/,
    };
    for (const [backend, pattern] of Object.entries(says)) {
      const options = ["--plugin", "broken.ts", "--backend", backend];
      assertRefused(await place.run("--fresh", ...options, ...place.tiny(), "--quiet"), pattern);
      const written = ["--model", "nano", "--prompt", "a", "--quiet"];
      const generated = await place.runScript("generate", ...options, ...written);
      assert.equal(generated.code, 2, generated.stderr);
      assert.equal(complaints(generated).length, 1, generated.stderr);
      assert.match(complaints(generated)[0]!, pattern);
    }
  },
);
