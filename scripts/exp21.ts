/**
 * exp21: the evaluation of OpenLLaMA-3B's models on tasks.
 *
 * Takes the newest finished run of each experiment, and says which are missing; nothing is silently
 * replaced by the base model.
 *
 *   deno task exp21
 */

import { dense, evaluation, routed } from "./recipes/evaluation.ts";

await evaluation({
  name: "exp21",
  description: "Evaluates the base, dense, stochastic and routed models beside each other.",
  models: [
    dense("dense LoRA", "exp16"),
    dense("stochastic depth", "exp17"),
    routed("token router", "exp18"),
  ],
});
