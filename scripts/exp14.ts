/**
 * exp14: dense LoRA, the yardstick.
 *
 *   deno task exp14 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { DENSE } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp14",
  description: "Trains LoRA adapters at full depth; with Qwen2.5-3B at the original's scale.",
  recipe: DENSE,
  scale: largeModel("qwen3b"),
});
