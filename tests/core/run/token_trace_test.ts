/** What is written of each token, and what is refused when it is read. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { type LabelledBatch } from "../../../core/eval/mod.ts";
import { type FinishedRun } from "../../../core/run/finished_run.ts";
import { readTokenTrace, traceTokens, writeTokenTrace } from "../../../core/run/token_trace.ts";
import { floats, ints } from "../../../core/tensor/mod.ts";

const PIECES = ["the", " old", " play", "ing", "<end>"];
const [LENGTH, LAYERS, ANCHOR] = [4, 2, 3];

/** Like real tokenizers: a space in front is lost alone, special tokens have no text unless asked. */
const decode = (ids: ArrayLike<number>, { keepSpecial = false } = {}) =>
  Array.from(ids, (id) => id === 4 && !keepSpecial ? "" : PIECES[id]!).join("")
    .replace(/^ (?=\S)/, "");

/** Two sequences of four tokens; padding is -1. Token t runs layer 0 if t is odd, 1 if it is over 1. */
function runOf(...ids: readonly number[]): FinishedRun {
  const shape = [2, LENGTH];
  const batch: LabelledBatch = {
    tokens: ints(shape, ids.map((id) => Math.max(id, 0))),
    targets: ints(shape),
    tokenMask: floats(shape, ids.map((id) => id < 0 ? 0 : 1)),
    scoreMask: floats(shape, ids.map((_, t) => t === 3 ? 0 : 1)),
  };
  const tokens = Array.from({ length: 2 * LENGTH }, (_, t) => t);
  return {
    evaluator: {
      routedTokens: () =>
        Promise.resolve({
          losses: floats(shape, tokens.map((t) => t / 8)),
          gates: floats([...shape, LAYERS], tokens.flatMap((t) => [t % 2, t > 1 ? 1 : 0])),
        }),
    },
    parts: {
      student: {
        router: { anchorLayers: ANCHOR },
        model: { dims: { numLayers: ANCHOR + LAYERS } },
      },
      tokenizer: { decode },
      validationBatches: (count: number) => [batch].slice(0, count),
    },
    config: { batchSize: 2 },
    point: { threshold: 0.5, targetSkip: 0.3 },
  } as unknown as FinishedRun;
}

Deno.test("each token has what it adds to the text, its gates, and the loss after it", async () => {
  const trace = await traceTokens(runOf(0, 1, 2, 3, 4, 1, -1, -1));
  assert.deepEqual(trace, {
    anchorLayers: 3,
    totalLayers: 5,
    threshold: 0.5,
    targetSkip: 0.3,
    sequences: [
      {
        texts: ["the", " old", " play", "ing"],
        losses: [0, 0.125, 0.25, null],
        gates: ["00", "10", "01", "11"],
      },
      // A special token by its name; padding not at all.
      { texts: ["<end>", "old"], losses: [0.5, 0.625], gates: ["01", "11"] },
    ],
  });
  assert.equal((await traceTokens(runOf(0, 1, 2, 3, 4, 1, -1, -1), 1)).sequences.length, 1);
});

Deno.test("a trace is read as it was written; one that does not fit is refused by its place", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "dlr_trace_" });
  try {
    const trace = await traceTokens(runOf(0, 1, 2, 3, 4, 1, -1, -1));
    writeTokenTrace(folder, trace);
    assert.deepEqual(readTokenTrace(folder), trace);
    const damaged = (change: object) => {
      writeTokenTrace(folder, { ...trace, ...change });
      return () => readTokenTrace(folder);
    };
    const [first] = trace.sequences;
    const texts = ["one too few"];
    assert.throws(damaged({ sequences: [{ ...first, texts }] }), /damaged: sequences\.0: .*length/);
    assert.throws(damaged({ totalLayers: 9 }), /damaged: its contents: gates need a digit/);
    const gates = ["0x", "00", "00", "00"];
    assert.throws(damaged({ sequences: [{ ...first, gates }] }), /damaged: sequences\.0\.gates\.0/);
    Deno.removeSync(join(folder, "tokens.json"));
    assert.throws(() => readTokenTrace(folder), /Cannot read a text's tokens/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
