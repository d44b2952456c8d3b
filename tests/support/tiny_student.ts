/**
 * A student small enough to be trained in a test: a Llama of four thin layers with weights of order
 * one, an adapter, a router for tokens and one for sequences, and batches of random tokens.
 */

import { type DecoderModel, type Router } from "../../core/contracts/mod.ts";
import { initialize, type LoraOptions, loraParams, type Weights } from "../../core/nn/mod.ts";
import { siteOf } from "../../core/routing/mod.ts";
import { floats, type FloatTensor, ints, RandomStream } from "../../core/tensor/mod.ts";
import { type Batch } from "../../core/train/mod.ts";
import { llama } from "../../plugins/models/llama/mod.ts";
import { reinforce } from "../../plugins/routers/reinforce.ts";
import { tokenGumbel } from "../../plugins/routers/token_gumbel.ts";

const VOCABULARY = 32;

/** The model underneath. Its matrices are drawn large, so that no gradient is tiny. */
export const MODEL: DecoderModel = llama({
  vocabSize: VOCABULARY,
  hiddenSize: 16,
  numLayers: 4,
  numHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  maxPositions: 32,
  intermediateSize: 24,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  initializerRange: 0.3,
});

/** One layer always runs; three are routed. */
export const ANCHOR_LAYERS = 1;

export const LORA: LoraOptions = { rank: 2, alpha: 4, dropout: 0, targets: ["q_proj", "up_proj"] };

export const ROUTER: Router = tokenGumbel.create(
  tokenGumbel.options.parse({ initialBias: 0.5, initialStd: 0.5 }),
);

/** Weights of the model underneath. */
export function drawWeights(seed = 1): Weights {
  return initialize(MODEL.params(), seed);
}

/** An adapter whose second matrices are not zero any more, as after some training. */
export function drawAdapter(options: LoraOptions = LORA, seed = 2): Weights {
  return jitter(initialize(loraParams(MODEL, options), seed), 0.2, seed);
}

/** The sequence-level router that is trained by policy gradient, from prompts of two tokens. */
export const POLICY_ROUTER: Router = reinforce.create(
  reinforce.options.parse({ promptTokens: 2, initialBias: 0.5 }),
);

/** A router's parameters, away from where they start. */
export function drawRouter(seed = 3, router = ROUTER): Weights {
  return jitter(initialize(router.params(siteOf(MODEL, ANCHOR_LAYERS)), seed), 0.1, seed);
}

/** The same parameters with normal noise of this standard deviation added. */
export function jitter(weights: Weights, std: number, seed: number): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => {
      const random = new RandomStream(seed, `jitter:${name}`);
      return [name, floats(shape, data.map((x) => x + std * random.normal()))];
    }),
  );
}

/** Copies that can be changed without changing the originals. */
export function copyOf(weights: Weights): Record<string, FloatTensor> {
  return jitter(weights, 0, 0);
}

/**
 * Random tokens and targets, one sequence for each of `lengths`, filled up on the right to `width`.
 * The first tokens of a sequence do not depend on the width.
 */
export function drawBatch(
  lengths: readonly number[],
  width = Math.max(...lengths),
  seed = 4,
): Batch {
  const shape = [lengths.length, width];
  const [tokens, targets, tokenMask] = [ints(shape), ints(shape), floats(shape)];
  lengths.forEach((length, row) => {
    const random = new RandomStream(seed, "batch", row);
    for (let t = 0; t < width; t++) {
      tokens.data[row * width + t] = random.below(VOCABULARY);
      targets.data[row * width + t] = random.below(VOCABULARY);
      tokenMask.data[row * width + t] = t < length ? 1 : 0;
    }
  });
  return { tokens, targets, tokenMask };
}

/** Uniform noise for the gates of such a batch; likewise independent of the width. */
export function drawNoise(sequences: number, width: number, layers: number, seed = 5): FloatTensor {
  const noise = floats([sequences, width, layers]);
  for (let row = 0; row < sequences; row++) {
    const random = new RandomStream(seed, "noise", row);
    for (let i = 0; i < width * layers; i++) {
      noise.data[row * width * layers + i] = random.uniform();
    }
  }
  return noise;
}
