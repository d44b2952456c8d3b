/** The onnx backend: what every backend promises, and its own settings. */

import assert from "node:assert/strict";
import { UserError } from "../../../core/contracts/errors.ts";
import { dequantize, input, matmul, matmulRows, neg, takeRows } from "../../../core/graph/mod.ts";
import {
  BLOCK_SIZE,
  bytes,
  dequantizeBlocks,
  emptyBlocks,
  floats,
  pickRows,
  quantizeInto,
  rowsIn,
  runtimeSize,
} from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { testBackend } from "../../conformance/backend.ts";
import { signed } from "../../conformance/cases.ts";
import { assertClose, CLOSE } from "../../conformance/close.ts";

testBackend("onnx", () => onnxBackend({ threads: 1 }), CLOSE.float32);

Deno.test("onnx refuses an execution provider that is not in the build, and says which are", () => {
  assert.throws(() => onnxBackend({ executionProvider: "abacus" }), (error: Error) => {
    assert.ok(error instanceof UserError, `${error.name} instead of a UserError`);
    assert.match(error.message, /"abacus"/);
    assert.match(error.message, /\bcpu\b/);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
});

/** The answer of a small program that was compiled with these session options. */
async function negate(sessionOptions: Readonly<Record<string, unknown>>): Promise<number> {
  await using backend = onnxBackend({ threads: 1, sessionOptions });
  await using program = await backend.compile({ y: neg(input("x", [1])) });
  return (await program.run({ x: floats([1], [3]) })).y.data[0]!;
}

Deno.test("onnx hands session options over to the engine", async () => {
  // The engine writes the graph it optimised where this option says: proof that it was asked.
  const folder = await Deno.makeTempDir({ prefix: "dlr_onnx_" });
  try {
    const path = `${folder}/optimized.onnx`;
    assert.equal(await negate({ optimizedModelFilePath: path }), -3);
    assert.ok((await Deno.stat(path)).size > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("onnx lets session options override its own settings", async () => {
  // A number of threads that the engine cannot read: it complains only if the value reaches it.
  await assert.rejects(negate({ intraOpNumThreads: "many" }), /intraOpNumThreads/);
});

for (const format of ["int4", "nf4"] as const) {
  Deno.test(`onnx makes ${format} blocks part of a program for products of every kind`, async () => {
    const [rows, columns] = [96, 128];
    const size = rows * columns;
    const blocks = emptyBlocks(format, size);
    quantizeInto(blocks, signed(rows, columns)("w").data);
    const constants = {
      codes: bytes([size / 2], blocks.codes),
      scales: floats([size / BLOCK_SIZE], blocks.scales),
    };
    const codes = input("codes", [size / 2], "uint8");
    const made = dequantize(codes, input("scales", [size / BLOCK_SIZE]), [rows, columns], format);
    const outputs = {
      weight: made,
      onward: matmul(input("x", [5, columns]), made, { transB: true, alpha: 0.5 }),
      back: matmul(input("y", [5, rows]), made),
    };
    const given = { x: signed(5, columns)("x"), y: signed(5, rows)("y") };
    await using backend = onnxBackend({ threads: 1 });
    await using fed = await backend.compile(outputs);
    await using own = await backend.compile(outputs, { constants });
    assert.deepEqual([...own.inputs.keys()].sort(), ["x", "y"]);
    const expected = await fed.run({ ...given, ...constants });
    const result = await own.run(given);
    for (const name of Object.keys(outputs) as (keyof typeof outputs)[]) {
      assertClose(result[name], expected[name], CLOSE.float32, name);
    }
  });
}

Deno.test("onnx keeps constant matrices in blocks of four bits if asked, and blocks as they are", async () => {
  const [rows, columns] = [96, 128];
  const x = input("x", [runtimeSize("rows"), columns]);
  const values = signed(rows, columns)("w");
  const blocks = emptyBlocks("int4", rows * columns);
  quantizeInto(blocks, values.data);
  const rounded = floats([rows, columns], dequantizeBlocks(blocks));
  const size = rows * columns;
  const constants = {
    w: values,
    codes: bytes([size / 2], blocks.codes),
    scales: floats([size / BLOCK_SIZE], blocks.scales),
  };
  const codes = input("codes", [size / 2], "uint8");
  const made = dequantize(codes, input("scales", [size / BLOCK_SIZE]), [rows, columns], "int4");
  const part = { groups: 3, start: 4, end: 20 };
  await using backend = onnxBackend({ threads: 1 });
  await using program = await backend.compile({
    quantized: matmulRows(x, input("w", [rows, columns])),
    inBlocks: matmulRows(x, made),
    twice: matmulRows(neg(x), made),
    part: matmulRows(x, takeRows(input("w", [rows, columns]), part)),
    partInBlocks: matmulRows(x, takeRows(made, part)),
  }, { constants, weightFormat: "int4" });
  assert.deepEqual([...program.inputs.keys()], ["x"]);
  const given = { x: signed(5, columns)("x") };
  const result = await program.run(given);
  const expected = evaluate([matmulRows(x, input("w", [rows, columns]))], {
    ...given,
    w: rounded,
  })[0]!;
  // The engine rounds the left side to eight bits.
  const tolerance = { relative: 0.01, absolute: 0.05 * Math.max(...expected.data) };
  assertClose(result.quantized, expected, tolerance, "quantized");
  assertClose(result.inBlocks, result.quantized, CLOSE.float32, "in blocks");
  assertClose(
    result.twice,
    { ...expected, data: expected.data.map((y) => -y) },
    tolerance,
    "twice",
  );
  const ofPart = {
    dtype: expected.dtype,
    shape: [5, rowsIn(part)],
    data: Float64Array.from(
      [0, 1, 2, 3, 4].flatMap((row) => [
        ...pickRows(expected.data.slice(row * rows, (row + 1) * rows), rows, part),
      ]),
    ),
  };
  assertClose(result.part, ofPart, tolerance, "part");
  assertClose(result.partInBlocks, result.part, CLOSE.float32, "part in blocks");
  // The numbers that the part was taken from are not in the file any more.
  const file = backend.exportModel!(
    { part: matmulRows(x, takeRows(input("w", [rows, columns]), part)) },
    { constants, weightFormat: "int4", about: {} },
  );
  assert.ok(file.bytes.length < values.data.byteLength / 4, `${file.bytes.length} bytes`);
});
