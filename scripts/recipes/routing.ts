/**
 * How routers are trained: dlr's way, and how the original trained them.
 *
 * dlr's way is what measured best on nano (docs/routing.md): one target for the skip ratio and no
 * price beside it, distillation per token, noise that is annealed away, a small adapter where a layer
 * is skipped, gates without noise at a threshold calibrated to the budget, and the last checkpoint.
 */

import { type ConfigTree } from "../../core/run/settings.ts";

/** What the loss is made of, for dense models and controls as well. */
const OBJECTIVE = {
  distillWeight: 0.7,
  targetSkip: 0.3,
  targetWeight: 20,
  sparsityWeight: 0,
};

/** A small adapter in the place of skipped layers, for all that skip. */
const SKIPPING = { bypassRank: 16 };

/** No router: all layers. */
export const DENSE: ConfigTree = { router: { name: "static" }, objective: OBJECTIVE };

/** Layers left out at random in training: half of them on average. */
export const STOCHASTIC: ConfigTree = {
  router: { name: "stochastic", ...SKIPPING, skip: 0.5, schedule: "constant" },
  objective: OBJECTIVE,
};

/** Later layers left out more often, and what is left scaled up. */
export const STOCHASTIC_LINEAR: ConfigTree = {
  router: {
    name: "stochastic",
    ...SKIPPING,
    skip: 0.5,
    schedule: "linear",
    survivalScaling: true,
  },
  objective: OBJECTIVE,
};

/** A coin for every token and layer. */
export const RANDOM: ConfigTree = { router: { name: "random", ...SKIPPING }, objective: OBJECTIVE };

const ANNEALED = {
  ...SKIPPING,
  rateFactor: 3,
  temperatureStart: 1,
  temperatureEnd: 0.1,
  annealNoise: true,
  initialBias: 2,
  initialStd: 0.2,
};

/** A decision per token. */
export const TOKEN: ConfigTree = {
  router: { name: "token-gumbel", ...ANNEALED },
  objective: { ...OBJECTIVE, targetWarmupSteps: 100 },
};

/** A decision per sequence, from its prompt. */
export const SEQUENCE: ConfigTree = {
  router: { name: "sequence-gumbel", ...ANNEALED },
  objective: { ...OBJECTIVE, targetWarmupSteps: 100 },
};

/**
 * A decision per token under a price on the mean of all gates and next to no target: the first
 * attempt, kept because it collapses.
 */
export const TOKEN_V1: ConfigTree = {
  router: {
    ...TOKEN["router"] as ConfigTree,
    annealNoise: false,
    initialBias: -2,
    initialStd: 0.02,
  },
  objective: { ...OBJECTIVE, sparsityWeight: 2, targetWeight: 0.5, targetSkip: 0.4 },
  // A calibrated threshold would hide what became of the router.
  evaluation: { gates: "own" },
};

/** A decision per sequence by policy gradient, with a price on every layer. */
export const POLICY: ConfigTree = {
  router: { name: "reinforce", ...SKIPPING, rateFactor: 3 },
  objective: { ...OBJECTIVE, targetWeight: 0, sparsityWeight: 0.05 },
  evaluation: { gates: "own" },
};

/** A recipe without distillation. */
export function withoutDistillation(recipe: ConfigTree): ConfigTree {
  return { ...recipe, objective: { ...recipe["objective"] as ConfigTree, distillWeight: 0 } };
}

/** What the original's routers have in common: noise in evaluation, the lowest loss at any skip. */
const AS_IT_WAS = {
  evaluation: { gates: "sampled" },
  checkpoint: { use: "best" },
};

/** 1, then 0.95 of it after each of three epochs. */
const ORIGINAL_GATES = {
  bypassRank: 0,
  rateFactor: 1,
  temperatureStart: 1,
  temperatureEnd: 0.857,
  annealNoise: false,
  normalize: false,
};

const ORIGINAL_LOSS = {
  distillPer: "sequence",
  distillTemperature: 2,
  distillWarmupSteps: 50,
  targetWarmupSteps: 0,
  targetSkip: 0.4,
};

/** The original's sequence router: reads all positions, the future among them. */
export const ORIGINAL_SEQUENCE: ConfigTree = {
  ...AS_IT_WAS,
  router: { name: "sequence-gumbel", ...ORIGINAL_GATES, pool: "sequence", initialBias: 0 },
  // 1.0 times the mean gate of 18 routable layers.
  objective: { ...ORIGINAL_LOSS, distillWeight: 0.5, sparsityWeight: 1 / 18, targetWeight: 0 },
};

/** The same without distillation, at 0.4 times the mean gate. */
export const ORIGINAL_SEQUENCE_NO_KD: ConfigTree = {
  ...ORIGINAL_SEQUENCE,
  objective: { ...ORIGINAL_LOSS, distillWeight: 0, sparsityWeight: 0.4 / 18, targetWeight: 0 },
};

function originalToken(bias: number, objective: ConfigTree): ConfigTree {
  return {
    ...AS_IT_WAS,
    router: { name: "token-gumbel", ...ORIGINAL_GATES, initialBias: bias, initialStd: 0.02 },
    objective: { ...ORIGINAL_LOSS, ...objective },
  };
}

/** The original's first token router. */
export const ORIGINAL_TOKEN_V1 = originalToken(-2, {
  distillWeight: 0.5,
  sparsityWeight: 2,
  targetWeight: 0.5,
});

/** Its second: a price of up to 90 against a target of at most 2.9. */
export const ORIGINAL_TOKEN_V2 = originalToken(-1.5, {
  distillWeight: 0.3,
  sparsityWeight: 5,
  targetWeight: 8,
});

/** Its token routers for models of 3 billion parameters: losses per token. */
export const ORIGINAL_TOKEN_3B = originalToken(-1.5, {
  distillPer: "token",
  distillWeight: 0.3,
  sparsityWeight: 0.02,
  targetWeight: 0.5,
});

/** Its token router for Qwen2.5-7B: later layers cost twenty times the first. */
export const ORIGINAL_TOKEN_7B = originalToken(0, {
  distillPer: "token",
  distillWeight: 0.3,
  sparsityWeight: 0.05,
  sparsityRamp: [0.1, 2],
  targetWeight: 0.5,
});

/** Its policy gradient: no distillation, and no clipping or schedule either. */
export const ORIGINAL_POLICY: ConfigTree = {
  router: { name: "reinforce", bypassRank: 0, rateFactor: 1, normalize: false },
  objective: { ...ORIGINAL_LOSS, distillWeight: 0, sparsityWeight: 0.05, targetWeight: 0 },
  optimizer: { learningRate: 5e-5, clipNorm: 0, schedule: "constant", warmupSteps: 0 },
};
