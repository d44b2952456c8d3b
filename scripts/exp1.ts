/**
 * exp1: dense LoRA, the yardstick.
 *
 *   deno task exp1 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { DENSE } from "./recipes/routing.ts";
import { TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp1",
  description: "Trains LoRA adapters at full depth: what every routed model is compared with.",
  recipe: DENSE,
  scale: TINYLLAMA,
});
