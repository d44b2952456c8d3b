/**
 * exp11: may a token skip a third of the layers?.
 *
 *   deno task exp11 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_TOKEN_3B, TOKEN } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp11",
  description: "Trains a token-level router; with Qwen2.5-3B at the original's scale.",
  recipe: TOKEN,
  scale: largeModel("qwen3b"),
  original: ORIGINAL_TOKEN_3B,
});
