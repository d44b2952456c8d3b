/**
 * What every backend promises: the numbers of the reference on every operation and its gradients,
 * clear refusals, and the same bits twice.
 */

import assert from "node:assert/strict";
import { type Backend, type Feeds } from "../../core/contracts/backend.ts";
import {
  add,
  constant,
  exp,
  gradients,
  input,
  matmul,
  mul,
  type Node,
  type OpName,
  scalar,
  softmax,
} from "../../core/graph/mod.ts";
import {
  bytes,
  floats,
  type HostTensor,
  ints,
  runtimeSize,
  showType,
} from "../../core/tensor/mod.ts";
import { evaluate } from "../../plugins/backends/reference/mod.ts";
import { type OperationCase, signed } from "./cases.ts";
import { assertClose, type Tolerance } from "./close.ts";
import { weightedSum } from "./gradient_check.ts";
import { operations } from "./operations.ts";

/** Makes a backend; the suite disposes of it. */
export type MakeBackend = () => Backend | Promise<Backend>;

/**
 * Declares the tests of a backend. Call it once from the backend's own test file.
 *
 * @param name the backend's name, which opens the name of each test
 * @param make a fresh backend for each test
 * @param tolerance how far from the float64 reference its numbers may be
 */
export function testBackend(name: string, make: MakeBackend, tolerance: Tolerance): void {
  for (const [op, cases] of Object.entries(operations) as [OpName, readonly OperationCase[]][]) {
    Deno.test(`${name} computes ${op} and its gradients as the reference does`, async () => {
      await using backend = await make();
      for (const each of cases) {
        const what = `${op}, ${each.name}`;
        await compare(backend, { value: each.output }, each.feeds, tolerance, what);
        const slopes = gradientGraph(each);
        if (slopes) await compare(backend, slopes, each.feeds, tolerance, what);
      }
    });
  }
  testRefusals(name, make);
  testPrograms(name, make, tolerance);
}

/** The gradients that a case is checked for, each as an output; null when there are none. */
function gradientGraph(
  { output, inputs, wrt, detached }: OperationCase,
): Record<string, Node> | null {
  const names = [...wrt, ...detached];
  if (output.type.dtype !== "float32" || names.length === 0) return null;
  const slopes = gradients(weightedSum(output), names.map((input) => inputs[input]!));
  return Object.fromEntries(names.map((input, i) => [`gradient of ${input}`, slopes[i]!]));
}

async function compare(
  backend: Backend,
  outputs: Readonly<Record<string, Node>>,
  feeds: Readonly<Record<string, HostTensor>>,
  tolerance: Tolerance,
  what: string,
): Promise<void> {
  const actual = await runOnce(backend, outputs, feeds).catch((cause: Error) => {
    const tried = Object.keys(outputs).join(", ");
    throw new Error(`${what}: ${tried} does not run: ${cause.message}`, { cause });
  });
  const expected = evaluate(outputs, feeds);
  assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(outputs).toSorted(), what);
  for (const output of Object.keys(outputs)) {
    assertClose(actual[output]!, expected[output]!, tolerance, `${what}: ${output}`);
  }
}

async function runOnce<Output extends string>(
  backend: Backend,
  outputs: Readonly<Record<Output, Node>>,
  feeds: Feeds,
): Promise<Record<Output, HostTensor>> {
  await using program = await backend.compile(outputs);
  return await program.run(feeds);
}

// A small program for the tests below: b is added to each row of a.
const a = input("a", [2, 3]);
const b = input("b", [3]);
const sum = add(a, b);
const feeds = { a: signed(2, 3)("a"), b: signed(3)("b") };

function testRefusals(name: string, make: MakeBackend): void {
  const refused: readonly [what: string, feeds: Feeds][] = [
    ["a missing input", { a: feeds.a }],
    ["an input of the wrong shape", { ...feeds, b: floats([4]) }],
    ["an input with an axis more", { ...feeds, b: floats([1, 3]) }],
    ["an input of the wrong type", { ...feeds, b: ints([3]) }],
  ];
  for (const [what, wrong] of refused) {
    Deno.test(`${name} refuses ${what} by its name`, async () => {
      await using backend = await make();
      await using program = await backend.compile({ sum });
      await assert.rejects(program.run(wrong), (error: Error) => {
        assert.ok(error instanceof TypeError, `${error.name} instead of a TypeError`);
        assert.match(error.message, /\bb\b/);
        return true;
      });
      // A refusal leaves the program usable.
      await program.run(feeds);
    });
  }

  Deno.test(`${name} refuses an uploaded tensor of the wrong shape by its input's name`, async () => {
    await using backend = await make();
    await using program = await backend.compile({ sum });
    using wrong = backend.upload(floats([4]));
    await assert.rejects(program.run({ ...feeds, b: wrong }), {
      name: "TypeError",
      message: /\bb\b/,
    });
  });

  Deno.test(`${name} refuses to compile one input with two types`, async () => {
    await using backend = await make();
    const twice = { one: input("x", [2]), two: input("x", [3]) };
    await assert.rejects(backend.compile(twice), TypeError);
  });

  Deno.test(`${name} refuses to run a program that was disposed of`, async () => {
    await using backend = await make();
    const program = await backend.compile({ sum });
    await program[Symbol.asyncDispose]();
    await assert.rejects(program.run(feeds));
  });
}

function testPrograms(name: string, make: MakeBackend, tolerance: Tolerance): void {
  /** Runs `outputs` and compares all of them with the reference. */
  const check = async (outputs: Record<string, Node>, given: Record<string, HostTensor>) => {
    await using backend = await make();
    await compare(backend, outputs, given, tolerance, "program");
  };

  Deno.test(`${name} says which inputs a program takes and what its products cost`, async () => {
    await using backend = await make();
    const weight = input("w", [3, 4]);
    await using program = await backend.compile({ y: matmul(sum, weight) });
    assert.deepEqual(
      Object.fromEntries(program.inputs),
      { a: a.type, b: b.type, w: weight.type },
    );
    assert.equal(program.flops, 2 * 2 * 3 * 4);
  });

  Deno.test(`${name} ignores feeds that a program does not know`, async () => {
    await check({ sum }, { ...feeds, other: ints([7]) });
  });

  Deno.test(`${name} makes constant inputs part of the program, uploaded or not`, async () => {
    await using backend = await make();
    const weight = input("w", [80, 64]);
    const x = input("x", [runtimeSize("rows"), 64]);
    const values = { w: signed(80, 64)("w"), b: signed(80)("b") };
    const outputs = { y: add(matmul(x, weight, { transB: true }), input("b", [80])) };
    using uploaded = backend.upload(values.w);
    await using program = await backend.compile(outputs, {
      constants: { w: uploaded, b: values.b },
    });
    assert.deepEqual([...program.inputs.keys()], ["x"]);
    for (const rows of [3, 1, 0]) {
      const given = { x: signed(rows, 64)("x") };
      const expected = evaluate(outputs, { ...values, ...given });
      assertClose((await program.run(given)).y, expected.y, tolerance, `${rows} rows`);
    }
  });

  Deno.test(`${name} holds sizes that are left to the run against each other`, async () => {
    await using backend = await make();
    const [rows, columns] = [runtimeSize("rows"), runtimeSize("columns")];
    const product = matmul(input("p", [rows, columns]), input("q", [columns, rows]));
    await using program = await backend.compile({ product });
    const given = { p: signed(2, 3)("p"), q: signed(3, 2)("q") };
    assert.deepEqual((await program.run(given)).product.shape, [2, 2]);
    await assert.rejects(program.run({ ...given, q: signed(3, 4)("q") }), /\bq\b.*columns, rows/);
    assert.throws(() => program.flops, RangeError);
  });

  Deno.test(`${name} takes uploaded tensors of every type, in any number of runs`, async () => {
    await using backend = await make();
    const given = { a: feeds.a, i: ints([2], [3, -4]), m: bytes([2], [1, 0]) };
    const outputs = {
      a,
      i: input("i", [2], "int32"),
      m: input("m", [2], "uint8"),
      twice: add(a, a),
    };
    await using program = await backend.compile(outputs);
    using up = backend.upload(given.a);
    using ids = backend.upload(given.i);
    using mask = backend.upload(given.m);
    assert.deepEqual([up, ids, mask].map(({ type }) => showType(type)), [
      "float32[2, 3]",
      "int32[2]",
      "uint8[2]",
    ]);
    const expected = evaluate(outputs, given);
    for (let run = 0; run < 2; run++) {
      const actual = await program.run({ a: up, i: ids, m: mask });
      for (const key of Object.keys(outputs) as (keyof typeof outputs)[]) {
        assertClose(actual[key], expected[key], tolerance, key);
      }
    }
  });

  Deno.test(`${name} gives the same bits twice`, async () => {
    await using backend = await make();
    const x = input("x", [64, 96]);
    const w = input("w", [80, 96]);
    const y = softmax(exp(matmul(x, w, { transB: true, alpha: 0.01 })));
    const [slope] = gradients(weightedSum(y), [w]);
    const given = { x: signed(64, 96)("x"), w: signed(80, 96)("w") };
    await using program = await backend.compile({ y, slope: slope! });
    const first = await program.run(given);
    assert.deepEqual(await program.run(given), first);
    assert.deepEqual(await runOnce(backend, { y, slope: slope! }, given), first);
  });

  Deno.test(`${name} leaves the results of a run alone in the next`, async () => {
    await using backend = await make();
    await using program = await backend.compile({ sum, a });
    const first = await program.run(feeds);
    const before = [...first.sum.data, ...first.a.data];
    await program.run({ a: floats([2, 3]), b: floats([3]) });
    assert.deepEqual([...first.sum.data, ...first.a.data], before);
  });

  Deno.test(`${name} leaves its feeds as they were`, async () => {
    await using backend = await make();
    const given = { a: floats([2, 3], feeds.a.data.slice()), b: floats([3], feeds.b.data.slice()) };
    const result = await runOnce(backend, { a, sum }, given);
    result.a.data.fill(99);
    assert.deepEqual(given, feeds);
  });

  Deno.test(`${name} sees new values in a feed's array at the next run`, async () => {
    await using backend = await make();
    const given = { a: floats([2, 3], feeds.a.data.slice()), b: feeds.b };
    await using program = await backend.compile({ sum });
    await program.run(given);
    given.a.data.fill(2);
    assertClose((await program.run(given)).sum, evaluate({ sum }, given).sum, tolerance, "sum");
  });

  Deno.test(`${name} gives an input or a constant out as it is`, async () => {
    await check({ a, c: constant(floats([2], [1.5, -2])), s: scalar(3) }, feeds);
  });

  Deno.test(`${name} gives one node out under two names`, async () => {
    await check({ first: sum, second: sum, third: a, fourth: a }, feeds);
  });

  Deno.test(`${name} gives out a value that the graph goes on with`, async () => {
    await check({ sum, square: mul(sum, sum) }, feeds);
  });

  Deno.test(`${name} keeps an output apart from an input of the same name`, async () => {
    // As in a training step, which takes a weight and gives the new one out under its name.
    await check({ a: sum, b: mul(b, b) }, feeds);
  });

  Deno.test(`${name} takes a program with no inputs, and names with odd characters`, async () => {
    await check({ "model.layers.0 / out:1": exp(constant(floats([2], [0, 1]))) }, {});
    const weight = input("model.layers.0.weight [x]", [2]);
    await check({ "новый": exp(weight) }, { "model.layers.0.weight [x]": floats([2], [1, 2]) });
  });

  Deno.test(`${name} runs several programs side by side, and one outlives another`, async () => {
    await using backend = await make();
    await using kept = await backend.compile({ sum });
    const other = await backend.compile({ product: mul(a, b) });
    const [one, two] = await Promise.all([kept.run(feeds), other.run(feeds)]);
    assertClose(one.sum, evaluate({ sum }, feeds).sum, tolerance, "sum");
    assertClose(
      two.product,
      evaluate({ product: mul(a, b) }, feeds).product,
      tolerance,
      "product",
    );
    await other[Symbol.asyncDispose]();
    assertClose((await kept.run(feeds)).sum, one.sum, tolerance, "sum");
  });
}
