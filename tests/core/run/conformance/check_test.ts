/** Checking plugins by name: what is chosen, what is printed, and what counts. */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  PluginFault,
  type Repositories,
  type RouterKind,
  UserError,
} from "../../../../core/contracts/mod.ts";
import { constant } from "../../../../core/graph/mod.ts";
import { checkAll, showTally } from "../../../../core/run/conformance/check.ts";
import {
  type Chosen,
  readConformanceOptions,
  settingsIn,
} from "../../../../core/run/conformance/options.ts";
import { readGoldens } from "../../../../core/run/conformance/subjects.ts";
import { floats } from "../../../../core/tensor/mod.ts";
import { oracle, referenceBackend } from "../../../../plugins/backends/reference/mod.ts";
import { builtinPlugins } from "../../../../plugins/mod.ts";
import { staticRouter } from "../../../../plugins/routers/static.ts";
import { inFolder, userError } from "../../io/support.ts";

const repositories: Repositories = { fetch: () => Promise.reject(new UserError("no network")) };

Deno.test("what is typed is kept by kind, and settings are values", async () => {
  const options = readConformanceOptions([
    ...["--task", "gsm8k", "--model", "nano", "--task", "micro_math", "--router", "static"],
    ...["--set", "skipLayers=[3]", "--set", "name=a=b"],
  ]);
  assert.deepEqual([options.model, options.router, options.task, options.backend], [
    ["nano"],
    ["static"],
    ["gsm8k", "micro_math"],
    undefined,
  ]);
  assert.deepEqual(settingsIn(options.set), { skipLayers: [3], name: "a=b" });
  assert.equal(options.on, "onnx");
  await userError(() => settingsIn(["x"]), "--set takes key=value");
  await userError(() => readConformanceOptions(["--routr", "x"]), "--routr");
});

/** Lines and counts of what a plugin brought. */
async function checked(chosen: readonly Chosen[], isNamed = false, ...args: string[]) {
  const plugins = builtinPlugins();
  plugins.routers.register("halves", {
    ...(staticRouter as RouterKind),
    name: "halves",
    create: () => ({
      name: "halves",
      decidesBy: "rule",
      params: () => ({}),
      decide: (_params, _anchor, { routableLayers }) => ({
        gates: constant(halves(routableLayers)),
      }),
    }),
  }, "a test");
  plugins.backends.register("leaky", () =>
    Promise.resolve({
      ...referenceBackend({ round: true }),
      [Symbol.asyncDispose]: () =>
        Promise.reject(new PluginFault("leaky: closing threw Error: no")),
    }), "a test");
  plugins.backends.register("broken", () => Promise.reject(new RangeError("odd\nend")), "a test");
  const lines: string[] = [];
  const options = readConformanceOptions(args);
  const surroundings = { plugins, repositories, oracle, options };
  const tally = await checkAll(chosen, surroundings, isNamed, (line) => lines.push(line));
  return { lines, tally };
}

const halves = (count: number) => floats([1, 1, count], Array<number>(count).fill(0.5));

Deno.test("a line for each promise, under what was checked; broken ones say what to look at", async () => {
  const { lines, tally } = await checked([{ kind: "router", name: "halves" }]);
  assert.equal(lines[0], `router halves: ${staticRouter.description}`);
  const broken = lines.filter((line) => line.startsWith("FAIL"));
  assert.deepEqual(broken, [
    "FAIL  gives gates of 0 or 1, in training as in evaluation  a gate is 0.5 in training: " +
    "gumbelGates and bernoulliGates (core/routing/sampling.ts) give hard gates",
  ]);
  assert.equal(tally.broken, 1);
  assert.equal(tally.held + tally.broken + tally.skipped, lines.length - 1);
});

Deno.test("what cannot be opened is broken if it throws, and skipped if it lacks something", async () => {
  const chosen: Chosen[] = [
    { kind: "backend", name: "broken" },
    { kind: "task", name: "gsm8k" },
    { kind: "corpus", name: "wikitext2" },
  ];
  const { lines, tally } = await checked(chosen);
  assert.deepEqual(lines, [
    "backend broken",
    "FAIL  it can be opened  it throws a RangeError: odd end",
    "",
    "task gsm8k",
    "skip  it can be opened  no network",
    "",
    "corpus wikitext2",
    "skip  it can be opened  no network",
  ]);
  assert.equal(showTally(tally), "0 promises hold, 1 is broken, 2 are skipped");
  await userError(() => checked(chosen.slice(1), true), "no network");
});

Deno.test("what cannot be closed is broken, and what was found before counts", async () => {
  const chosen: Chosen[] = [{ kind: "model", name: "nano" }, { kind: "task", name: "gsm8k" }];
  const { lines, tally } = await checked(chosen, false, "--on", "leaky");
  const closed = lines.findIndex((line) => line.includes("it can be closed"));
  assert.equal(lines[closed], "FAIL  it can be closed  leaky: closing threw Error: no");
  assert.deepEqual(lines.slice(closed + 1), [
    "",
    "task gsm8k",
    "skip  it can be opened  no network",
  ]);
  assert.ok(tally.held > 20, showTally(tally));
  assert.equal(tally.broken, 1);
});

Deno.test("options of a router are those of --set, and wrong ones are refused by name", async () => {
  const chosen: Chosen[] = [{ kind: "router", name: "static" }];
  // Layer 3 is the second of three that the kit's site may skip.
  const { lines, tally } = await checked(chosen, true, "--set", "skipLayers=[3]");
  assert.deepEqual([tally.broken, lines[0]], [1, `router static: ${staticRouter.description}`]);
  assert.match(
    lines.find((line) => line.startsWith("FAIL"))!,
    /declares parameters for any site.*router\.skipLayers has 3/,
  );
  await userError(() => checked(chosen, true, "--set", "skipLayers=x"), "--set skipLayers");
});

/** A safetensors file of these tensors. */
function writeTensors(
  path: string,
  tensors: Readonly<Record<string, { dtype: string; shape: number[]; bytes: Uint8Array }>>,
): void {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      const start = end;
      end += bytes.length;
      return [name, { dtype, shape, data_offsets: [start, end] }];
    }),
  );
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const size = new Uint8Array(new BigUint64Array([BigInt(json.length)]).buffer);
  const parts = [size, json, ...Object.values(tensors).map(({ bytes }) => bytes)];
  Deno.writeFileSync(path, new Uint8Array(parts.flatMap((part) => [...part])));
}

const bytesOf = (array: { buffer: ArrayBuffer }) => new Uint8Array(array.buffer);

Deno.test("goldens are read as PyTorch writes them, and refused where they do not fit", () =>
  inFolder(async (folder) => {
    const path = join(folder, "logits.safetensors");
    const logits = { dtype: "F32", shape: [1, 2, 3], bytes: bytesOf(new Float32Array(6)) };
    const tokens = { dtype: "I64", shape: [1, 2], bytes: bytesOf(new BigInt64Array([5n, 7n])) };
    writeTensors(path, { tokens, logits });
    const goldens = readGoldens(path);
    assert.deepEqual([...goldens.tokens.data], [5, 7]);
    assert.deepEqual([goldens.tokens.dtype, goldens.logits.shape], ["int32", [1, 2, 3]]);
    writeTensors(path, { tokens, logits: { ...logits, shape: [2, 1, 3] } });
    await userError(() => readGoldens(path), "tokens are [1,2] and logits [2,1,3]");
    writeTensors(path, { tokens: { ...logits, shape: [1, 6] }, logits });
    await userError(() => readGoldens(path), "tokens are F32, where I32 or I64 is needed");
    writeTensors(path, { tokens });
    await userError(() => readGoldens(path), "logits");
  }));
