/** Programs: inputs and constants, run-time sizes, repetition, and who owns which array. */

import assert from "node:assert/strict";
import { type CompileOptions } from "../../contracts/mod.ts";
import {
  add,
  constant,
  exp,
  gradients,
  input,
  matmul,
  mul,
  type Node,
  scalar,
  softmax,
} from "../../graph/mod.ts";
import { bytes, floats, type HostTensor, ints, runtimeSize, showType } from "../../tensor/mod.ts";
import { closeness, worstFigure } from "../closeness.ts";
import { weightedSum } from "../gradient_check.ts";
import { signed } from "../operations/cases.ts";
import { type Figure, type PluginPromise } from "../promise.ts";
import { assertSame } from "../same.ts";
import { compare, inShort, runOnce } from "./operation_promises.ts";
import { a, b, type BackendSubject, feeds, sum } from "./subject.ts";

/** What holds of programs whatever they compute. */
export function programPromises(subject: BackendSubject): PluginPromise[] {
  return [...feedPromises(subject), ...repetitionPromises(subject), ...outputPromises(subject)];
}

function feedPromises({ make, oracle, tolerance }: BackendSubject): PluginPromise[] {
  return [
    {
      name: "says which inputs a program takes and what its products cost",
      lookAt: "Program.inputs and Program.flops (matmulFlops counts them)",
      async check() {
        await using backend = await make();
        const weight = input("w", [3, 4]);
        await using program = await backend.compile({ y: matmul(sum, weight) });
        const inputs = Object.fromEntries(program.inputs);
        assertSame(
          inputs,
          { a: a.type, b: b.type, w: weight.type },
          `its inputs are ${showTypes(inputs)}`,
        );
        const flops = 2 * 2 * 3 * 4;
        assertSame(program.flops, flops, `it counts ${program.flops} operations, not ${flops}`);
        return `${program.inputs.size} inputs, ${program.flops} operations`;
      },
    },
    {
      name: "makes constant inputs part of the program, uploaded or not",
      lookAt: "CompileOptions.constants",
      async check() {
        await using backend = await make();
        const weight = input("w", [80, 64]);
        const x = input("x", [runtimeSize("rows"), 64]);
        const values = { w: signed(80, 64)("w"), b: signed(80)("b") };
        const outputs = { y: add(matmul(x, weight, { transB: true }), input("b", [80])) };
        using uploaded = backend.upload(values.w);
        const options: CompileOptions = { constants: { w: uploaded, b: values.b } };
        await using program = await backend.compile(outputs, options);
        assertSame(
          [...program.inputs.keys()],
          ["x"],
          `it takes ${[...program.inputs.keys()].join(", ")}`,
        );
        const figures: Figure[] = [];
        for (const rows of [3, 1, 0]) {
          const given = { x: signed(rows, 64)("x") };
          const expected = oracle.evaluate(outputs, { ...values, ...given });
          figures.push(closeness((await program.run(given)).y, expected.y, tolerance));
        }
        return worstFigure(figures);
      },
    },
    {
      name: "holds sizes that are left to the run against each other",
      lookAt: "bindShape, which knows the sizes that inputs bring with them",
      async check() {
        await using backend = await make();
        const [rows, columns] = [runtimeSize("rows"), runtimeSize("columns")];
        const product = matmul(input("p", [rows, columns]), input("q", [columns, rows]));
        await using program = await backend.compile({ product });
        const given = { p: signed(2, 3)("p"), q: signed(3, 2)("q") };
        const { shape } = (await program.run(given)).product;
        assertSame(shape, [2, 2], `the product of [2, 3] and [3, 2] is [${shape}]`);
        const wrong = { ...given, q: signed(3, 4)("q") };
        await assert.rejects(
          program.run(wrong),
          /\bq\b.*columns, rows/,
          "q [3, 4] beside p [2, 3] is not refused by its name and its sizes",
        );
        assert.throws(
          () => program.flops,
          RangeError,
          "operations of sizes that are not known yet are counted",
        );
        return "as they are fed";
      },
    },
    {
      name: "takes uploaded tensors of every type, in any number of runs",
      lookAt: "Backend.upload",
      async check() {
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
        const types = [up, ids, mask].map(({ type }) => showType(type));
        assertSame(
          types,
          ["float32[2, 3]", "int32[2]", "uint8[2]"],
          `the types of uploaded tensors are ${types.join(", ")}`,
        );
        const expected = oracle.evaluate(outputs, given);
        const figures: Figure[] = [];
        for (let run = 0; run < 2; run++) {
          const actual = await program.run({ a: up, i: ids, m: mask });
          for (const key of Object.keys(outputs) as (keyof typeof outputs)[]) {
            figures.push(closeness(actual[key], expected[key], tolerance));
          }
        }
        return worstFigure(figures);
      },
    },
    {
      name: "sees new values in a feed's array at the next run",
      lookAt: "feeds are read at each run, not kept",
      async check() {
        await using backend = await make();
        const given = { a: floats([2, 3], feeds.a.data.slice()), b: feeds.b };
        await using program = await backend.compile({ sum });
        await program.run(given);
        given.a.data.fill(2);
        const expected = oracle.evaluate({ sum }, given).sum;
        return closeness((await program.run(given)).sum, expected, tolerance);
      },
    },
    {
      name: "leaves its feeds as they were",
      lookAt: "outputs are arrays of their own, an input that is given out as well",
      async check() {
        await using backend = await make();
        const copies = {
          a: floats([2, 3], feeds.a.data.slice()),
          b: floats([3], feeds.b.data.slice()),
        };
        const result = await runOnce(backend, { a, sum }, copies);
        result.a.data.fill(99);
        assertSame(copies, feeds, "what was fed is changed by what comes out");
        return "unchanged";
      },
    },
  ];
}

function repetitionPromises({ make, oracle, tolerance }: BackendSubject): PluginPromise[] {
  return [
    {
      name: "gives the same bits twice",
      lookAt: "sums that are taken in another order from run to run, and threads",
      async check() {
        await using backend = await make();
        const x = input("x", [64, 96]);
        const w = input("w", [80, 96]);
        const y = softmax(exp(matmul(x, w, { transB: true, alpha: 0.01 })));
        const [slope] = gradients(weightedSum(y), [w]);
        const given = { x: signed(64, 96)("x"), w: signed(80, 96)("w") };
        await using program = await backend.compile({ y, slope: slope! });
        const first = await program.run(given);
        assertSame(await program.run(given), first, "a second run gives other bits");
        const anew = await runOnce(backend, { y, slope: slope! }, given);
        assertSame(anew, first, "the same graph, compiled again, gives other bits");
        return `${first.y.data.length + first.slope.data.length} numbers`;
      },
    },
    {
      name: "leaves the results of a run alone in the next",
      lookAt: "outputs that share memory with those of the next run",
      async check() {
        await using backend = await make();
        await using program = await backend.compile({ sum, a });
        const first = await program.run(feeds);
        const before = [...first.sum.data, ...first.a.data];
        await program.run({ a: floats([2, 3]), b: floats([3]) });
        const after = [...first.sum.data, ...first.a.data];
        assertSame(after, before, "results change when the program runs again");
        return "unchanged";
      },
    },
    {
      name: "runs several programs side by side, and one outlives another",
      lookAt: "what programs of a backend share",
      async check() {
        await using backend = await make();
        await using kept = await backend.compile({ sum });
        const product = mul(a, b);
        const other = await backend.compile({ product });
        const [one, two] = await Promise.all([kept.run(feeds), other.run(feeds)]);
        const expected = oracle.evaluate({ sum, product }, feeds);
        await other[Symbol.asyncDispose]();
        return worstFigure([
          closeness(one.sum, expected.sum, tolerance),
          closeness(two.product, expected.product, tolerance),
          closeness((await kept.run(feeds)).sum, one.sum, tolerance),
        ]);
      },
    },
  ];
}

/** Outputs of every kind, compared with the oracle's. */
function outputPromises(subject: BackendSubject): PluginPromise[] {
  const weight = input("model.layers.0.weight [x]", [2]);
  const numbers = constant(floats([2], [0, 1]));
  const cases: readonly [
    name: string,
    programs: readonly (readonly [Record<string, Node>, Record<string, HostTensor>])[],
  ][] = [
    ["ignores feeds that a program does not know", [[{ sum }, { ...feeds, other: ints([7]) }]]],
    ["gives an input or a constant out as it is", [
      [{ a, c: constant(floats([2], [1.5, -2])), s: scalar(3) }, feeds],
    ]],
    ["gives one node out under two names", [
      [{ first: sum, second: sum, third: a, fourth: a }, feeds],
    ]],
    ["gives out a value that the graph goes on with", [[{ sum, square: mul(sum, sum) }, feeds]]],
    // As in a training step, which takes a weight and gives the new one out under its name.
    ["keeps an output apart from an input of the same name", [[{ a: sum, b: mul(b, b) }, feeds]]],
    ["takes a program with no inputs, and names with odd characters", [
      [{ "model.layers.0 / out:1": exp(numbers) }, {}],
      [{ "новый": exp(weight) }, { "model.layers.0.weight [x]": floats([2], [1, 2]) }],
    ]],
  ];
  return cases.map(([name, programs]) => ({
    name,
    lookAt: "how outputs and inputs of a program are told apart",
    async check() {
      await using backend = await subject.make();
      const figures: Figure[] = [];
      for (const [outputs, given] of programs) {
        figures.push(await compare(subject, backend, outputs, given, "a program"));
      }
      return inShort(worstFigure(figures));
    },
  }));
}

function showTypes(types: Readonly<Record<string, Parameters<typeof showType>[0]>>): string {
  return Object.entries(types).map(([name, type]) => `${name} ${showType(type)}`).join(", ");
}
