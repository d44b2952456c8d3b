/**
 * exp6: one decision for a whole sequence.
 *
 *   deno task exp6 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_SEQUENCE, SEQUENCE } from "./recipes/routing.ts";
import { TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp6",
  description:
    "Trains a router that decides once per sequence, from its prompt, which layers to skip.",
  recipe: SEQUENCE,
  scale: TINYLLAMA,
  original: ORIGINAL_SEQUENCE,
});
