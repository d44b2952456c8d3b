/**
 * exp13: the frontier of a token-level router, OpenLLaMA-3B.
 *
 *   deno task exp13 --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "exp13",
  description:
    "Trains the token-level router at many skip ratios; with OpenLLaMA-3B at the original's scale.",
  experiment: "exp18",
  targets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
  penalties: [0],
});
