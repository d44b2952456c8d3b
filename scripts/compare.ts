/**
 * Every way of skipping that there is beside the dense model, three seeds each, in one table.
 *
 *   deno task compare
 */

import { compare, FIND_MASK, shallower, variant } from "./recipes/compare.ts";

await compare({
  name: "compare",
  description: "Trains dense, stochastic, random and routed models with the same data, order, " +
    "adapters and schedule, and compares them.",
  variants: [
    variant("dense LoRA", "exp1"),
    variant("stochastic, full depth", "exp2"),
    variant("stochastic, at its rate", "exp2", { way: "sampled" }),
    variant("random, per token", "exp32"),
    variant("random, per sequence", "exp32", {
      key: "exp32,per=sequence",
      settings: ["router.per=sequence"],
    }),
    variant("sequence Gumbel", "exp6"),
    variant("token Gumbel v1", "exp9"),
    variant("token Gumbel v2", "exp10", { settings: [FIND_MASK] }),
    variant("token Gumbel v2 without KD", "exp9_ablation_no_kd"),
    variant("v2, reads the token only", "exp10", {
      key: "exp10,reads=token",
      settings: ["router.reads=token"],
    }),
    variant("v2, reads the position only", "exp10", {
      key: "exp10,reads=position",
      settings: ["router.reads=position"],
    }),
    shallower("more", "exp1", "exp10"),
    shallower("fewer", "exp1", "exp10"),
  ],
  seeds: [0, 1, 2],
});
