/** A model on a backend that is not the oracle: the same numbers, and a file for other software. */

import assert from "node:assert/strict";
import { input } from "../../graph/mod.ts";
import { exportModel, KeyValueCache } from "../../inference/mod.ts";
import { ints, sizeOf } from "../../tensor/mod.ts";
import { distance, worstFigure } from "../closeness.ts";
import { drawGates } from "../drawn.ts";
import { type PluginPromise } from "../promise.ts";
import { BATCH, figure, type ModelSetup, type ModelSubject, part } from "./subject.ts";

/** Rounding of float32 through a whole model. */
const FLOAT32 = 1e-4;

/** What holds on a backend, where one is given. */
export function devicePromises(
  { backend, model, runExported }: ModelSubject,
  setUp: () => ModelSetup,
): PluginPromise[] {
  const called = backend?.name ?? "a backend";
  const none = backend ? undefined : "no backend is given";
  return [
    {
      name: `${called} = reference`,
      lookAt:
        "numbers that float32 cannot hold, and operations that the backend computes otherwise",
      skip: none,
      async check() {
        const setup = setUp();
        const shape = [BATCH, setup.length];
        const tokens = input("tokens", shape, "int32");
        const gates = input("gates", [...shape, setup.routableLayers]);
        const given = { gates, anchorLayers: setup.anchorLayers };
        const nodes = {
          dense: setup.logits(tokens),
          compacted: setup.logits(tokens, given, { compacted: true }),
        };
        const feeds = {
          ...setup.weights,
          tokens: setup.tokens(),
          gates: drawGates(gates.type.shape, 0.5, "device"),
        };
        await using program = await backend!.compile(nodes, { fewRuns: true });
        const made = await program.run(feeds);
        const expected = setup.values(nodes, feeds);
        return worstFigure(
          (["dense", "compacted"] as const).map((name) =>
            figure(distance(made[name], expected[name]), expected[name], FLOAT32)
          ),
        );
      },
    },
    {
      name: "it can be exported",
      lookAt: "what the model does with sizes that are left to the run",
      skip: none ?? (backend!.exportModel ? undefined : `${called} has no file format for models`),
      async check() {
        const setup = setUp();
        const { bytes } = exportModel(
          { backend: backend!, student: { model }, depth: "base", weights: setup.weights },
          { weightFormat: "float32" },
        );
        const specs = Object.values(model.params());
        const least = 4 * specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
        assert.ok(
          bytes.length >= least,
          `the file has ${bytes.length} bytes, less than its parameters' ${least}`,
        );
        if (!runExported) return `${bytes.length} bytes`;
        const { length } = setup;
        const ids = setup.tokens(1);
        const { logits } = await runExported(bytes, {
          tokens: ids,
          lengths: ints([1], [length]),
          pastLengths: ints([1]),
          rows: ints([length], Array.from({ length }, (_, place) => place)),
          ...new KeyValueCache(1, model.dims).memory,
        });
        assert.ok(logits, "the file gives no logits");
        const tokens = input("tokens", ids.shape, "int32");
        const expected = part(
          setup.values({ logits: setup.logits(tokens) }, { tokens: ids }).logits,
          0,
        );
        return figure(distance(logits, expected), expected, FLOAT32);
      },
    },
  ];
}
