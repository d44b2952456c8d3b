/**
 * exp8: what a price on layers buys with a sequence-level router.
 *
 *   deno task exp8 --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "exp8",
  description: "Trains the sequence-level router at several prices of a layer, without a target.",
  experiment: "exp6",
  targets: [0.3],
  penalties: [0.005, 0.02, 0.05, 0.1, 0.2, 0.4],
  settings: ["objective.targetWeight=0", "evaluation.gates=own"],
});
