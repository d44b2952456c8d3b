/** Models of plugins: every answer has the shape that it should. */

import { type DecoderModel, type ModelKind } from "../../../contracts/mod.ts";
import { type Node } from "../../../graph/mod.ts";
import { sameShape, type Shape, showType } from "../../../tensor/mod.ts";
import { callPlugin, PluginFault, wrongAnswer } from "./call.ts";

/** A family of models whose calls are checked. @param owner whose it is, for messages */
export function guardModelKind(kind: ModelKind, owner: string): ModelKind {
  const name = `${owner}: architecture "${kind.name}"`;
  return {
    name: kind.name,
    architectures: kind.architectures,
    fromConfig: (config, source) => {
      const model = callPlugin(`${name}.fromConfig`, () => kind.fromConfig(config, source));
      return guardModel(model, name, source);
    },
  };
}

const SIZES = [
  "vocabSize",
  "hiddenSize",
  "numLayers",
  "numHeads",
  "numKeyValueHeads",
  "headDim",
  "maxPositions",
] as const;

const METHODS = ["params", "projections", "embed", "keysValues", "block", "head"] as const;

function guardModel(model: DecoderModel, name: string, source: string): DecoderModel {
  for (const method of METHODS) {
    if (typeof model?.[method] === "function") continue;
    throw new PluginFault(`${name}: the model has no function "${method}"`);
  }
  const { dims } = model;
  for (const size of SIZES) {
    const value = dims?.[size];
    if (Number.isInteger(value) && value > 0) continue;
    throw new PluginFault(
      `${name}, of ${source}: dims.${size} is ${value}; give a positive whole number`,
    );
  }
  const { hiddenSize, vocabSize, numKeyValueHeads, headDim } = dims;
  const expect = (what: string, node: Node, shape: Shape): Node => {
    const expected = { dtype: "float32", shape } as const;
    const type = node?.type;
    if (type?.dtype === "float32" && sameShape(type.shape, shape)) return node;
    throw wrongAnswer(`${name}.${what}`, type ? showType(type) : "no node", showType(expected));
  };
  // Each of them is told what it may not have been written for: any batch, any length.
  return {
    name: model.name,
    dims,
    params: () => callPlugin(`${name}.params`, () => model.params()),
    ...(model.redundant === undefined ? {} : {
      redundant: (tensor: string) =>
        callPlugin(`${name}.redundant("${tensor}")`, () => model.redundant?.(tensor)),
    }),
    ...(model.window === undefined ? {} : {
      window: (layer: number) =>
        callPlugin(`${name}.window(${layer})`, () => model.window?.(layer)),
    }),
    projections: (layer) =>
      callPlugin(`${name}.projections(${layer})`, () => model.projections(layer)),
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
  };
}
