/** What a router is given to read, and that it learns of nothing else. */

import assert from "node:assert/strict";
import { type DecoderModel } from "../../../core/contracts/mod.ts";
import { add, constant, gatherRows, input, type Node } from "../../../core/graph/mod.ts";
import { inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import {
  decideOnly,
  positionFeatures,
  type Reading,
  READINGS,
  siteOf,
} from "../../../core/routing/mod.ts";
import { ints } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { contextInputs } from "../../conformance/routing_context.ts";
import {
  ANCHOR_LAYERS,
  drawBatch,
  drawRouter,
  drawWeights,
  MODEL,
  ROUTER,
} from "../../support/tiny_student.ts";

const LENGTH = 5;
const SITE = siteOf(MODEL, ANCHOR_LAYERS);

/** Log-odds of each of the tokens, `[T, L']`, under a router that is given `reads`. */
function logitsOf(reads: Reading, tokens: readonly number[], model = MODEL): number[][] {
  const params = new ParamNodes({
    ...inputNodes(model.params()),
    ...inputNodes(ROUTER.params(SITE)),
  });
  const { logits } = decideOnly(model, params, input("tokens", [1, LENGTH], "int32"), {
    router: ROUTER,
    params,
    anchorLayers: ANCHOR_LAYERS,
    reads,
    context: contextInputs("eval", [1, LENGTH], SITE),
  });
  const { data } = evaluate({ logits: logits as Node }, {
    ...drawWeights(),
    ...drawRouter(),
    ...drawBatch([LENGTH]),
    tokens: ints([1, LENGTH], tokens),
  }).logits;
  const layers = SITE.routableLayers;
  return tokens.map((_, row) => Array.from(data.slice(row * layers, (row + 1) * layers)));
}

const TOKENS = [3, 1, 4, 1, 5];
const OTHERS = [2, 1, 4, 4, 5];

Deno.test("a router that reads the state tells a token from itself in another place", () => {
  const [, first, , second] = logitsOf("state", TOKENS);
  assert.notDeepEqual(first, second);
});

Deno.test("a router that reads the token answers by nothing else", () => {
  const [, first, four, second, five] = logitsOf("token", TOKENS);
  const [, one, , alsoFour, alsoFive] = logitsOf("token", OTHERS);
  assert.deepEqual(second, first);
  assert.deepEqual([one, alsoFour, alsoFive], [first, four, five]);
  assert.notDeepEqual(first, four);
});

/** The model with a state that also says where the token stands, as learned positions make it. */
const POSITIONED: DecoderModel = {
  ...MODEL,
  embed(params, tokens, positions) {
    const places = constant(positionFeatures(MODEL.dims.maxPositions, MODEL.dims.hiddenSize));
    return add(MODEL.embed(params, tokens, positions), gatherRows(places, positions));
  },
};

Deno.test("a router that reads the token learns nothing of a position that its embedding holds", () => {
  const [, first, , second] = logitsOf("token", TOKENS, POSITIONED);
  assert.deepEqual(second, first);
  assert.deepEqual(first, logitsOf("token", [1, 1, 1, 1, 1], POSITIONED)[4]);
  assert.notDeepEqual(logitsOf("state", TOKENS, POSITIONED), logitsOf("state", TOKENS));
});

Deno.test("a router that reads the position answers by nothing else", () => {
  const answers = logitsOf("position", TOKENS);
  assert.deepEqual(logitsOf("position", OTHERS), answers);
  assert.equal(new Set(answers.map(String)).size, LENGTH);
});

Deno.test("positions are told apart by sines and cosines, at any width", () => {
  const { shape, data } = positionFeatures(3, 4);
  assert.deepEqual(shape, [3, 4]);
  const row = (position: number) => [
    Math.sin(position),
    Math.sin(position / 100),
    Math.cos(position),
    Math.cos(position / 100),
  ];
  assert.deepEqual(data, Float32Array.from([0, 1, 2].flatMap(row)));
  assert.equal(positionFeatures(2, 3).data.length, 6);
});

Deno.test("there is a test for every reading", () => {
  assert.deepEqual([...READINGS].sort(), ["position", "state", "token"]);
});
