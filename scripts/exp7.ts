/**
 * exp7: the evaluation of TinyLlama's models on tasks.
 *
 * Takes the newest finished run of each experiment, and says which are missing; nothing is silently
 * replaced by the base model.
 *
 *   deno task exp7
 */

import { dense, evaluation, routed } from "./recipes/evaluation.ts";

await evaluation({
  name: "exp7",
  description: "Evaluates the base, dense, stochastic and routed models beside each other.",
  models: [
    dense("dense LoRA", "exp1"),
    dense("stochastic depth", "exp2"),
    routed("sequence router", "exp6"),
    routed("token router", "exp10"),
  ],
});
