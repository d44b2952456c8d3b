/**
 * exp3: a router trained by policy gradient, the control whose gradient is noisy.
 *
 *   deno task exp3 --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_POLICY, POLICY } from "./recipes/routing.ts";
import { SHORT_TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp3",
  description:
    "Trains a router that decides once per sequence by policy gradient (REINFORCE), with " +
    "a price on every layer and a moving baseline.",
  recipe: POLICY,
  scale: SHORT_TINYLLAMA,
  original: ORIGINAL_POLICY,
});
