/**
 * exp10: may a token skip a third of the layers without anyone noticing?
 *
 * Trains LoRA adapters and a token-level router (Gumbel straight-through) on a frozen model, with
 * distillation from that same model at full depth, and compares what came out with skipping as much
 * at random.
 *
 *   deno task exp10 --fresh
 */

import "../core/run/permissions.ts";
import { runExperiment } from "../core/run/experiment.ts";
import { runScript } from "../core/run/script.ts";
import { builtinPlugins } from "../plugins/mod.ts";
import reference from "./recipes/exp10_reference.json" with { type: "json" };

await runScript(() =>
  runExperiment(
    {
      name: "exp10",
      description: "Trains a token-level router that skips decoder layers, and shows what it " +
        "bought: the routed model beside its base and beside skipping at random.",
      // What measured best on nano.
      defaults: {
        steps: 250,
        optimizer: { learningRate: 2e-3 },
        router: {
          name: "token-gumbel",
          rateFactor: 3,
          temperatureStart: 1,
          temperatureEnd: 0.1,
          annealNoise: true,
          initialBias: 2,
          initialStd: 0.2,
        },
        objective: { targetSkip: 0.3, targetWeight: 20, targetWarmupSteps: 100 },
        evaluation: { finalBatches: 24 },
      },
      // The original's settings. It padded each line to 512 tokens, 16 lines a step; of those tokens
      // some 30% were real, about as many as five packed sequences hold.
      reference,
      next: [
        "deno task exp10 --fresh --seed 1                        the same with other noise",
        "deno task exp10 --fresh --set objective.targetSkip=0.45  skip more",
        "deno task exp10 --help                                  all settings",
      ],
    },
    builtinPlugins(),
    Deno.args,
  )
);
