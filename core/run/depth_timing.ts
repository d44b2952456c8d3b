/** Times a model's forward pass at several depths. */

import { Evaluator, type LabelledBatch } from "../eval/mod.ts";
import { initialize } from "../nn/mod.ts";
import { floats, ints, RandomStream } from "../tensor/mod.ts";
import { type StudentOptions, trainableParams } from "../train/mod.ts";
import { resolveConfig } from "./config.ts";
import { loadParts } from "./parts.ts";
import { type Plugins } from "./plugins.ts";
import { RunRepositories } from "./repositories.ts";
import { median } from "./speed.ts";

/** What to time. */
export interface TimingOptions {
  readonly model: string;
  readonly batchSize: number;
  readonly length: number;
  /** Batches before the clock starts. */
  readonly warmup: number;
  readonly batches: number;
}

/** One way of running the model. */
export interface TimedDepth {
  readonly how: string;
  readonly activeLayers: number;
  readonly tokensPerSecond: number;
  /** Median time of a batch. */
  readonly milliseconds: number;
}

/** Shares of a model's layers that are timed. */
const DEPTHS = [1, 0.8, 0.65, 0.45, 0.3];

/**
 * The first layers only, at several depths; then a token-level router as it is drawn, its gates
 * blended in. Random tokens: the time of a dense product does not depend on them.
 */
export async function timeDepths(plugins: Plugins, options: TimingOptions): Promise<TimedDepth[]> {
  const { model: name, batchSize, length } = options;
  const config = await resolveConfig({
    defaults: { name: "exp4", router: { name: "static", anchorLayers: 0 }, model: name },
    routerOptions: plugins.routerOptions,
    overrides: { batchSize: String(batchSize), sequenceLength: String(length), steps: "1" },
  });
  await using parts = await loadParts(config, plugins, new RunRepositories());
  const { numLayers, vocabSize } = parts.student.model.dims;
  const batch = randomBatch(batchSize, length, vocabSize);

  const time = async (how: string, router: StudentOptions["router"]): Promise<TimedDepth> => {
    const student: StudentOptions = { ...parts.student, ...(router ? { router } : {}) };
    const trainable = initialize(trainableParams(student), 0);
    await using evaluator = new Evaluator(parts.backend, student, parts.frozen, trainable);
    const point = { threshold: 0, targetSkip: 0 };
    const times: number[] = [];
    let active = 0;
    for (let i = 0; i < options.warmup + options.batches; i++) {
      const started = performance.now();
      const { gates } = await evaluator.routedTokens(batch, point, 0);
      if (i >= options.warmup) times.push(performance.now() - started);
      active = gates.data.reduce((sum, gate) => sum + gate, 0) / (batchSize * length);
    }
    const milliseconds = median(times);
    const tokensPerSecond = 1000 * batchSize * length / milliseconds;
    return {
      how,
      activeLayers: (router?.anchorLayers ?? 0) + active,
      tokensPerSecond,
      milliseconds,
    };
  };

  const rows: TimedDepth[] = [];
  const fixed = plugins.routers.get("static");
  for (const depth of new Set(DEPTHS.map((share) => Math.max(1, Math.round(share * numLayers))))) {
    const skipLayers = Array.from({ length: numLayers - depth }, (_, i) => depth + i);
    const router = fixed.create(fixed.options.parse({ skipLayers }));
    rows.push(await time(`first ${depth} layers`, { router, anchorLayers: 0 }));
  }
  const token = plugins.routers.get("token-gumbel");
  const anchorLayers = Math.min(4, numLayers - 1);
  const router = token.create(token.options.parse({ initialBias: -1, initialStd: 0.2 }));
  rows.push(await time("token router, blended", { router, anchorLayers }));
  return rows;
}

function randomBatch(batchSize: number, length: number, vocabulary: number): LabelledBatch {
  const random = new RandomStream(0, "depth-timing");
  const shape = [batchSize, length];
  const draw = () => {
    const tensor = ints(shape);
    tensor.data.forEach((_, i) => tensor.data[i] = random.below(vocabulary));
    return tensor;
  };
  const tokenMask = floats(shape);
  tokenMask.data.fill(1);
  return { tokens: draw(), targets: draw(), tokenMask };
}
