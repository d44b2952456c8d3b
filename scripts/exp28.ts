/**
 * exp28: may a token skip a third of the layers?.
 *
 *   deno task exp28 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_TOKEN_3B, TOKEN } from "./recipes/routing.ts";
import { largeModel } from "./recipes/scales.ts";

await experiment({
  name: "exp28",
  description: "Trains a token-level router; with Llama-3.1-8B at the original's scale.",
  recipe: TOKEN,
  scale: largeModel("llama8b"),
  original: ORIGINAL_TOKEN_3B,
});
