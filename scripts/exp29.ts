/**
 * exp29: the evaluation of Llama-3.1-8B's models on tasks.
 *
 * Takes the newest finished run of each experiment, and says which are missing; nothing is silently
 * replaced by the base model.
 *
 *   deno task exp29
 */

import { dense, evaluation, routed } from "./recipes/evaluation.ts";

await evaluation({
  name: "exp29",
  description: "Evaluates the base, dense, stochastic and routed models beside each other.",
  models: [
    dense("dense LoRA", "exp26"),
    dense("stochastic depth", "exp27"),
    routed("token router", "exp28"),
  ],
});
