/** The onnx backend: what every backend promises, and its own settings. */

import assert from "node:assert/strict";
import { UserError } from "../../../core/contracts/errors.ts";
import { input, neg } from "../../../core/graph/mod.ts";
import { floats } from "../../../core/tensor/mod.ts";
import { onnxBackend } from "../../../plugins/backends/onnx/mod.ts";
import { testBackend } from "../../conformance/backend.ts";
import { CLOSE } from "../../conformance/close.ts";

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
