/** Wrong backends: each breaks the promise that it does not keep, and says how. */

import assert from "node:assert/strict";
import { backendPromises, CLOSE } from "../../../core/conformance/mod.ts";
import { type Backend, type Program } from "../../../core/contracts/mod.ts";
import { floats, type HostTensor } from "../../../core/tensor/mod.ts";
import { oracle, referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { assertBroken, assertKept, brokenOf } from "./support.ts";

type Outputs = Record<string, HostTensor>;

/** Promises of a backend that is right but for what its programs answer. */
function promisesOf(
  run: (program: Program, feeds: Parameters<Program["run"]>[0]) => Promise<Outputs>,
) {
  const make = (): Backend => {
    const right = referenceBackend({ round: true });
    return {
      ...right,
      name: "wrong",
      async compile(outputs, options) {
        const program = await right.compile(outputs, options);
        return {
          get flops() {
            return program.flops;
          },
          inputs: program.inputs,
          run: (feeds) => run(program, feeds) as ReturnType<typeof program.run>,
          [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
        };
      },
    };
  };
  return backendPromises({ make, oracle, tolerance: CLOSE.float32 });
}

/** Every float of the outputs, changed. */
function changed(outputs: Outputs, change: (x: number) => number): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dtype, shape, data }]) => [
      name,
      dtype === "float32" ? floats(shape, Array.from(data, change)) : { dtype, shape, data },
    ]),
  );
}

Deno.test("a right backend keeps every promise, and says how far its numbers are off", async () => {
  const outcomes = await assertKept(promisesOf((program, feeds) => program.run(feeds)));
  const figures = outcomes.filter(({ name }) => name.endsWith("and its gradients"));
  assert.ok(figures.length > 30);
  for (const { text } of figures) assert.match(text, /^max difference [\d.e-]+, bound [\d.e-]+$/);
});

Deno.test("numbers that are off by a thousandth are told by operation, case and output", async () => {
  const broken = await brokenOf(
    promisesOf(async (program, feeds) => changed(await program.run(feeds), (x) => x + 1e-3)),
  );
  assert.match(
    broken.get("matmul and its gradients")!,
    /^max difference of matmul, [^:]+: (value|gradient of \w) 1e-3, bound .*: how the backend/,
  );
});

Deno.test("numbers that are other ones each time are told", async () => {
  let count = 0;
  await assertBroken(
    promisesOf(async (program, feeds) => {
      const by = 1e-7 * (count++ % 2);
      return changed(await program.run(feeds), (x) => x * (1 + by));
    }),
    { "gives the same bits twice": /gives other bits/ },
  );
});

Deno.test("outputs that share memory with those of the next run are told", async () => {
  const kept = new WeakMap<Program, Outputs>();
  await assertBroken(
    promisesOf(async (program, feeds) => {
      const now = await program.run(feeds);
      const before = kept.get(program);
      const fits = before &&
        Object.keys(now).every((name) => before[name]!.data.length === now[name]!.data.length);
      if (!fits) {
        kept.set(program, now);
        return now;
      }
      for (const [name, { data }] of Object.entries(now)) before[name]!.data.set(data);
      return before;
    }),
    {
      "leaves the results of a run alone in the next": /results change when the program runs again/,
    },
  );
});

Deno.test("a backend that takes whatever it is fed is told what it should refuse", async () => {
  const broken = await brokenOf(
    promisesOf((program, feeds) => program.run(feeds).catch(() => ({ sum: floats([2, 3]) }))),
  );
  for (
    const what of ["a missing input", "an input of the wrong type", "an input with an axis more"]
  ) {
    assert.match(broken.get(`refuses ${what} by its name`)!, new RegExp(`${what} is taken`));
  }
  assert.ok(broken.has("refuses to run a program that was disposed of"));
});

Deno.test("a refusal that does not name its input, or is no TypeError, is told", async () => {
  const broken = await brokenOf(
    promisesOf((program, feeds) =>
      program.run(feeds).catch(() => {
        throw new RangeError("something is wrong");
      })
    ),
  );
  assert.match(
    broken.get("refuses a missing input by its name")!,
    /it throws a RangeError instead of a TypeError/,
  );
  const unnamed = await brokenOf(
    promisesOf((program, feeds) =>
      program.run(feeds).catch(() => {
        throw new TypeError("something is wrong");
      })
    ),
  );
  assert.match(
    unnamed.get("refuses a missing input by its name")!,
    /the input b is not named: something is wrong/,
  );
});
