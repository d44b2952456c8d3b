/** Models of plugins: every answer has the shape that it should. */

import {
  type DecoderModel,
  type ModelDims,
  type ModelKind,
  PluginFault,
} from "../../../contracts/mod.ts";
import { type Node } from "../../../graph/mod.ts";
import { sameShape, type Shape, showType } from "../../../tensor/mod.ts";
import { callPlugin, requireFunctions, shown, wrongAnswer } from "./call.ts";
import { membersOf } from "./members.ts";
import { checkedSpecs } from "./specs.ts";
import { isCount, isRecord, isText, isTexts } from "./values.ts";

/** A family of models whose calls are checked. @param owner whose it is, for messages */
export function guardModelKind(kind: ModelKind, owner: string): ModelKind {
  const name = `${owner}: architecture "${kind.name}"`;
  return membersOf<ModelKind>({
    name: kind.name,
    architectures: kind.architectures,
    fromConfig: (config, source) => {
      const model = callPlugin(`${name}.fromConfig`, () => kind.fromConfig(config, source));
      return guardModel(model, name, source);
    },
  });
}

const SIZES = Object.keys(
  {
    vocabSize: true,
    hiddenSize: true,
    numLayers: true,
    numHeads: true,
    numKeyValueHeads: true,
    headDim: true,
    maxPositions: true,
  } satisfies Record<keyof Required<ModelDims>, true>,
) as (keyof ModelDims)[];

const METHODS = ["params", "projections", "embed", "keysValues", "block", "head"] as const;

function guardModel(model: DecoderModel, name: string, source: string): DecoderModel {
  requireFunctions(`${name}: the model`, model, METHODS);
  if (!isText(model.name)) {
    throw new PluginFault(`${name}: the model's name is ${shown(model.name)}; give a text`);
  }
  const { dims } = model;
  checkDims(dims, `${name}, of ${source}`);
  const { hiddenSize, vocabSize, numKeyValueHeads, headDim } = dims;
  const returned = <T>(what: string, value: T, isRight: boolean, expected: string): T => {
    if (isRight) return value;
    throw wrongAnswer(`${name}.${what}`, shown(value), expected);
  };
  const expect = (what: string, node: Node, shape: Shape): Node => {
    const expected = { dtype: "float32", shape } as const;
    const type = node?.type;
    if (type?.dtype === "float32" && sameShape(type.shape, shape)) return node;
    throw wrongAnswer(`${name}.${what}`, type ? showType(type) : "no node", showType(expected));
  };
  // Each of them is told what it may not have been written for: any batch, any length.
  const safe = membersOf<DecoderModel>({
    name: model.name,
    dims,
    params() {
      return checkedSpecs(callPlugin(`${name}.params`, () => model.params()), `${name}.params`);
    },
    redundant: model.redundant && ((tensor) => {
      const what = `redundant("${tensor}")`;
      const said = callPlugin(`${name}.${what}`, () => model.redundant!(tensor));
      const isRight = said === undefined ||
        isRecord(said) && (said.copyOf === undefined || isText(said.copyOf));
      return returned(what, said, isRight, "undefined or { copyOf? }");
    }),
    window: model.window && ((layer) => {
      const what = `window(${layer})`;
      const tokens = callPlugin(`${name}.${what}`, () => model.window!(layer));
      const isRight = tokens === undefined || isCount(tokens, 1);
      return returned(what, tokens, isRight, "undefined or a positive whole number of tokens");
    }),
    projections(layer) {
      const what = `projections(${layer})`;
      const names = callPlugin(`${name}.${what}`, () => model.projections(layer));
      return returned(what, names, isTexts(names), "a list of names");
    },
    embed(params, tokens, positions) {
      const node = callPlugin(`${name}.embed`, () => model.embed(params, tokens, positions));
      return expect("embed", node, [...tokens.type.shape, hiddenSize]);
    },
    keysValues(params, layer, hiddenStates, positions) {
      const what = `keysValues(layer ${layer})`;
      const { keys, values } = callPlugin(
        `${name}.${what}`,
        () => model.keysValues(params, layer, hiddenStates, positions),
      ) ?? {};
      const [batch, length] = hiddenStates.type.shape as [number, number];
      const shape = [batch, numKeyValueHeads, length, headDim];
      return {
        keys: expect(`${what}, "keys",`, keys, shape),
        values: expect(`${what}, "values",`, values, shape),
      };
    },
    block(params, layer, rows, positions, memory) {
      const what = `block(layer ${layer})`;
      const node = callPlugin(
        `${name}.${what}`,
        () => model.block(params, layer, rows, positions, memory),
      );
      return expect(what, node, rows.type.shape);
    },
    head(params, rows) {
      const node = callPlugin(`${name}.head`, () => model.head(params, rows));
      return expect("head", node, [...rows.type.shape.slice(0, -1), vocabSize]);
    },
  });
  // Not all work with a model asks for these, and whoever does may ask late.
  for (let layer = 0; layer < dims.numLayers; layer++) {
    safe.projections(layer);
    safe.window?.(layer);
  }
  return safe;
}

function checkDims(dims: ModelDims, what: string): void {
  for (const size of SIZES) {
    const value = dims?.[size];
    if (isCount(value, 1)) continue;
    throw new PluginFault(`${what}: dims.${size} is ${shown(value)}; give a positive whole number`);
  }
  const { numHeads, numKeyValueHeads } = dims;
  if (numHeads % numKeyValueHeads === 0) return;
  throw new PluginFault(
    `${what}: dims.numKeyValueHeads is ${numKeyValueHeads}; give a divisor of dims.numHeads, which is ` +
      numHeads,
  );
}
