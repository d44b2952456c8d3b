/**
 * exp12: the frontier of a token-level router, Qwen2.5-3B.
 *
 *   deno task exp12 --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "exp12",
  description:
    "Trains the token-level router at many skip ratios; with Qwen2.5-3B at the original's scale.",
  experiment: "exp11",
  targets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
  penalties: [0],
});
