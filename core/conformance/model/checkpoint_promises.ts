/** A checkpoint belongs to its model, and gives the logits that other software gives. */

import assert from "node:assert/strict";
import { input } from "../../graph/mod.ts";
import { inputNodes, ParamNodes } from "../../nn/mod.ts";
import { forward } from "../../routing/mod.ts";
import { loadFrozen } from "../../train/mod.ts";
import { sameShape } from "../../tensor/mod.ts";
import { distance, largestOf } from "../closeness.ts";
import { type PluginPromise } from "../promise.ts";
import { assertSame } from "../same.ts";
import { list } from "./declaration_promises.ts";
import { type ModelSubject } from "./subject.ts";

/** Largest difference from other software's logits, as a share of their largest magnitude. */
const PARITY = 1e-4;

/** What holds of a checkpoint, where there is one. */
export function checkpointPromises(
  { checkpoint, goldens, backend, oracle }: ModelSubject,
): PluginPromise[] {
  const noCheckpoint = checkpoint ? undefined : "there is no checkpoint: the model is drawn";
  return [
    {
      name: "the checkpoint is covered by its parameters",
      lookAt:
        "DecoderModel.params has the names and shapes of the checkpoint, and redundant says " +
        "what may be left out",
      skip: noCheckpoint,
      check() {
        const { model, weights } = checkpoint!;
        const specs = model.params();
        const stored = [...weights.tensors.keys()];
        const missing = Object.keys(specs).filter((name) => !weights.tensors.has(name));
        assertSame(missing, [], `${missing.length} are not in it: ${list(missing)}`);
        for (const [name, { shape }] of Object.entries(specs)) {
          const own = weights.tensors.get(name)!.shape;
          assert.ok(sameShape(own, shape), `${name} is [${own}] there, and declared as [${shape}]`);
        }
        const others = stored.filter((name) => !(name in specs));
        const unknown = others.filter((name) => !model.redundant?.(name));
        assertSame(
          unknown,
          [],
          `${unknown.length} of its tensors are unknown: ${list(unknown)}`,
        );
        for (const name of others) {
          const { copyOf } = model.redundant!(name)!;
          assert.ok(
            copyOf === undefined || copyOf in specs,
            `${name} is called a copy of ${copyOf}, which is no parameter`,
          );
        }
        return `${stored.length} tensors, ${others.length} of them redundant`;
      },
    },
    {
      name: "logits = those of other software",
      lookAt: "norms and their epsilon, positions and their scaling, biases, the activation, and " +
        "what is tied",
      skip: noCheckpoint ??
        (goldens ? undefined : "there are no logits: --goldens FILE gives some"),
      async check() {
        const { model, weights } = checkpoint!;
        const { tokens, logits } = goldens!;
        const { vocabSize } = model.dims;
        assertSame(
          logits.shape,
          [...tokens.shape, vocabSize],
          `goldens: tokens [${tokens.shape}], logits [${logits.shape}], vocabulary ${vocabSize}`,
        );
        await using own = backend ? undefined : oracle.backend();
        const device = backend ?? own!;
        const frozen = loadFrozen(weights, model, device, "float32");
        try {
          const params = new ParamNodes(inputNodes(model.params()));
          const pass = forward(model, params, input("tokens", tokens.shape, "int32"));
          await using program = await device.compile(
            { logits: model.head(params, pass.hiddenStates) },
            { fewRuns: true },
          );
          const made = (await program.run({ ...frozen, tokens })).logits;
          return {
            what: "max difference over the largest logit",
            value: distance(made, logits) / largestOf(logits),
            bound: PARITY,
          };
        } finally {
          for (const tensor of Object.values(frozen)) tensor[Symbol.dispose]();
        }
      },
    },
  ];
}
