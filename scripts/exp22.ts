/**
 * exp22: the evaluation of Qwen2.5-7B's models.
 *
 * What is not trained yet is trained first; nothing is silently replaced by the base model.
 *
 *   deno task exp22
 */

import { compare, variant } from "./recipes/compare.ts";

await compare({
  name: "exp22",
  description:
    "Evaluates the dense, stochastic, random and routed models; with Qwen2.5-7B at the original's scale.",
  variants: [
    variant("dense LoRA", "exp23"),
    variant("stochastic, full depth", "exp24"),
    variant("stochastic, at its rate", "exp24", { way: "sampled" }),
    variant("random", "exp32"),
    variant("token Gumbel", "exp25"),
  ],
  seeds: [0],
});
