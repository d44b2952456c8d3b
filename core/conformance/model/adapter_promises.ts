/** Adapters: every projection takes one, and merged into its weights it gives the same. */

import assert from "node:assert/strict";
import { input } from "../../graph/mod.ts";
import { mergeAdapters } from "../../inference/mod.ts";
import { loraNames } from "../../nn/mod.ts";
import { floats, type HostTensor } from "../../tensor/mod.ts";
import { distance } from "../closeness.ts";
import { type PluginPromise, showNumber } from "../promise.ts";
import { Adapted } from "./adapted.ts";
import { NEEDED } from "./declaration_promises.ts";
import { figure, type ModelSetup } from "./subject.ts";

/** What holds of adapters beside a model's projections. */
export function adapterPromises(setUp: () => ModelSetup): PluginPromise[] {
  return [
    {
      name: NEEDED.adapters,
      lookAt: "projections are made by `linear`, under the name that DecoderModel.projections has",
      check() {
        const setup = setUp();
        const { params, projections, weights } = new Adapted(setup);
        const node = input("tokens", [1, setup.length], "int32");
        const logits = setup.logits(node, undefined, {}, params);
        const tokens = setup.tokens(1);
        const off = Object.fromEntries(
          projections.map((name) => [loraNames(name).b, zerosOf(weights[loraNames(name).b]!)]),
        );
        const before = setup.values({ logits }, { ...weights, ...off, tokens }).logits;
        let [weakest, least] = ["", Infinity];
        for (const name of projections) {
          const { b } = loraNames(name);
          const on = { ...weights, ...off, [b]: weights[b]!, tokens };
          const change = distance(setup.values({ logits }, on).logits, before);
          if (change < least) [weakest, least] = [name, change];
        }
        assert.ok(least > 1e-9, `the adapter of ${weakest} changes nothing`);
        return `${projections.length} adapters; the least changes logits by ${showNumber(least)}`;
      },
    },
    {
      name: "an adapter merged = beside",
      needs: NEEDED.adapters,
      lookAt: "a projection's weight is [out, in], used by `linear` and nowhere else",
      async check() {
        const setup = setUp();
        const { params, lora, weights } = new Adapted(setup);
        const tokens = input("tokens", [1, setup.length], "int32");
        const feeds = { ...setup.weights, ...weights };
        await using backend = setup.subject.oracle.backend();
        const merged = await mergeAdapters({
          backend,
          student: { model: setup.model, lora },
          depth: "fullDepth",
          weights: feeds,
        });
        const given = { tokens: setup.tokens(1) };
        const beside = setup.values(
          { logits: setup.logits(tokens, undefined, {}, params) },
          { ...feeds, ...given },
        ).logits;
        // Nothing was uploaded, so these are tensors in memory.
        const own = merged.weights as Readonly<Record<string, HostTensor>>;
        const { logits } = setup.values({ logits: setup.logits(tokens) }, { ...own, ...given });
        return figure(distance(logits, beside), beside);
      },
    },
  ];
}

const zerosOf = ({ shape }: HostTensor) => floats(shape);
