/**
 * exp32: skipping by the toss of a coin.
 *
 *   deno task exp32 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { RANDOM } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp32",
  description:
    "Trains under random gates, a coin for every token and layer: the control that skips as " +
    "much as a router, for no reason. With Qwen2.5-7B at the original's scale.",
  recipe: RANDOM,
  scale: largeModel("qwen7b"),
});
