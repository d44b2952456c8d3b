/**
 * exp10: may a token skip a third of the layers without anyone noticing?
 *
 * Trains LoRA adapters and a token-level router (Gumbel straight-through) on a frozen model, with
 * distillation from that same model at full depth, and compares what came out with skipping as much
 * at random.
 *
 *   deno task exp10 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_TOKEN_V2, TOKEN } from "./recipes/routing.ts";
import { TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp10",
  description: "Trains a token-level router that skips decoder layers, and shows what it " +
    "bought: the routed model beside its base and beside skipping at random.",
  recipe: TOKEN,
  scale: TINYLLAMA,
  original: ORIGINAL_TOKEN_V2,
  next: [
    "deno task exp10 --fresh --set objective.targetSkip=0.45    skip more",
    "deno task exp10 --fresh --recipe reference    train it as the original was",
  ],
});
