/**
 * exp31: the frontier of a token-level router, Llama-3.1-8B.
 *
 *   deno task exp31 --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "exp31",
  description:
    "Trains the token-level router at many skip ratios; with Llama-3.1-8B at the original's scale.",
  experiment: "exp28",
  targets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
  penalties: [0],
});
