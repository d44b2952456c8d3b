/** Calls into plugins: what they throw, promise, or never answer, is a line that names them. */

import assert from "node:assert/strict";
import { PluginFault, UserError } from "../../../../../core/contracts/mod.ts";
import {
  answered,
  awaitPlugin,
  callPlugin,
  requireFunctions,
  shown,
} from "../../../../../core/run/plugins/guards/call.ts";
import { membersOf } from "../../../../../core/run/plugins/guards/members.ts";
import { userError } from "../../../io/support.ts";

const WHAT = 'plugin "mine": router "r".decide';

/** Runs `body`, and says what it prints to stderr meanwhile. */
async function complaints(body: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    await body();
  } finally {
    console.error = error;
  }
  return lines;
}

Deno.test("what a plugin throws is a fault that names the call and the place", async () => {
  const fail = () => {
    throw new RangeError("not\n  today");
  };
  const says =
    /^plugin "mine": router "r"\.decide threw RangeError: not today, at .*call_test\.ts:/;
  await userError(() => callPlugin(WHAT, fail), says);
  await userError(() => awaitPlugin(WHAT, fail), says);
  assert.throws(() => callPlugin(WHAT, fail), PluginFault);
});

Deno.test("what a plugin says to a user is said as it is", () => {
  const spoken = new UserError("the file x is missing");
  const say = () => {
    throw spoken;
  };
  assert.throws(() => callPlugin(WHAT, say), (error) => error === spoken);
});

Deno.test("a promise where a value belongs is refused, and its end is nobody's trouble", async () => {
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  try {
    await userError(
      () => callPlugin(WHAT, () => Promise.reject(new Error("late"))),
      /\.decide returned a promise; it should be the value itself, as nothing waits for it$/,
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
  }
  assert.deepEqual(unhandled, []);
});

Deno.test("a promise that never resolves is given up, and one that does is not", async () => {
  await userError(
    () => answered(new Promise(() => {}), 'plugin "mine": backend "b"', 0.2),
    /^plugin "mine": backend "b" has not answered in \d s and is given up: its promise never resolves, or what it waits for is too slow$/,
  );
  assert.equal(await answered(Promise.resolve(3), "x", 1), 3);
  assert.equal(await awaitPlugin("x", () => 4), 4);
});

Deno.test("whoever is waited for is named, ever more rarely, unless a long time is nothing special", async () => {
  const slow = (patience: number) => () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 300);
    return awaitPlugin("the cluster", () => promise, Infinity, patience);
  };
  const lines = await complaints(slow(0.08));
  assert.deepEqual(
    lines,
    Array(lines.length).fill("the cluster has not answered for 0 s; Ctrl-C stops waiting"),
  );
  // After 80 and 160 ms, and not after 240 ms; fewer where the machine is busy.
  assert.ok(lines.length === 1 || lines.length === 2, `${lines.length} lines`);
  assert.deepEqual(await complaints(slow(Infinity)), []);
});

Deno.test("functions that are missing are named", async () => {
  const has = { run() {}, stop: 3 };
  requireFunctions("it", has, ["run"]);
  await userError(
    () => requireFunctions("it", has, ["run", "stop"]),
    /^it has no function "stop"$/,
  );
  await userError(
    () => requireFunctions("it", has as typeof has & Disposable, [Symbol.dispose]),
    /^it has no function \[Symbol\.dispose\]$/,
  );
  await userError(() => requireFunctions("it", undefined as unknown as typeof has, ["run"]), "run");
});

Deno.test("any value can be shown, in a line of its beginning", () => {
  const circle: Record<string, unknown> = {};
  circle["again"] = circle;
  const rude = {
    get [Symbol.for("Deno.customInspect")](): never {
      throw new Error("no");
    },
  };
  assert.deepEqual([10n, undefined, NaN, "a\nb"].map(shown), [
    "10n",
    "undefined",
    "NaN",
    '"a\\nb"',
  ]);
  assert.match(shown(circle), /again/);
  assert.equal(shown(rude), "a object");
  assert.equal(shown("x".repeat(500)).length, 81);
});

interface Contract {
  readonly name: string;
  readonly alias?: string;
  run?(): number;
}

Deno.test("a member that a contract gains is a type error until it is named", () => {
  const plain: Contract = { name: "x" };
  // @ts-expect-error run is not named
  membersOf<Contract>({ name: "x", alias: undefined });
  // @ts-expect-error a member that has to be there may not be undefined
  membersOf<Contract>({ name: undefined, alias: undefined, run: undefined });
  // @ts-expect-error one that may be absent has the type that it has
  membersOf<Contract>({ name: "x", alias: 3, run: undefined });
  assert.deepEqual(membersOf<Contract>({ ...plain, alias: plain.alias, run: plain.run }), plain);
});

Deno.test("members that are undefined are absent, and getters are asked when they are read", () => {
  let asked = 0;
  const object = membersOf<{ readonly flops: number; readonly device?: string }>({
    get flops() {
      return ++asked;
    },
    device: undefined,
  });
  assert.deepEqual([asked, Object.keys(object)], [0, ["flops"]]);
  assert.deepEqual([object.flops, object.flops], [1, 2]);
});
