/**
 * At which size experiments are run. What is compared has to differ in one thing only, so text,
 * order, seed, adapters and schedule are set here, once for each size, and not by experiment.
 */

import { type ConfigTree } from "../../core/run/settings.ts";

/** nano on microworld, in a minute or two on two cores. */
export const SMALL: ConfigTree = {
  steps: 250,
  optimizer: { learningRate: 2e-3 },
  evaluation: { finalBatches: 24 },
};

/** What the original has at every size. */
const REFERENCE = {
  data: "wikitext103",
  // It padded each line to 512 tokens, 16 lines a step; of those tokens some 30% were real, about as
  // many as five packed sequences hold.
  batchSize: 1,
  accumulation: 5,
  sequenceLength: 512,
  steps: 1860,
  optimizer: {
    learningRate: 3e-5,
    weightDecay: 0.01,
    clipNorm: 1,
    schedule: "cosine",
    finalRate: 0,
  },
  evaluation: {
    every: 100,
    batches: 60,
    finalBatches: 60,
    calibrationBatches: 20,
    staticMaskBatches: 0,
    budgets: [],
  },
  checkpoint: { every: 50 },
};

/** The original's settings with TinyLlama: adapters on attention only, no warm-up. */
export const TINYLLAMA: ConfigTree = {
  ...REFERENCE,
  model: "tinyllama",
  optimizer: { ...REFERENCE.optimizer, warmupSteps: 0 },
  lora: { rank: 16, alpha: 32, dropout: 0.05, targets: ["attention"] },
  router: { anchorLayers: 4 },
};

/**
 * The original's settings for policy gradients: 2,500 short texts, once. Its texts were AG News; here
 * they are those of the other experiments.
 */
export const SHORT_TINYLLAMA: ConfigTree = {
  ...TINYLLAMA,
  batchSize: 8,
  accumulation: 2,
  sequenceLength: 128,
  steps: 156,
  lora: { rank: 8, alpha: 16, dropout: 0.05, targets: ["q_proj", "v_proj"] },
  evaluation: { ...REFERENCE.evaluation, every: 50 },
};

/** The original's settings with models of 3 to 8 billion parameters; their bases in four bits. */
export function largeModel(model: string): ConfigTree {
  return {
    ...REFERENCE,
    model,
    basePrecision: "nf4",
    checkpointing: true,
    optimizer: { ...REFERENCE.optimizer, warmupSteps: 100 },
    lora: { rank: 16, alpha: 32, dropout: 0.05, targets: ["all-linear"] },
    router: { anchorLayers: 4 },
  };
}
