/**
 * exp21: the evaluation of OpenLLaMA-3B's models.
 *
 * What is not trained yet is trained first; nothing is silently replaced by the base model.
 *
 *   deno task exp21
 */

import { compare, variant } from "./recipes/compare.ts";

await compare({
  name: "exp21",
  description:
    "Evaluates the dense, stochastic and routed models; with OpenLLaMA-3B at the original's scale.",
  variants: [
    variant("dense LoRA", "exp16"),
    variant("stochastic, full depth", "exp17"),
    variant("stochastic, at its rate", "exp17", { way: "sampled" }),
    variant("token Gumbel", "exp18"),
  ],
  seeds: [0],
});
