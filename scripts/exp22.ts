/**
 * exp22: the evaluation of Qwen2.5-7B's models on tasks.
 *
 * Takes the newest finished run of each experiment, and says which are missing; nothing is silently
 * replaced by the base model.
 *
 *   deno task exp22
 */

import { dense, evaluation, routed } from "./recipes/evaluation.ts";

await evaluation({
  name: "exp22",
  description: "Evaluates the base, dense, stochastic, random and routed models beside each other.",
  models: [
    dense("dense LoRA", "exp23"),
    dense("stochastic depth", "exp24"),
    routed("random", "exp32"),
    routed("token router", "exp25"),
  ],
});
