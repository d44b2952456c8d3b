/**
 * exp9: the first token-level router, kept as a negative control.
 *
 *   deno task exp9 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_TOKEN_V1, TOKEN_V1 } from "./recipes/routing.ts";
import { TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp9",
  description:
    "Trains the first token-level router: a price on the mean of all gates and next to no " +
    "target. It is here because it collapses.",
  recipe: TOKEN_V1,
  scale: TINYLLAMA,
  original: ORIGINAL_TOKEN_V1,
});
