/** Guards of backends: programs that answer, with what they were asked for, and that can be closed. */

import assert from "node:assert/strict";
import {
  type Backend,
  type ExportedModel,
  type OpenBackend,
  type Plugin,
  type Program,
} from "../../../../../core/contracts/mod.ts";
import { add, input, type Node } from "../../../../../core/graph/mod.ts";
import { guardBackend } from "../../../../../core/run/plugins/guards/backend.ts";
import { floats, ints, runtimeSize } from "../../../../../core/tensor/mod.ts";
import { referenceBackend } from "../../../../../plugins/backends/reference/mod.ts";
import { userError } from "../../../io/support.ts";
import { guarded, OWNER } from "./support.ts";

const OPTIONS = { threads: 1, executionProvider: "cpu", sessionOptions: {} };
const x = input("x", [2]);
const FEEDS = { x: floats([2], [1, 2]) };

type Wrong<T> = Partial<Record<keyof T, unknown>>;

/** Opens the reference backend with some members replaced. */
function opening(wrong: Wrong<Backend>): OpenBackend {
  const { name, compile, upload, [Symbol.asyncDispose]: close } = referenceBackend({ round: true });
  const right = { name, compile, upload, [Symbol.asyncDispose]: close };
  return () => Promise.resolve({ ...right, ...wrong } as Backend);
}

async function backend(wrong: Wrong<Backend>): Promise<Backend> {
  return await guarded({ backends: { fast: opening(wrong) } }).backends!["fast"]!(OPTIONS);
}

/** A backend whose programs have some members replaced. */
function programs(wrong: (right: Program) => Wrong<Program> | undefined): Wrong<Backend> {
  return {
    async compile(outputs: Readonly<Record<string, Node>>) {
      const right = await referenceBackend({ round: true }).compile(outputs);
      const changed = wrong(right);
      if (changed === undefined) return undefined;
      const { inputs, flops } = right;
      const run: Program["run"] = (feeds) => right.run(feeds);
      const close = () => right[Symbol.asyncDispose]();
      return { inputs, flops, run, [Symbol.asyncDispose]: close, ...changed };
    },
  };
}

const compiled = async (wrong: Parameters<typeof programs>[0]) =>
  await (await backend(programs(wrong))).compile({ x });

Deno.test("a guarded backend has every member of the backend, and so have its programs", async () => {
  const file: ExportedModel = { bytes: new Uint8Array(3), outside: [] };
  const all: Required<Backend> = {
    ...await opening({})(OPTIONS),
    device: "an abacus",
    keepsOutputs: true,
    weightFormats: ["int4"],
    exportModel: () => file,
  };
  await using safe = await backend(all);
  assert.deepEqual(new Set(Reflect.ownKeys(safe)), new Set(Reflect.ownKeys(all)));
  assert.equal(safe.exportModel!({}, { constants: {}, weightFormat: "float32", about: {} }), file);
  const right = await all.compile({ x });
  const whole: Required<Program> = {
    inputs: right.inputs,
    flops: right.flops,
    run: (feeds) => right.run(feeds),
    runKeeping: async (feeds, keep) => {
      const { x } = await right.run(feeds);
      return { x: keep("x") ? all.upload(x) : x };
    },
    [Symbol.asyncDispose]: () => right[Symbol.asyncDispose](),
  };
  const program = await (await backend({ compile: () => whole })).compile({ x });
  assert.deepEqual(new Set(Reflect.ownKeys(program)), new Set(Reflect.ownKeys(whole)));
  assert.deepEqual([...(await program.run(FEEDS)).x.data], [1, 2]);
  assert.deepEqual([program.flops, [...program.inputs.keys()]], [0, ["x"]]);
  assert.deepEqual((await program.runKeeping!(FEEDS, () => true)).x, all.upload(FEEDS.x));
  assert.deepEqual((await program.runKeeping!(FEEDS, () => false)).x, FEEDS.x);
  const other = { ...whole, runKeeping: () => Promise.resolve({ x: FEEDS.x }) };
  const nothingKept = await (await backend({ compile: () => other })).compile({ x });
  await userError(
    () => nothingKept.runKeeping!(FEEDS, () => true),
    /its program, output "x",.*no tensor|no function \[Symbol\.dispose\]/,
  );
  using uploaded = safe.upload(FEEDS.x);
  assert.deepEqual([...(await program.run({ x: uploaded })).x.data], [1, 2]);
});

Deno.test("what a backend opens, uploads, compiles and exports is what it should be", async () => {
  const exported = async (model: unknown) =>
    (await backend({ exportModel: () => model }))
      .exportModel!({}, { constants: {}, weightFormat: "float32", about: {} });
  const uploaded = async (tensor: unknown) =>
    (await backend({ upload: () => tensor })).upload(FEEDS.x);
  const none = /what it opens has no function/;
  const cases: readonly [call: () => unknown, says: RegExp][] = [
    [() => backend({ upload: undefined }), /what it opens has no function "upload"/],
    [() => backend({ [Symbol.asyncDispose]: undefined }), /no function \[Symbol\.asyncDispose\]/],
    [() => guarded({ backends: { no: () => null as never } }).backends!["no"]!(OPTIONS), none],
    [() => backend({ name: undefined }), /backend "fast": its name is undefined; give a text/],
    [
      async () =>
        (await backend({ compile: () => Promise.reject(new Error("no")) })).compile({ x }),
      /backend "fast"\.compile threw Error: no/,
    ],
    [
      () => uploaded(undefined),
      /\.upload returned undefined; it should be a tensor of the type fl/,
    ],
    [() => uploaded(Promise.resolve()), /\.upload returned a promise/],
    [
      () => uploaded({ type: ints([2]) }),
      /\.upload returned int32\[2\]; it should be .*float32\[2\]/,
    ],
    [() => uploaded({ type: FEEDS.x }), /\.upload: the tensor has no function \[Symbol\.dispose\]/],
    [
      () => exported(undefined),
      /\.exportModel returned undefined; it should be { bytes, outside }/,
    ],
    [() => exported({ bytes: "onnx", outside: [] }), /\.exportModel returned { bytes: "onnx"/],
    [
      () => exported({ bytes: new Uint8Array(1), outside: [{ offset: -1, bytes: [] }] }),
      /a list of { offset, bytes }/,
    ],
  ];
  for (const [call, says] of cases) await userError(call, says);
});

Deno.test("a program can run and be closed, and says what it takes", async () => {
  const cases: readonly [wrong: Parameters<typeof programs>[0], says: RegExp][] = [
    [() => undefined, /backend "fast": its program has no function "run"/],
    [() => ({ [Symbol.asyncDispose]: undefined }), /its program has no function \[Symbol\.asyncD/],
    [() => ({ inputs: undefined }), /its program\.inputs is undefined; it should be a Map from na/],
    [() => ({ inputs: new Map([["x", "float32"]]) }), /its program\.inputs is Map/],
  ];
  for (const [wrong, says] of cases) await userError(() => compiled(wrong), says);
  const { flops: _, ...rest } = await compiled(() => ({}));
  const counted = await compiled(() => ({ flops: "many" }));
  await userError(() => counted.flops, /its program\.flops is "many"; it should be a number of op/);
  const open = {
    ...rest,
    get flops(): number {
      throw new RangeError("known when it runs");
    },
  };
  const unknown = await (await backend({ compile: () => open })).compile({ x });
  assert.throws(() => unknown.flops, { name: "RangeError", message: "known when it runs" });
});

Deno.test("a program gives its outputs, as many numbers as their shapes say", async () => {
  const runs = async (result: unknown) => {
    const program = await compiled(() => ({ run: () => Promise.resolve(result) }));
    return await program.run(FEEDS);
  };
  const output = /backend "fast": its program, output "x", /;
  const cases: readonly [result: unknown, says: RegExp][] = [
    [{}, /returned nothing; it should be float32\[2\]/],
    [undefined, /returned nothing; it should be float32\[2\]/],
    [{ x: floats([3]) }, /returned float32\[3\]; it should be float32\[2\]/],
    [{ x: ints([2]) }, /returned int32\[2\]; it should be float32\[2\]/],
    [
      { x: { ...FEEDS.x, data: FEEDS.x.data.subarray(0, 1) } },
      /float32\[2\], returned data that is Float32Array of 1; it should be Float32Array of 2/,
    ],
    [{ x: { ...FEEDS.x, data: [1, 2] } }, /returned data that is Array of 2; it should be/],
    [{ x: { ...FEEDS.x, data: new Int32Array(2) } }, /returned data that is Int32Array of 2/],
    [{ x: { ...FEEDS.x, data: undefined } }, /returned data that is undefined/],
  ];
  for (const [result, says] of cases) await userError(() => runs(result), output, says);
  // Float64 is for backends that others are held against.
  const exact = { x: { ...FEEDS.x, data: Float64Array.of(1, 2) } };
  assert.equal(await runs(exact), exact);
});

Deno.test("sizes that are known at run time are held against the data", async () => {
  const rows = input("rows", [runtimeSize("rows"), 2]);
  const right = await (await backend({})).compile({ y: add(rows, rows) });
  const { y } = await right.run({ rows: floats([3, 2]) });
  assert.deepEqual(y.shape, [3, 2]);
  const short = programs(() => ({
    run: () => Promise.resolve({ y: { ...y, data: y.data.subarray(0, 4) } }),
  }));
  const wrong = await (await backend(short)).compile({ y: rows });
  await userError(
    () => wrong.run({ rows: floats([3, 2]) }),
    /output "y", float32\[3, 2\], returned data that is Float32Array of 4; it should be .* of 6/,
  );
});

Deno.test("what fails or hangs while it is opened, run or closed is named", async () => {
  const never = () => new Promise<never>(() => {});
  const fail = () => Promise.reject(new Error("dispose boom"));
  const closing = async (wrong: Wrong<Backend>) =>
    await (await backend(wrong))[Symbol.asyncDispose]();
  await userError(
    () => closing({ [Symbol.asyncDispose]: fail }),
    /backend "fast"\[Symbol\.asyncDispose\] threw Error: dispose boom, at .*backend_test\.ts/,
  );
  await userError(
    async () =>
      await (await compiled(() => ({ [Symbol.asyncDispose]: fail })))[Symbol.asyncDispose](),
    /backend "fast": its program\[Symbol\.asyncDispose\] threw Error: dispose boom/,
  );
  const limits = { opening: 0.05, program: 0.05, closing: 0.05 };
  const impatient = async (open: NonNullable<Plugin["backends"]>[string]) =>
    await guardBackend(open, "fast", OWNER, limits)(OPTIONS);
  const hanging: readonly (() => Promise<unknown>)[] = [
    () => impatient(never),
    async () => (await impatient(opening({ compile: never }))).compile({ x }),
    async () => {
      const open = opening(programs(() => ({ run: never })));
      return (await (await impatient(open)).compile({ x })).run(FEEDS);
    },
    async () => {
      const open = opening(programs(() => ({ [Symbol.asyncDispose]: never })));
      await (await (await impatient(open)).compile({ x }))[Symbol.asyncDispose]();
    },
    async () =>
      await (await impatient(opening({ [Symbol.asyncDispose]: never })))[Symbol.asyncDispose](),
  ];
  for (const call of hanging) {
    await userError(
      call,
      /^plugin "mine" \(\.\/mine\.ts\): backend "fast".* has not answered in \d s/,
    );
  }
});
