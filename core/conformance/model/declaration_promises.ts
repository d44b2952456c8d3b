/** What a model says of itself: sizes, parameters, shapes, and projections. */

import assert from "node:assert/strict";
import { type Adapter, type Memory, type Params } from "../../contracts/mod.ts";
import { input, type Node } from "../../graph/mod.ts";
import { causalMask, initialize, inputNodes, ParamNodes } from "../../nn/mod.ts";
import { forward } from "../../routing/mod.ts";
import { showType, sizeOf } from "../../tensor/mod.ts";
import { type PluginPromise } from "../promise.ts";
import { assertSame } from "../same.ts";
import { BATCH, type ModelSetup, type ModelSubject } from "./subject.ts";

/** Names of promises that others need. */
export const NEEDED = {
  parameters: "parameters",
  shapes: "shapes",
  adapters: "every projection takes an adapter",
} as const;

/** What holds before anything is computed. */
export function declarationPromises(
  { model }: ModelSubject,
  setUp: () => ModelSetup,
): PluginPromise[] {
  return [
    {
      name: "sizes",
      lookAt: "DecoderModel.dims",
      check() {
        const { dims } = model;
        const sizes = Object.entries({
          vocabSize: dims.vocabSize,
          hiddenSize: dims.hiddenSize,
          numLayers: dims.numLayers,
          numHeads: dims.numHeads,
          numKeyValueHeads: dims.numKeyValueHeads,
          headDim: dims.headDim,
          maxPositions: dims.maxPositions,
        });
        for (const [name, size] of sizes) {
          assert.ok(Number.isInteger(size) && size > 0, `${name} is ${size}`);
        }
        assert.ok(
          dims.numHeads % dims.numKeyValueHeads === 0,
          `numHeads ${dims.numHeads} is no multiple of numKeyValueHeads ${dims.numKeyValueHeads}`,
        );
        return sizes.map(([name, size]) => `${name} ${size}`).join(", ");
      },
    },
    {
      name: NEEDED.parameters,
      lookAt: "DecoderModel.params declares what embed, keysValues, block and head read",
      check() {
        const specs = model.params();
        const names = Object.keys(specs);
        for (const [name, { shape }] of Object.entries(specs)) {
          const isShape = shape.every((size) => Number.isInteger(size) && size > 0);
          assert.ok(isShape, `${name} is declared as [${shape}]`);
        }
        for (const [name, { data }] of Object.entries(initialize(specs, 1))) {
          assert.ok(data.every(Number.isFinite), `${name} starts with numbers that are not finite`);
        }
        const read = new ReadParams(new ParamNodes(inputNodes(specs)));
        const total = names.reduce((sum, name) => sum + sizeOf(specs[name]!.shape), 0);
        const counted = `${names.length} with ${total} numbers`;
        try {
          const tokens = input("tokens", [1, 2], "int32");
          model.head(read, forward(model, read, tokens).hiddenStates);
        } catch {
          // Whatever else is wrong is told by its shapes.
          const [missing] = read.missing;
          if (missing === undefined) return `${counted}, as far as they are read`;
          assert.fail(`it reads "${missing}", which it does not declare`);
        }
        const unread = names.filter((name) => !read.names.has(name));
        assertSame(unread, [], `it declares and never reads ${list(unread)}`);
        return counted;
      },
    },
    {
      name: NEEDED.shapes,
      needs: NEEDED.parameters,
      lookAt: "DecoderModel (core/contracts/model.ts) lists the shapes",
      check() {
        const setup = setUp();
        const { params, length } = setup;
        const { hiddenSize, vocabSize, numKeyValueHeads, headDim, numLayers } = model.dims;
        const tokens = input("tokens", [BATCH, length], "int32");
        const positions = input("positions", [BATCH, length], "int32");
        const states = [BATCH, length, hiddenSize];
        let x = model.embed(params, tokens, positions);
        assertFloats(x, states, "embed");
        for (let layer = 0; layer < numLayers; layer++) {
          const own = model.keysValues(params, layer, x, positions);
          const memory: Memory = { ...own, mask: causalMask(length, model.window?.(layer)) };
          for (const name of ["keys", "values"] as const) {
            const shape = [BATCH, numKeyValueHeads, length, headDim];
            assertFloats(own[name], shape, `the ${name} of layer ${layer}`);
          }
          x = model.block(params, layer, x, positions, memory);
          assertFloats(x, states, `block ${layer}`);
        }
        const logits = model.head(params, x);
        assertFloats(logits, [BATCH, length, vocabSize], "head");
        assertFloats(model.head(params, input("rows", [5, hiddenSize])), [5, vocabSize], "head");
        return `states [${states}], logits [${logits.type.shape}]`;
      },
    },
    {
      name: "projections are parameters",
      needs: NEEDED.parameters,
      lookAt: "DecoderModel.projections: names without .weight of matrices [out, in]",
      check() {
        const specs = model.params();
        const names = Array.from(
          { length: model.dims.numLayers },
          (_, layer) => model.projections(layer),
        ).flat();
        assert.ok(names.length > 0, "no projection can carry an adapter");
        assertSame(new Set(names).size, names.length, `a projection is named twice`);
        for (const name of names) {
          const spec = specs[`${name}.weight`];
          assert.ok(spec, `there is no parameter "${name}.weight"`);
          assertSame(spec.shape.length, 2, `${name}.weight is [${spec.shape}], not [out, in]`);
        }
        return `${names.length} projections`;
      },
    },
  ];
}

function assertFloats(node: Node, shape: readonly number[], what: string): void {
  const expected = showType({ dtype: "float32", shape });
  const actual = showType(node.type);
  assertSame(actual, expected, `${what} gives ${actual}, not ${expected}`);
}

/** Notes what is read. */
class ReadParams implements Params {
  readonly names = new Set<string>();
  readonly missing: string[] = [];

  constructor(private readonly params: Params) {}

  get(name: string): Node {
    this.names.add(name);
    if (!this.params.has(name)) this.missing.push(name);
    return this.params.get(name);
  }

  has(name: string): boolean {
    return this.params.has(name);
  }

  adapter(name: string): Adapter | undefined {
    return this.params.adapter(name);
  }
}

/** A few names, and how many more there are. */
export function list(names: readonly string[], most = 3): string {
  const more = names.length - most;
  return names.slice(0, most).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
