/**
 * exp2: stochastic depth, the baseline that skips without looking.
 *
 *   deno task exp2 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { STOCHASTIC } from "./recipes/routing.ts";
import { TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp2",
  description: "Trains LoRA adapters while each sequence leaves out half of the layers at random " +
    "(stochastic depth), and evaluates at full depth and at that rate.",
  recipe: STOCHASTIC,
  scale: TINYLLAMA,
});
