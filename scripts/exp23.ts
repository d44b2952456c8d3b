/**
 * exp23: dense LoRA, the yardstick.
 *
 *   deno task exp23 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { DENSE } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp23",
  description: "Trains LoRA adapters at full depth; with Qwen2.5-7B at the original's scale.",
  recipe: DENSE,
  scale: largeModel("qwen7b"),
});
