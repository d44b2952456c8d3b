/** Kernels at sizes where invocations share work, and with less room than devices have. */

import assert from "node:assert/strict";
import * as g from "../../../../core/graph/mod.ts";
import {
  floats,
  type HostTensor,
  ints,
  RandomStream,
  runtimeSize,
} from "../../../../core/tensor/mod.ts";
import { evaluate } from "../../../../plugins/backends/reference/mod.ts";
import { lower, type LoweringOptions } from "../../../../plugins/backends/webgpu/lowering/lower.ts";
import { signed } from "../../../conformance/cases.ts";
import { assertClose, CLOSE } from "../../../conformance/close.ts";
import {
  adapterTest,
  check,
  DEVICE,
  type Feeds,
  LONG_SUMS,
  type Outputs,
  tunedTest,
} from "./support.ts";

/** 0 or 1, a third of them 1. */
function mask(size: number): HostTensor {
  const random = new RandomStream(3, `mask ${size}`);
  return floats([size], Array.from({ length: size }, () => random.below(3) === 0 ? 1 : 0));
}

for (const width of [31, 100, 700, 3001]) {
  adapterTest(
    `webgpu works on rows of ${width}, however many invocations share one`,
    async (backend) => {
      const x = g.input("x", [3, width]);
      const targets = ints([3], [0, width - 1, width >> 1]);
      const ids = g.input("ids", [3], "int32");
      const y = g.input("y", [3, width]);
      await check(backend, {
        softmax: g.softmax(x),
        logSoftmax: g.logSoftmax(x),
        crossEntropy: g.crossEntropy(x, ids),
        klDivergence: g.klDivergence(x, y),
        rmsNorm: g.rmsNorm(x, g.reshape(g.slice(y, 0, 0, 1), [width]), 1e-5),
        inverseRms: g.inverseRms(x, 1e-5),
      }, { x: signed(3, width)("x"), y: signed(3, width)("y"), ids: targets });
      await check(
        backend,
        {
          along: g.reduceSum(x, [1]),
          across: g.reduceSum(g.transpose(x, [1, 0]), [0]),
          all: g.reduceSum(g.mul(x, y)),
          running: g.cumulativeSum(x, 1),
          runningDown: g.cumulativeSum(g.transpose(x, [1, 0]), 0),
        },
        { x: signed(3, width)("x"), y: signed(3, width)("y") },
        LONG_SUMS,
      );
    },
  );
}

adapterTest("webgpu hands on what is no number, and takes the limits far out", async (backend) => {
  const x = g.input("x", [6]);
  const outputs = { sigmoid: g.sigmoid(x), silu: g.silu(x), tanh: g.tanh(x), erf: g.erf(x) };
  const feeds = { x: floats([6], [NaN, Infinity, -Infinity, 3e38, -3e38, -100]) };
  await using program = await backend.compile(outputs);
  const actual = await program.run(feeds);
  const expected = evaluate(outputs, feeds);
  for (const name of ["sigmoid", "silu", "tanh", "erf"] as const) {
    // Below the smallest normal numbers a device may take 0.
    const numbers = (tensor: HostTensor) =>
      [...tensor.data].map((y) => Math.abs(y) < 1e-37 ? 0 : y);
    assert.deepEqual(numbers(actual[name]), numbers(expected[name]), name);
  }
});

adapterTest(
  "webgpu finds places and scatters over more than a workgroup's invocations",
  async (backend) => {
    const size = 1500;
    const given = { keep: mask(size), x: signed(size, 3)("x") };
    const x = g.input("x", [size, 3]);
    const places = g.nonZero(g.input("keep", [size]), runtimeSize("kept here"));
    const rows = g.gatherRows(x, places);
    await check(
      backend,
      {
        places,
        rows,
        sum: g.reduceSum(rows, [0], true),
        put: g.putRows(x, places, g.scale(rows, 2)),
      },
      given,
      LONG_SUMS,
    );
    const ids = ints([size], Array.from({ length: size }, (_, i) => i % 7));
    const scattered = g.scatterRows(x, g.input("ids", [size], "int32"), 7);
    await check(backend, { scattered }, { x: given.x, ids }, LONG_SUMS);
  },
);

/** Products with every edge ragged, in all four forms, alone and in a batch, and of a view. */
function products([rows, inner, columns]: readonly [number, number, number]): [Outputs, Feeds] {
  const outputs: Record<string, g.Node> = {};
  const feeds: Record<string, HostTensor> = {};
  for (const transA of [false, true]) {
    for (const transB of [false, true]) {
      const name = `${transA} ${transB}`;
      const left = transA ? [2, inner, rows] : [2, rows, inner];
      const right = transB ? [2, columns, inner] : [2, inner, columns];
      feeds[`a ${name}`] = signed(...left)(name);
      feeds[`b ${name}`] = signed(...right)(name);
      const [a, b] = [g.input(`a ${name}`, left), g.input(`b ${name}`, right)];
      const one = (x: g.Node) => g.slice(x, 0, 1, 2);
      const matrix = (x: g.Node) => g.reshape(one(x), x.type.shape.slice(1));
      outputs[`batch ${name}`] = g.matmul(a, b, { transA, transB, alpha: 0.5 });
      outputs[`one ${name}`] = g.matmul(matrix(a), matrix(b), { transA, transB });
      if (!transA) outputs[`shared ${name}`] = g.matmul(a, matrix(b), { transB });
    }
  }
  return [outputs, feeds];
}

for (const tiles of ["shared", "registers"] as const) {
  tunedTest(
    `webgpu multiplies through ${tiles}, whatever the sizes`,
    { tiles },
    async (backend) => {
      for (const sizes of [[70, 37, 67], [5, 130, 33]] as const) {
        await check(backend, ...products(sizes), LONG_SUMS);
      }
    },
  );
}

adapterTest("webgpu multiplies few rows, whatever the sizes", async (backend) => {
  for (const sizes of [[1, 300, 70], [3, 65, 130], [8, 40, 33]] as const) {
    await check(backend, ...products(sizes), LONG_SUMS);
  }
});

tunedTest(
  "webgpu reads and writes tensors that are in several bindings",
  { mostBound: 64 },
  async (backend) => {
    const [x, y] = [g.input("x", [9, 20]), g.input("y", [20, 9])];
    const ids = ints([3], [8, 0, 8]);
    const feeds = { x: signed(9, 20)("x"), y: signed(20, 9)("y"), ids };
    const table = g.scatterRows(g.gatherRows(x, g.input("ids", [3], "int32")), g.constant(ids), 9);
    await check(
      backend,
      {
        moved: g.concat([x, g.transpose(y, [1, 0])], 1),
        softmax: g.softmax(g.add(x, g.scalar(1))),
        product: g.matmul(g.neg(x), y),
        sum: g.reduceSum(g.mul(x, x), [0]),
        table,
        slope: g.gradients(g.reduceSum(g.mul(table, table)), [x])[0]!,
      },
      feeds,
      LONG_SUMS,
    );
  },
);

/** Fails where a kernel is bound to more than `device` has. */
function assertBindings(outputs: Outputs, device: LoweringOptions): void {
  for (const step of lower(outputs, device).steps) {
    if (step.kind !== "dispatch") continue;
    const count = step.bound.length + (step.names.length > 0 ? 1 : 0);
    assert.ok(count <= device.mostBindings, `${step.label} takes ${count}`);
  }
}

tunedTest("webgpu adds up more values than a kernel may be bound to", {
  mostBindings: 8,
}, async (backend) => {
  const names = Array.from({ length: 40 }, (_, i) => `x${i}`);
  const feeds = Object.fromEntries(names.map((name) => [name, signed(3, 2)(name)]));
  const inputs = names.map((name) => g.input(name, [3, 2]));
  const outputs = {
    sum: inputs.reduce(g.add),
    list: g.concat(inputs, 0),
    softmax: g.softmax(inputs.map((x) => g.exp(x)).reduce(g.mul)),
  };
  assertBindings(outputs, { ...DEVICE, mostBindings: 8 });
  await check(backend, outputs, feeds, LONG_SUMS);
});

const PARTS = { mostBindings: 16, mostBound: 64 } as const;

tunedTest("webgpu counts the parts of what it writes, too", PARTS, async (backend) => {
  const names = Array.from({ length: 7 }, (_, i) => `x${i}`);
  const feeds: Record<string, HostTensor> = { long: signed(380)("long") };
  for (const name of names) feeds[name] = signed(1)(name);
  const sum = [g.input("long", [380]), ...names.map((name) => g.input(name, [1]))].reduce(g.add);
  assertBindings({ sum }, { ...DEVICE, ...PARTS });
  await check(backend, { sum }, feeds, LONG_SUMS);
  // Where no arrangement will do it says what is too large.
  const more = g.add(g.input("a", [500]), g.input("b", [500]));
  await assert.rejects(backend.compile({ more }), {
    name: "UserError",
    message: /takes 24 bindings, 8 of them for float32\[500\] .* has 16 .*: take a smaller batch/,
  });
});

adapterTest("webgpu asks the device for a count where its bound is not known", async (backend) => {
  const size = runtimeSize("asked for");
  const row = g.cast(g.countUp(g.input("limits", [3]), size), "float32");
  const table = g.mul(g.reshape(row, [size, 1]), g.constant(floats([1, 2], [1, 10])));
  const outputs = { row, table, sum: g.reduceSum(table, [0]) };
  await using program = await backend.compile(outputs);
  for (const limits of [[2, 5, 0], [0, 0, 0], [700, 1, 2]]) {
    const given = { limits: floats([3], limits) };
    // What is on the device already, the host does not look at.
    using uploaded = backend.upload(given.limits);
    const expected = evaluate(outputs, given);
    for (const feeds of [{ limits: uploaded }, given]) {
      const actual = await program.run(feeds);
      for (const name of ["row", "table", "sum"] as const) {
        assertClose(actual[name], expected[name], CLOSE.float32, `${name} of ${limits}`);
      }
    }
  }
});

adapterTest("webgpu leaves out what a choice does not fall on, at every depth", async (backend) => {
  const x = g.input("x", [70, 3]);
  const [outer, inner] = [g.input("outer", []), g.input("inner", [])];
  const deep = g.choose(
    inner,
    g.softmax(x),
    g.matmul(g.exp(x), g.constant(floats([3, 3], [...Array(9).keys()]))),
  );
  const all = g.choose(outer, g.add(deep, deep), g.cumulativeSum(x, 0));
  await using program = await backend.compile({ all });
  const given = { x: signed(70, 3)("x") };
  for (const [a, b] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) {
    const feeds = { ...given, outer: floats([], [a]), inner: floats([], [b]) };
    const actual = await program.run(feeds);
    assertClose(actual.all, evaluate({ all }, feeds).all, LONG_SUMS, `outer ${a}, inner ${b}`);
  }
});

adapterTest("webgpu uses memory again from run to run, at changing sizes too", async (backend) => {
  const rows = runtimeSize("rows of these");
  const x = g.input("x", [rows, 40]);
  const y = g.softmax(g.matmul(g.exp(x), g.constant(signed(40, 30)("w"))));
  await using program = await backend.compile({ y });
  const results: HostTensor[] = [];
  for (const count of [5, 90, 0, 5, 90]) {
    const feeds = { x: signed(count, 40)(`x ${count}`) };
    const actual = (await program.run(feeds)).y;
    assertClose(actual, evaluate({ y }, feeds).y, CLOSE.float32, `${count} rows`);
    results.push(actual);
  }
  assert.deepEqual(results[3], results[0]);
  assert.deepEqual(results[4], results[1]);
});

adapterTest(
  "webgpu reads back each run's own results, however fast they follow",
  async (backend) => {
    const x = g.input("x", [runtimeSize("read back"), 50]);
    await using program = await backend.compile({ sum: g.reduceSum(x), twice: g.add(x, x) });
    // More than come while the first is still being told of, of few and of many bytes.
    for (let run = 1; run <= 60; run++) {
      const rows = run % 7 === 0 ? 900 : run % 3;
      const given = floats([rows, 50], new Float32Array(rows * 50).fill(run));
      const { sum, twice } = await program.run({ x: given });
      assert.equal(sum.data[0], rows * 50 * run);
      assert.equal(twice.data.length, rows * 50);
      assert.ok(twice.data.every((value) => value === 2 * run), `run ${run}`);
    }
  },
);
