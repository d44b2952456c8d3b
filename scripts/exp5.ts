/**
 * exp5: what a price on layers buys under policy gradient.
 *
 *   deno task exp5 --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "exp5",
  description: "Trains the policy-gradient router at several prices of a layer.",
  experiment: "exp3",
  targets: [0.3],
  penalties: [0.01, 0.02, 0.05, 0.1, 0.25],
  settings: ["objective.targetWeight=0", "evaluation.gates=own"],
});
