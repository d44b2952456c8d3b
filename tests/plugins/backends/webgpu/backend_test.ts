/** The webgpu backend: what every backend promises, its adapters, and what may go wrong. */

import assert from "node:assert/strict";
import { type DeviceTensor } from "../../../../core/contracts/backend.ts";
import { UserError } from "../../../../core/contracts/errors.ts";
import {
  add,
  broadcastTo,
  gatherRows,
  input,
  matmulRows,
  neg,
  reduceSum,
  scalar,
} from "../../../../core/graph/mod.ts";
import {
  dequantizeBlocks,
  emptyBlocks,
  floats,
  ints,
  quantizeInto,
  runtimeSize,
} from "../../../../core/tensor/mod.ts";
import { openOnnxBackend } from "../../../../plugins/backends/onnx/mod.ts";
import { evaluate } from "../../../../plugins/backends/reference/mod.ts";
import { openWebgpuBackend } from "../../../../plugins/backends/webgpu/mod.ts";
import { type GpuTensor } from "../../../../plugins/backends/webgpu/runtime/memory.ts";
import { testBackend } from "../../../conformance/backend.ts";
import { signed } from "../../../conformance/cases.ts";
import { assertClose, CLOSE } from "../../../conformance/close.ts";
import { adapterTest, hasAdapter } from "./support.ts";

if (hasAdapter) testBackend("webgpu", () => openWebgpuBackend(), CLOSE.float32);
else Deno.test.ignore("webgpu keeps what a backend promises (no graphics adapter here)", () => {});

/** Fails unless `error` is one line for the user that says this. */
function saysInOneLine(...patterns: readonly RegExp[]) {
  return (error: Error) => {
    assert.ok(error instanceof UserError, `${error.name} instead of a UserError: ${error.message}`);
    for (const pattern of patterns) assert.match(error.message, pattern);
    assert.ok(!error.message.includes("\n"));
    return true;
  };
}

Deno.test("webgpu refuses an adapter that it does not know, and says which there are", async () => {
  await assert.rejects(
    openWebgpuBackend({ executionProvider: "abacus" }),
    saysInOneLine(/"abacus"/, /high-performance/, /fallback/),
  );
});

Deno.test("webgpu refuses session options, as it has none", async () => {
  await assert.rejects(
    openWebgpuBackend({ sessionOptions: { intraOpNumThreads: 3 } }),
    saysInOneLine(/"intraOpNumThreads"/),
  );
});

adapterTest(
  "webgpu says how much memory was asked for where a device has no such piece",
  async (backend) => {
    const large = broadcastTo(scalar(1), [2 ** 15, 2 ** 16]);
    await assert.rejects(
      backend.compile({ large }),
      saysInOneLine(/float32\[32768, 65536\]/, /8192 MB/),
    );
  },
);

adapterTest(
  "webgpu tells that the device was lost, and that what was saved is whole",
  async (backend) => {
    await using program = await backend.compile({ y: neg(input("x", [2])) });
    const given = { x: floats([2], [1, 2]) };
    using tensor = backend.upload(given.x);
    (tensor as GpuTensor).device.destroy();
    await assert.rejects(program.run(given), saysInOneLine(/lost/, /saved is whole/));
    // And again, whatever is asked of it.
    await assert.rejects(program.run(given), saysInOneLine(/lost/));
  },
);

adapterTest("webgpu refuses a tensor of another backend by its input's name", async (backend) => {
  await using other = await openOnnxBackend({ threads: 1 });
  await using program = await backend.compile({ y: neg(input("x", [2])) });
  using foreign = other.upload(floats([2]));
  await assert.rejects(program.run({ x: foreign }), { name: "TypeError", message: /"x"/ });
  await using second = await openWebgpuBackend();
  using apart = second.upload(floats([2]));
  await assert.rejects(program.run({ x: apart }), { name: "TypeError", message: /"x"/ });
});

adapterTest(
  "webgpu keeps constants that were uploaded, though they are disposed of",
  async (backend) => {
    const y = neg(input("x", [2]));
    const x = backend.upload(floats([2], [1, 2]));
    await using program = await backend.compile({ y }, { constants: { x } });
    x[Symbol.dispose]();
    assert.deepEqual([...(await program.run({})).y.data], [-1, -2]);
  },
);

adapterTest("webgpu keeps constant matrices in blocks of four bits if asked", async (backend) => {
  const [rows, columns] = [96, 128];
  const x = input("x", [runtimeSize("rows"), columns]);
  const weight = input("w", [rows, columns]);
  const ids = input("ids", [2], "int32");
  const values = signed(rows, columns)("w");
  const blocks = emptyBlocks("int4", rows * columns);
  quantizeInto(blocks, values.data);
  const rounded = floats([rows, columns], dequantizeBlocks(blocks));
  const product = matmulRows(x, weight);
  const outputs = {
    product,
    again: neg(matmulRows(neg(x), weight)),
    looked: gatherRows(weight, ids),
  };
  using uploaded = backend.upload(values);
  const given = { x: signed(5, columns)("x"), ids: ints([2], [95, 0]) };
  const expected = evaluate({ product }, { ...given, w: rounded }).product;
  const options = { relative: 1e-5, absolute: 1e-4 };
  for (const w of [values, uploaded]) {
    await using program = await backend.compile(outputs, {
      constants: { w },
      weightFormat: "int4",
    });
    const result = await program.run(given);
    assertClose(result.product, expected, options, "product");
    assertClose(result.again, expected, options, "again");
    // What is looked up is no product: it stays as it is.
    assert.deepEqual(result.looked.data.slice(columns), values.data.slice(0, columns));
  }
});

adapterTest("webgpu keeps outputs on the device that are fed to other runs", async (backend) => {
  const x = input("x", [runtimeSize("rows"), 3]);
  const outputs = { double: add(x, x), same: x, read: neg(x), twice: add(x, x) };
  await using program = await backend.compile(outputs);
  const given = { x: signed(4, 3)("x") };
  const kept = await program.runKeeping!(given, (name) => name !== "read");
  assert.ok("data" in kept.read && !("data" in kept.double));
  await using reader = await backend.compile({ sum: reduceSum(x) });
  const sums: Record<string, number> = {};
  for (const name of ["double", "same", "twice"] as const) {
    const tensor = kept[name] as DeviceTensor;
    assert.deepEqual(tensor.type, { dtype: "float32", shape: [4, 3] });
    // Other runs do not disturb what is kept.
    await program.run({ x: signed(4, 3)("other") });
    sums[name] = (await reader.run({ x: tensor })).sum.data[0]!;
    tensor[Symbol.dispose]();
    await assert.rejects(reader.run({ x: tensor }), /disposed/);
  }
  const sum = evaluate([reduceSum(x)], given)[0]!.data[0]!;
  for (const [name, factor] of [["double", 2], ["same", 1], ["twice", 2]] as const) {
    assert.ok(Math.abs(sums[name]! - factor * sum) < 1e-5, `${name}: ${sums[name]}`);
  }
});
