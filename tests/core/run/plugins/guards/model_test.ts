/** Guards of models: every answer has the shape that it should. */

import assert from "node:assert/strict";
import { type DecoderModel, type ModelKind } from "../../../../../core/contracts/mod.ts";
import { input, type Node, scalar, slice } from "../../../../../core/graph/mod.ts";
import { inputNodes, ParamNodes } from "../../../../../core/nn/mod.ts";
import { llamaKind } from "../../../../../plugins/models/llama/mod.ts";
import { TINY_CONFIG } from "../../../../end_to_end/tiny_model.ts";
import { userError } from "../../../io/support.ts";
import { guarded, wrongly } from "./support.ts";

/** The tiny Llama with some members replaced, guarded. */
function model(wrong: Partial<Record<keyof DecoderModel, unknown>>): DecoderModel {
  return kindOf((config, source) => ({
    ...llamaKind.fromConfig(config, source),
    ...wrong as Partial<DecoderModel>,
  })).fromConfig(TINY_CONFIG, "config.json");
}

function kindOf(fromConfig: ModelKind["fromConfig"]): ModelKind {
  return guarded({ architectures: [{ ...llamaKind, fromConfig }] }).architectures![0]!;
}

const STATE = input("state", [2, 5, 16]);
const POSITIONS = input("positions", [2, 5], "int32");
const TOKENS = input("tokens", [2, 5], "int32");

Deno.test("a guarded model has every member of the model, and answers as it does", () => {
  const plain = llamaKind.fromConfig(TINY_CONFIG, "config.json");
  const all: Required<DecoderModel> = {
    ...plain,
    redundant: plain.redundant!,
    window: (layer) => layer === 1 ? 3 : undefined,
  };
  const safe = model(all);
  assert.deepEqual(Object.keys(safe).toSorted(), Object.keys(all).toSorted());
  assert.deepEqual(Object.keys(kindOf(llamaKind.fromConfig)), Object.keys(llamaKind));
  const params = new ParamNodes(inputNodes(safe.params()));
  assert.deepEqual(safe.params(), plain.params());
  assert.deepEqual(safe.projections(1), plain.projections(1));
  assert.deepEqual([safe.window!(0), safe.window!(1)], [undefined, 3]);
  assert.deepEqual(safe.redundant!("lm_head.weight"), plain.redundant!("lm_head.weight"));
  assert.deepEqual(safe.embed(params, TOKENS, POSITIONS).type.shape, [2, 5, 16]);
  const { keys } = safe.keysValues(params, 0, STATE, POSITIONS);
  assert.deepEqual(keys.type.shape, [2, 1, 5, 8]);
  assert.deepEqual(safe.head(params, STATE).type.shape, [2, 5, 288]);
});

Deno.test("a model that answers in a wrong shape is named with the function and both shapes", async () => {
  const params = new ParamNodes(inputNodes(model({}).params()));
  const half = (x: Node) => slice(x, -1, 0, 8);
  const memory = { ...model({}).keysValues(params, 1, STATE, POSITIONS), mask: scalar(0) };
  await userError(
    () => model({ embed: () => half(STATE) }).embed(params, TOKENS, POSITIONS),
    /^plugin "mine" \(\.\/mine\.ts\): architecture "llama"/,
    /\.embed returned float32\[2, 5, 8\]; it should be float32\[2, 5, 16\]$/,
  );
  await userError(
    () =>
      model({ block: (_p: unknown, _l: number, rows: Node) => half(rows) })
        .block(params, 1, STATE, POSITIONS, memory),
    /\.block\(layer 1\) returned float32\[2, 5, 8\]; it should be float32\[2, 5, 16\]/,
  );
  await userError(
    () =>
      model({ keysValues: () => ({ keys: STATE, values: STATE }) })
        .keysValues(params, 0, STATE, POSITIONS),
    /\.keysValues\(layer 0\), "keys", returned float32\[2, 5, 16\]; it should be float32\[2, 1, 5, 8\]/,
  );
  await userError(
    () => model({ head: () => undefined }).head(params, STATE),
    /\.head returned no node; it should be float32\[2, 5, 288\]/,
  );
  await userError(
    () => model({ head: () => Promise.resolve(STATE) }).head(params, STATE),
    /\.head returned a promise/,
  );
});

Deno.test("a model without its functions, name or sizes is refused when it is made", async () => {
  const { dims } = llamaKind.fromConfig(TINY_CONFIG, "x");
  const cases: readonly [wrong: Parameters<typeof model>[0], says: RegExp][] = [
    [{ block: undefined }, /architecture "llama": the model has no function "block"/],
    [{ name: undefined }, /the model's name is undefined; give a text/],
    [{ dims: undefined }, /dims\.vocabSize is undefined/],
    [{ dims: { ...dims, numLayers: 0 } }, /dims\.numLayers is 0; give a positive whole number/],
    [
      { dims: { ...dims, numKeyValueHeads: 3 } },
      /dims\.numKeyValueHeads is 3; give a divisor of dims\.numHeads, which is 2/,
    ],
    [{ projections: () => null }, /\.projections\(0\) returned null; it should be a list of names/],
    [{ window: () => "x" }, /\.window\(0\) returned "x"; it should be undefined or a positive/],
    [{ window: (layer: number) => 3 - 3 * layer }, /\.window\(1\) returned 0; it should be/],
  ];
  for (const [wrong, says] of cases) await userError(() => model(wrong), says);
  const late = wrongly<ModelKind["fromConfig"]>(() => Promise.reject(new Error("late")));
  await userError(
    () => kindOf(late).fromConfig({}, "x"),
    /architecture "llama"\.fromConfig returned a promise/,
  );
});

Deno.test("parameters are by their names, and a tensor is redundant or not", async () => {
  await userError(
    () => model({ params: () => null }).params(),
    /\.params: Parameters are declared as null; give an object/,
  );
  await userError(
    () => model({ params: () => [] }).params(),
    /\.params: Parameters are declared as \[\]; give an object/,
  );
  for (const said of [true, { copyOf: 3 }]) {
    await userError(
      () => model({ redundant: () => said }).redundant!("w"),
      /\.redundant\("w"\) returned .*; it should be undefined or { copyOf\? }/,
    );
  }
});

Deno.test("what a model throws is said with the function", async () => {
  await userError(
    () => model({}).embed(new ParamNodes({}), TOKENS, POSITIONS),
    /architecture "llama"\.embed threw TypeError: .*"model\.embed_tokens\.weight"/,
  );
});
