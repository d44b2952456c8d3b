/**
 * exp15: stochastic depth, the baseline that skips without looking.
 *
 *   deno task exp15 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { STOCHASTIC } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp15",
  description: "Trains with stochastic depth; with Qwen2.5-3B at the original's scale.",
  recipe: STOCHASTIC,
  scale: largeModel("qwen3b"),
});
