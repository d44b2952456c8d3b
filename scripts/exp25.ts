/**
 * exp25: may a token skip a third of the layers?.
 *
 *   deno task exp25 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_TOKEN_7B, TOKEN } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp25",
  description: "Trains a token-level router; with Qwen2.5-7B at the original's scale.",
  recipe: TOKEN,
  scale: largeModel("qwen7b"),
  original: ORIGINAL_TOKEN_7B,
});
