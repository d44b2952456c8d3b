/** Promises as such: what holds, what is broken, what is skipped, and how a line is written. */

import assert from "node:assert/strict";
import { UserError } from "../../../core/contracts/mod.ts";
import { closeness, worstFigure } from "../../../core/conformance/closeness.ts";
import {
  type Finding,
  keep,
  keepAll,
  type PluginPromise,
  showNumber,
  showOutcome,
  testOf,
} from "../../../core/conformance/promise.ts";
import { floats } from "../../../core/tensor/mod.ts";

function promise(check: PluginPromise["check"], more: Partial<PluginPromise> = {}): PluginPromise {
  return { name: "a = b", lookAt: "look here", check, ...more };
}

async function line(check: PluginPromise["check"]): Promise<string> {
  return showOutcome(await keep(promise(check)), 8);
}

Deno.test("a figure holds up to its bound, and is told with it", async () => {
  const figure = (value: number) => () => ({ what: "max difference", value, bound: 1e-4 });
  assert.equal(await line(figure(3.1e-7)), "ok    a = b     max difference 3.1e-7, bound 1e-4");
  assert.equal(await line(figure(1e-4)), "ok    a = b     max difference 1e-4, bound 1e-4");
  assert.equal(
    await line(figure(0.41)),
    "FAIL  a = b     max difference 0.41, bound 1e-4: look here",
  );
  assert.match(await line(figure(NaN)), /^FAIL .*NaN, bound 1e-4: look here$/);
  assert.match(await line(figure(Infinity)), /^FAIL .*Infinity/);
});

Deno.test("words hold; what is thrown is a broken promise with its message in one line", async () => {
  assert.equal(await line(() => "3 of 3"), "ok    a = b     3 of 3");
  assert.equal(
    await line(() => assert.ok(false, "2 of\n 3") as unknown as Finding),
    "FAIL  a = b     2 of 3: look here",
  );
  assert.equal(
    await line(() => Promise.reject(new UserError("no such file"))),
    "FAIL  a = b     no such file: look here",
  );
  assert.equal(
    await line(() => {
      throw new RangeError("odd");
    }),
    "FAIL  a = b     it throws a RangeError: odd: look here",
  );
  assert.equal(
    await line(() => {
      throw "a word";
    }),
    "FAIL  a = b     it throws a word: look here",
  );
});

Deno.test("what cannot be asked, and what needs a broken promise, is skipped with the reason", async () => {
  const asked: string[] = [];
  const named = (name: string, more: Partial<PluginPromise> = {}, holds = true) =>
    promise(() => {
      asked.push(name);
      assert.ok(holds, "no");
      return "yes";
    }, { name, ...more });
  const outcomes = await keepAll([
    named("first"),
    named("second", { needs: "first" }),
    named("third", {}, false),
    named("fourth", { needs: "third" }),
    named("fifth", { needs: "fourth" }),
    named("sixth", { skip: "there is none" }),
  ]);
  assert.deepEqual(outcomes.map(({ state }) => state), [
    "ok",
    "ok",
    "FAIL",
    "skip",
    "skip",
    "skip",
  ]);
  assert.deepEqual(asked, ["first", "second", "third"]);
  assert.equal(outcomes[3]!.text, 'it needs "third"');
  assert.equal(outcomes[5]!.text, "there is none");
});

Deno.test("a promise is a test: it fails with the same line, and is ignored where it is skipped", async () => {
  const failing = testOf("mine", promise(() => ({ what: "error", value: 2, bound: 1 })));
  assert.deepEqual([failing.name, failing.ignore], ["mine: a = b", false]);
  const run = ({ fn }: Deno.TestDefinition) => fn({} as Deno.TestContext);
  await assert.rejects(
    async () => await run(failing),
    /^AssertionError.*error 2, bound 1: look here/,
  );
  await run(testOf("mine", promise(() => "fine")));
  assert.equal(testOf("mine", promise(() => "fine", { skip: "none" })).ignore, true);
});

Deno.test("numbers are shown in a few digits", () => {
  const shown = [0, 1, 0.41237, 3.14159e-7, 1e-9, 2.5e7, -1e-5, NaN].map(showNumber);
  assert.deepEqual(shown, ["0", "1", "0.412", "3.1e-7", "1e-9", "2.5e7", "-1e-5", "NaN"]);
});

Deno.test("the worst element is that which is worst beside what is allowed there", () => {
  const tolerance = { relative: 0.1, absolute: 0.01 };
  const figure = closeness(floats([3], [1, 10.5, 0]), floats([3], [1, 10, 0.02]), tolerance);
  assert.ok(Math.abs(figure.value - 0.02) < 1e-6 && Math.abs(figure.bound - 0.012) < 1e-6);
  const nan = closeness(floats([2], [NaN, 9]), floats([2], [0, 0]), tolerance);
  assert.ok(Number.isNaN(nan.value));
  assert.equal(closeness(floats([2], [1, 2]), floats([2], [1, 2]), tolerance).value, 0);
  assert.throws(
    () => closeness(floats([2]), floats([3]), tolerance, "it"),
    /it is float32\[2\], expected float32\[3\]/,
  );
  const figures = [1, 3, 2].map((value) => ({ what: "x", value, bound: value === 3 ? 100 : 4 }));
  assert.equal(worstFigure(figures).value, 2);
  assert.ok(Number.isNaN(worstFigure([...figures, { what: "x", value: NaN, bound: 1 }]).value));
});
