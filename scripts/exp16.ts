/**
 * exp16: dense LoRA, the yardstick.
 *
 *   deno task exp16 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { DENSE } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp16",
  description: "Trains LoRA adapters at full depth; with OpenLLaMA-3B at the original's scale.",
  recipe: DENSE,
  scale: largeModel("openllama3b"),
});
