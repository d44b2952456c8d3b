/**
 * What an experiment's configuration holds: every setting with its meaning, unit, range and
 * default. The interfaces are written out for readers; the zod schemas check the same thing at run
 * time, and the compiler checks that the two agree.
 */

import { z } from "zod";
import { BASE_PRECISIONS, type BasePrecision } from "../nn/base_precision.ts";
import { ALL_LINEAR, ATTENTION } from "../nn/projections.ts";
import { type Reading, READINGS } from "../routing/reading.ts";

/** What runs the graphs. */
export interface BackendConfig {
  readonly name: string;
  readonly threads: number;
  readonly executionProvider: string;
  readonly sessionOptions: Readonly<Record<string, unknown>>;
}

/** AdamW and its learning-rate schedule. */
export interface OptimizerConfig {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly clipNorm: number;
  readonly warmupSteps: number;
  readonly schedule: "cosine" | "linear" | "constant";
  readonly finalRate: number;
}

/** Low-rank adapters on the model's projections. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly targets: readonly string[];
  readonly startStep: number;
}

/** Which router decides, and the options that this router declares. */
export interface RouterConfig {
  readonly name: string;
  readonly anchorLayers: number;
  readonly reads: Reading;
  readonly bypassRank: number;
  readonly rateFactor: number;
  readonly temperatureStart: number;
  readonly temperatureEnd: number;
  readonly [option: string]: unknown;
}

/** Parts of the training loss and their weights. */
export interface ObjectiveConfig {
  readonly distillWeight: number;
  readonly distillTemperature: number;
  readonly distillWarmupSteps: number;
  readonly distillPer: "token" | "sequence";
  readonly hiddenWeight: number;
  readonly sparsityWeight: number;
  readonly sparsityRamp: readonly [number, number];
  readonly targetWeight: number;
  readonly targetSkip: number;
  readonly targetSkipFrom?: number | undefined;
  readonly targetWarmupSteps: number;
}

/** How often and on how much text a run is evaluated. */
export interface EvaluationConfig {
  readonly every: number;
  readonly batches: number;
  readonly finalBatches: number;
  readonly calibrationBatches: number;
  readonly gates: "calibrated" | "own" | "sampled";
  readonly questions: number;
  readonly staticMaskBatches: number;
  readonly budgets: readonly number[];
}

/** How often a run saves what it needs to continue. */
export interface CheckpointConfig {
  readonly every: number;
  readonly use: "last" | "best";
}

/** Everything that decides what a run computes. */
export interface ExperimentConfig {
  readonly name: string;
  readonly plugins: readonly string[];
  readonly model: string;
  readonly data: string;
  readonly seed: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly sequenceLength: number;
  readonly accumulation: number;
  readonly basePrecision: BasePrecision;
  readonly checkpointing: boolean;
  readonly backend: BackendConfig;
  readonly optimizer: OptimizerConfig;
  readonly lora: LoraConfig;
  readonly router: RouterConfig;
  readonly objective: ObjectiveConfig;
  readonly evaluation: EvaluationConfig;
  readonly checkpoint: CheckpointConfig;
}

const count = (atLeast: number) => z.int().min(atLeast);
const share = () => z.number().min(0).max(1);
const text = () => z.string().min(1);

const backend = z.strictObject({
  name: text().default("onnx").describe("backend that runs the graphs"),
  threads: count(0).default(0).describe("threads of the backend; 0: one per core"),
  executionProvider: text().default("cpu").describe(
    "execution provider of ONNX Runtime; of webgpu the adapter: high-performance, low-power, fallback",
  ),
  sessionOptions: z.record(z.string(), z.unknown()).default({})
    .describe("further session options, passed to ONNX Runtime as they are"),
});

const optimizer = z.strictObject({
  learningRate: z.number().positive().default(1e-3).describe("peak learning rate"),
  weightDecay: z.number().min(0).default(0.01).describe("decoupled weight decay"),
  beta1: z.number().min(0).lt(1).default(0.9).describe("decay of the mean of gradients"),
  beta2: z.number().min(0).lt(1).default(0.999).describe("decay of the mean of squared gradients"),
  epsilon: z.number().positive().default(1e-8).describe("added to the root of that mean"),
  clipNorm: z.number().min(0).default(1)
    .describe("largest norm of all gradients together; 0: no clipping"),
  warmupSteps: count(0).default(20).describe("steps of linear rise to the peak rate"),
  schedule: z.enum(["cosine", "linear", "constant"]).default("cosine")
    .describe("course of the rate after the warm-up"),
  finalRate: share().default(0).describe("rate at the last step, as a share of the peak"),
});

const lora = z.strictObject({
  rank: count(1).default(16).describe("rank of the adapters"),
  alpha: z.number().positive().default(32).describe("scale of the adapters times their rank"),
  dropout: z.number().min(0).lt(1).default(0)
    .describe("share of an adapter's inputs dropped in training"),
  targets: z.array(text()).min(1)
    .default([ALL_LINEAR])
    .describe(
      `projections that get an adapter, by their names in PEFT; "${ALL_LINEAR}" or "${ATTENTION}"`,
    ),
  startStep: count(0).default(0)
    .describe("steps at the start in which the router alone learns"),
});

const objective = z.strictObject({
  distillWeight: share().default(0.7)
    .describe("weight of distillation from the frozen model; cross-entropy gets the rest"),
  distillTemperature: z.number().positive().default(2)
    .describe("temperature of both distributions in distillation"),
  distillWarmupSteps: count(0).default(0).describe(
    "steps over which distillation rises to its weight",
  ),
  distillPer: z.enum(["token", "sequence"]).default("token").describe(
    "what distillation is a mean over: tokens; or sequences, each the sum of its tokens, as the " +
      "original had it",
  ),
  hiddenWeight: z.number().min(0).default(0)
    .describe("weight of the last states' distance from those of the frozen model"),
  sparsityWeight: z.number().min(0).default(0)
    .describe("price of one routable layer run per token (L1)"),
  sparsityRamp: z.tuple([z.number().min(0), z.number().min(0)]).default([1, 1])
    .describe("factors on that price at the first and the last routable layer"),
  targetWeight: z.number().min(0).default(20)
    .describe("weight of (skip ratio − target)², the batch's mean against the wanted share"),
  targetSkip: z.number().min(0).lt(1).default(0.3)
    .describe("wanted share of routable token-layer pairs to skip"),
  targetSkipFrom: z.number().min(0).lt(1).optional().describe(
    "draw each step's target between this and targetSkip, for a router that reads its budget",
  ),
  targetWarmupSteps: count(0).default(0).describe(
    "steps over which the target rises from 0; at most a third of the run",
  ),
});

const evaluation = z.strictObject({
  every: count(1).default(50).describe("optimizer steps between evaluations"),
  batches: count(1).default(10).describe("validation batches of each of them"),
  finalBatches: count(1).default(40).describe("validation batches of the final table"),
  calibrationBatches: count(1).default(20)
    .describe("training batches on which the gates' threshold is set"),
  gates: z.enum(["calibrated", "own", "sampled"]).default("calibrated").describe(
    "gates without noise, at a threshold for the target skip ratio or at even odds; or drawn as in " +
      "training, as the original did",
  ),
  questions: count(0).default(100).describe(
    "questions with choices in the final table, where the corpus has any",
  ),
  staticMaskBatches: count(0).default(4).describe(
    "training batches on which the best static mask is searched for; 0: no search",
  ),
  budgets: z.array(z.number().min(0).lt(1)).default([0.1, 0.2, 0.4, 0.5, 0.6]).describe(
    "further skip ratios at which the finished model is evaluated",
  ),
});

const checkpoint = z.strictObject({
  every: count(1).default(50).describe("optimizer steps between checkpoints"),
  use: z.enum(["last", "best"]).default("last").describe(
    "which one the run ends with: the last, or that of the lowest validation loss",
  ),
});

/** What every router has, beside the options of its own. */
const commonRouter = {
  name: text().describe("router that decides which layers run"),
  anchorLayers: count(0).default(4)
    .describe("leading layers that always run; the router reads the state after them"),
  reads: z.enum(READINGS).default("state").describe(
    "what the router is given: the state after those layers; or, as controls, no more than which " +
      "token it is or its position",
  ),
  bypassRank: count(0).default(0)
    .describe("rank of a small adapter that stands in for a skipped layer; 0: nothing does"),
  rateFactor: z.number().positive().default(1)
    .describe("the router's learning rate, as a multiple of the adapters'"),
  temperatureStart: z.number().positive().default(1)
    .describe("temperature of the relaxed gates at the first step"),
  temperatureEnd: z.number().positive().default(1)
    .describe("their temperature at the last step, reached in equal ratios"),
};

/** Whether every router has the setting of this name. */
export function isCommonRouterKey(key: string): boolean {
  return Object.hasOwn(commonRouter, key);
}

/** The options that the router itself declares: all but those that every router has. */
export function ownOptions(router: RouterConfig): Record<string, unknown> {
  return Object.fromEntries(Object.entries(router).filter(([key]) => !isCommonRouterKey(key)));
}

/** The options a router declares; a router without any gives an empty object. */
export type RouterOptions = z.ZodObject;

/** The schema of a whole experiment whose router declares `routerOptions`. */
export function experimentSchema(routerOptions: RouterOptions) {
  // `safeExtend` keeps rules between options that the router may have added to its schema.
  const router: z.ZodType<RouterConfig> = routerOptions
    .safeExtend(commonRouter)
    .strict() as unknown as z.ZodType<RouterConfig>;
  return z.strictObject({
    name: z.string().regex(/^[\w.-]*\w[\w.-]*$/)
      .describe("name of the experiment and of its folder: letters, digits, dots, dashes"),
    plugins: z.array(text()).default([]).describe(
      "modules that bring further models, routers and so on: files, npm: or jsr: specifiers, URLs; " +
        "as --plugin",
    ),
    model: text().default("nano").describe(
      "name of a model, a folder in Hugging Face format, or organisation/name on the hub",
    ),
    data: text().default("microworld").describe(
      "name of a corpus, or a .txt, .jsonl or .parquet file",
    ),
    seed: count(0).default(0).describe("seed of all randomness in the run"),
    steps: count(1).default(300).describe("optimizer steps"),
    batchSize: count(1).default(16).describe("sequences per micro-batch"),
    sequenceLength: count(2).default(128).describe("tokens per sequence"),
    accumulation: count(1).default(1).describe("micro-batches per optimizer step"),
    basePrecision: z.enum(BASE_PRECISIONS).default("float32").describe(
      "how the frozen model's projections are kept: as they are, or in four-bit blocks",
    ),
    checkpointing: z.boolean().default(false).describe(
      "compute each block a second time for its gradient instead of keeping it: less memory",
    ),
    backend: backend.prefault({}).describe("what runs the graphs"),
    optimizer: optimizer.prefault({}).describe("AdamW and its schedule"),
    lora: lora.prefault({}).describe("low-rank adapters"),
    router: router.describe("the router and its own options"),
    objective: objective.prefault({}).describe("parts of the loss"),
    evaluation: evaluation.prefault({}).describe("how a run is evaluated"),
    checkpoint: checkpoint.prefault({}).describe("how a run is saved"),
  });
}

/** Fails to compile when the schema yields something else than {@link ExperimentConfig}. */
type Agrees<A, B> = A extends B ? true : never;
const _schemaGivesConfig: Agrees<z.output<ReturnType<typeof experimentSchema>>, ExperimentConfig> =
  true;
const _configFitsSchema: Agrees<
  keyof ExperimentConfig,
  keyof z.output<ReturnType<typeof experimentSchema>>
> = true;
