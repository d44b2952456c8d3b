/**
 * exp26: dense LoRA, the yardstick.
 *
 *   deno task exp26 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { DENSE } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp26",
  description: "Trains LoRA adapters at full depth; with Llama-3.1-8B at the original's scale.",
  recipe: DENSE,
  scale: largeModel("llama8b"),
});
