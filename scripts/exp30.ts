/**
 * exp30: the frontier of a token-level router, Qwen2.5-7B.
 *
 *   deno task exp30 --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "exp30",
  description:
    "Trains the token-level router at many skip ratios; with Qwen2.5-7B at the original's scale.",
  experiment: "exp25",
  targets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
  penalties: [0],
});
