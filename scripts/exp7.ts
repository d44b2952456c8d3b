/**
 * exp7: the evaluation of TinyLlama's models.
 *
 * What is not trained yet is trained first; nothing is silently replaced by the base model.
 *
 *   deno task exp7
 */

import { compare, variant } from "./recipes/compare.ts";

await compare({
  name: "exp7",
  description: "Evaluates the dense, stochastic and routed models beside each other.",
  variants: [
    variant("dense LoRA", "exp1"),
    variant("stochastic, full depth", "exp2"),
    variant("stochastic, at its rate", "exp2", { way: "sampled" }),
    variant("sequence Gumbel", "exp6"),
    variant("token Gumbel", "exp10"),
  ],
  seeds: [0],
});
