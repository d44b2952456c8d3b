/**
 * pareto: the frontier of skip ratio and loss.
 *
 *   deno task pareto --fresh
 */

import { sweep } from "./recipes/sweep.ts";

await sweep({
  name: "pareto",
  description: "Trains a router at many skip ratios and shows which are worth having.",
  experiment: "exp10",
  targets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
  penalties: [0],
});
