/**
 * exp20: the evaluation of Qwen2.5-3B's models on tasks.
 *
 * Takes the newest finished run of each experiment, and says which are missing; nothing is silently
 * replaced by the base model.
 *
 *   deno task exp20
 */

import { dense, evaluation, routed } from "./recipes/evaluation.ts";

await evaluation({
  name: "exp20",
  description: "Evaluates the base, dense, stochastic and routed models beside each other.",
  models: [
    dense("dense LoRA", "exp14"),
    dense("stochastic depth", "exp15"),
    routed("token router", "exp11"),
  ],
});
