/** The weights in the repository: they are what their record says, and their depth is needed. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readJsonObject } from "../../../core/io/mod.ts";
import { resolveConfig } from "../../../core/run/config.ts";
import type { RouterOptions } from "../../../core/run/config_schema.ts";
import { RunRepositories } from "../../../core/run/repositories.ts";
import { loadParts } from "../../../core/run/parts.ts";
import { randomGates } from "../../../core/routing/mod.ts";
import { RandomStream } from "../../../core/tensor/mod.ts";
import { Evaluator } from "../../../core/eval/mod.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { tokenGumbel } from "../../../plugins/routers/token_gumbel.ts";

const NANO = join(import.meta.dirname!, "../../../plugins/models/nano");

Deno.test("nano predicts microworld as its record says, and random skipping costs it dearly", async () => {
  const config = await resolveConfig({
    defaults: {
      name: "nano",
      router: { name: "token-gumbel" },
      steps: 1,
      evaluation: { finalBatches: 3, batches: 3 },
    },
    routerOptions: new Map([[tokenGumbel.name, tokenGumbel.options as unknown as RouterOptions]]),
  });
  await using parts = await loadParts(config, builtinPlugins(), new RunRepositories());
  const { backend, student, frozen, trainable } = parts;
  await using evaluator = new Evaluator(backend, student, frozen, trainable);
  const batches = parts.validationBatches(3);

  const { loss, tokens } = await evaluator.base(batches);
  assert.equal(tokens, 3 * config.batchSize * config.sequenceLength);
  const recorded = readJsonObject(join(NANO, "pretraining.json"), "the record")["validationLoss"];
  // Another sample of the same text: its mean is within a few hundredths of a nat.
  assert.ok(Math.abs(loss - Number(recorded)) < 0.06, `loss ${loss}, recorded ${recorded}`);

  const skipped = await evaluator.baseUnder(
    batches,
    (shape, batch) => randomGates(shape, 0.7, new RandomStream(0, "test", batch)),
  );
  assert.ok(skipped.loss > loss + 0.2, `with 30% skipped ${skipped.loss}, without ${loss}`);

  // Freshly drawn adapters change nothing, to the bit.
  assert.equal((await evaluator.fullDepth(batches)).loss, loss);
});
