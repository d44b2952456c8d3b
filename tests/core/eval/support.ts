/** What the tests of evaluation share: the tiny student under every kind of router. */

import { type Router, type RouterKind } from "../../../core/contracts/mod.ts";
import { Evaluator, type LabelledBatch } from "../../../core/eval/mod.ts";
import { initialize, type Weights } from "../../../core/nn/mod.ts";
import { siteOf } from "../../../core/routing/mod.ts";
import { type HostTensor } from "../../../core/tensor/mod.ts";
import { type StudentOptions } from "../../../core/train/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { randomRouter } from "../../../plugins/routers/random.ts";
import { reinforce } from "../../../plugins/routers/reinforce.ts";
import { sequenceGumbel } from "../../../plugins/routers/sequence_gumbel.ts";
import { staticRouter } from "../../../plugins/routers/static.ts";
import { stochastic } from "../../../plugins/routers/stochastic.ts";
import { tokenGumbel } from "../../../plugins/routers/token_gumbel.ts";
import {
  ANCHOR_LAYERS,
  drawAdapter,
  drawWeights,
  jitter,
  LORA,
  MODEL,
} from "../../support/tiny_student.ts";

/** Leading tokens that routers of whole sequences read. */
export const PROMPT_TOKENS = 2;

function made<Options>(kind: RouterKind<Options>, options: unknown): Router {
  return kind.create(kind.options.parse(options));
}

const prompted = { promptTokens: PROMPT_TOKENS, initialBias: 0 };

/** A router of each kind, with options that make a difference to evaluation. */
export const ROUTERS = {
  "token-gumbel": made(tokenGumbel, { initialBias: 0.5, initialStd: 0.5 }),
  "token-gumbel at any budget": made(tokenGumbel, { initialStd: 0.5, readsBudget: true }),
  "sequence-gumbel": made(sequenceGumbel, { ...prompted, pool: "prompt" }),
  "sequence-gumbel of all tokens": made(sequenceGumbel, { ...prompted, pool: "sequence" }),
  "reinforce": made(reinforce, prompted),
  "stochastic": made(stochastic, { skip: 0.5 }),
  "random": made(randomRouter, { per: "token" }),
  "random by sequence": made(randomRouter, { per: "sequence" }),
  "static": made(staticRouter, {}),
  "static without a layer": made(staticRouter, { skipLayers: [2] }),
} as const satisfies Record<string, Router>;

/** Names of {@link ROUTERS}. */
export type RouterName = keyof typeof ROUTERS;

export const ROUTER_NAMES = Object.keys(ROUTERS) as RouterName[];

/** What an evaluator may be told beside its router. */
export interface Told {
  readonly anchorLayers?: number;
  readonly kinds?: readonly string[];
  /** Draws the gates of routers that are random by nature. */
  readonly seed?: number;
  readonly weights?: Weights;
  readonly adapter?: Weights;
}

/** The tiny student, ready for batches of `[rows, length]`. */
export function studentOf(
  router: Router,
  [batchSize, sequenceLength]: readonly [rows: number, length: number],
  anchorLayers = ANCHOR_LAYERS,
): StudentOptions {
  return {
    model: MODEL,
    lora: LORA,
    router: { router, anchorLayers },
    batchSize,
    sequenceLength,
  };
}

/** An evaluator of the tiny student for as long as `body` runs; float64, so that numbers repeat. */
export async function withEvaluator<T>(
  router: Router,
  shape: readonly [rows: number, length: number],
  body: (evaluator: Evaluator) => Promise<T>,
  told: Told = {},
): Promise<T> {
  const { anchorLayers = ANCHOR_LAYERS, weights = drawWeights(), adapter = drawAdapter() } = told;
  await using backend = referenceBackend();
  const frozen = Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [name, backend.upload(tensor)]),
  );
  const specs = router.params(siteOf(MODEL, anchorLayers));
  const trainable = { ...adapter, ...jitter(initialize(specs, 3), 0.3, 3) };
  const student = studentOf(router, shape, anchorLayers);
  await using evaluator = new Evaluator(
    backend,
    student,
    frozen,
    trainable,
    told.kinds,
    told.seed,
  );
  return await body(evaluator);
}

/** Values of the tokens that are real, in order; `tensor` has one or several for each token. */
export function ofRealTokens({ data }: HostTensor, { tokenMask }: LabelledBatch): number[] {
  const perToken = data.length / tokenMask.data.length;
  return Array.from(data).filter((_, i) => tokenMask.data[Math.floor(i / perToken)] === 1);
}
