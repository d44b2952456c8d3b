/**
 * exp20: the evaluation of Qwen2.5-3B's models.
 *
 * What is not trained yet is trained first; nothing is silently replaced by the base model.
 *
 *   deno task exp20
 */

import { compare, variant } from "./recipes/compare.ts";

await compare({
  name: "exp20",
  description:
    "Evaluates the dense, stochastic and routed models; with Qwen2.5-3B at the original's scale.",
  variants: [
    variant("dense LoRA", "exp14"),
    variant("stochastic, full depth", "exp15"),
    variant("stochastic, at its rate", "exp15", { way: "sampled" }),
    variant("token Gumbel", "exp11"),
  ],
  seeds: [0],
});
