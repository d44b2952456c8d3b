/**
 * exp9_ablation_no_kd: what distillation is worth.
 *
 * The original's ablation changed the router as well; this is exp10 without distillation and with
 * nothing else changed. `--recipe reference` gives the original's.
 *
 *   deno task exp9_ablation_no_kd --fresh
 */

import { experiment } from "./recipes/experiment.ts";
import { ORIGINAL_SEQUENCE_NO_KD, TOKEN, withoutDistillation } from "./recipes/routing.ts";
import { TINYLLAMA } from "./recipes/scales.ts";

await experiment({
  name: "exp9_ablation_no_kd",
  description: "Trains exp10's router without distillation, and with nothing else changed.",
  recipe: withoutDistillation(TOKEN),
  scale: TINYLLAMA,
  original: ORIGINAL_SEQUENCE_NO_KD,
});
