/**
 * exp29: the evaluation of Llama-3.1-8B's models.
 *
 * What is not trained yet is trained first; nothing is silently replaced by the base model.
 *
 *   deno task exp29
 */

import { compare, variant } from "./recipes/compare.ts";

await compare({
  name: "exp29",
  description:
    "Evaluates the dense, stochastic and routed models; with Llama-3.1-8B at the original's scale.",
  variants: [
    variant("dense LoRA", "exp26"),
    variant("stochastic, full depth", "exp27"),
    variant("stochastic, at its rate", "exp27", { way: "sampled" }),
    variant("token Gumbel", "exp28"),
  ],
  seeds: [0],
});
