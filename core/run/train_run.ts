/** Trains a run: steps, evaluations, metrics, checkpoints, and stopping in good order. */

import process from "node:process";
import {
  AdamW,
  CheckpointStore,
  DeviceAdamW,
  routingParams,
  type StepReport,
  Trainer,
  type TrainerState,
  TrainingDiverged,
  TrainingStep,
} from "../train/mod.ts";
import { Interrupted, UserError } from "../contracts/mod.ts";
import { Evaluator, type RoutedLoss } from "../eval/mod.ts";
import { type OperatingPoint } from "../routing/mod.ts";
import { type ExperimentConfig, ownOptions } from "./config_schema.ts";
import { loggedSteps, type RunLogging, scalarsOf } from "./logging/mod.ts";
import {
  LAYER_COLUMNS,
  LAYERS_FILE,
  METRIC_COLUMNS,
  METRICS_FILE,
  MetricsCsv,
} from "./metrics_csv.ts";
import { type Parts } from "./parts.ts";
import { createProgress } from "./progress.ts";
import { type OpenRun } from "./run_folder.ts";
import { StopSignal } from "./stop_signal.ts";
import { scheduleAt } from "./schedule.ts";

/** Name of a run's folder of checkpoints. */
export const CHECKPOINTS_FOLDER = "checkpoints";

/** A run whose steps are all taken. */
export interface TrainedRun {
  readonly evaluator: Evaluator;
  /** Where the router was last calibrated to work. */
  readonly point: OperatingPoint;
  /** The checkpoint that the run ends with. */
  readonly checkpoint: string;
  /** Its step. */
  readonly step: number;
}

/**
 * Takes the steps that are left of a run.
 *
 * @throws {Interrupted} after Ctrl-C, when everything is saved.
 * @throws {UserError} when training diverges, the disk is full, or another process took the run over.
 */
export async function trainRun(
  config: ExperimentConfig,
  parts: Parts,
  run: OpenRun,
  logging: RunLogging,
  quiet: boolean,
): Promise<TrainedRun> {
  const { backend, student, frozen, trainable } = parts;
  const own = routingParams(student);
  const optimizer = new AdamW(
    trainable,
    config.optimizer,
    () => true,
    (name, step) => name in own ? config.router.rateFactor : step > config.lora.startStep ? 1 : 0,
  );
  const store = new CheckpointStore(run.file(CHECKPOINTS_FOLDER), {
    student,
    optimizer,
    router: routerFile(config),
    baseModel: config.model,
  });
  let state: TrainerState = store.restore() ??
    { step: 0, threshold: 0, best: null };
  let saved = state.step;

  const { checkpointing, sequenceLength } = config;
  const distillScale = config.objective.distillPer === "sequence" ? sequenceLength : 1;
  const options = { ...student, objective: { ...config.objective, distillScale }, checkpointing };
  await using program = await TrainingStep.compile(backend, options, frozen, trainable);
  const { accumulation, optimizer: { clipNorm } } = config;
  // Where gradients are made on a device of their own, steps are taken there too.
  await using device = backend.keepsOutputs
    ? await DeviceAdamW.open(backend, optimizer, { accumulation, clipNorm })
    : undefined;
  const trainer = new Trainer(program, optimizer, {
    steps: config.steps,
    accumulation,
    clipNorm,
    rate: config.optimizer,
    schedule: (step) => scheduleAt(config, step),
    batch: parts.trainingBatch,
    seed: config.seed,
  }, device);
  trainer.step = state.step;
  trainer.usualCost = state.usualCost;
  const evaluator = new Evaluator(
    backend,
    student,
    frozen,
    trainable,
    parts.kinds,
    config.seed,
  );

  using metrics = MetricsCsv.open(run.file(METRICS_FILE), METRIC_COLUMNS, state.step);
  using layers = MetricsCsv.open(run.file(LAYERS_FILE), LAYER_COLUMNS, state.step);
  await logging.begin(run, state.step, () => loggedSteps(metrics.path, layers.path));
  const progress = createProgress({
    label: config.name,
    total: config.steps,
    start: state.step,
    quiet,
  });
  using stop = new StopSignal(() =>
    console.error("\nStopping after this step; press Ctrl-C again to stop at once.")
  );
  if (state.step > 0) progress.note(`resumed after step ${state.step} from ${run.path}`);

  const save = async () => {
    run.assertOwn();
    await trainer.sync();
    metrics.flush();
    layers.flush();
    logging.flush();
    await store.save(state);
    saved = state.step;
  };
  try {
    while (!trainer.done) {
      const report = await trainer.next();
      // A backend may answer at once, and then signals would wait: they are heard when time passes.
      await new Promise((resolve) => setTimeout(resolve, 0));
      state = {
        ...state,
        step: report.step,
        ...(trainer.usualCost === undefined ? {} : { usualCost: trainer.usualCost }),
      };
      const evaluates = report.step % config.evaluation.every === 0 || trainer.done;
      let evaluated: RoutedLoss | undefined;
      if (evaluates) {
        await trainer.sync();
        const point = await operatingPoint(evaluator, config, parts);
        evaluated = await evaluateNow(evaluator, config, parts, point, report.schedule.temperature);
        state = { ...state, threshold: point.threshold, best: better(state, evaluated.loss) };
      }
      const row = metricsRow(report, config, parts, evaluated);
      const activity = layerRows(report.step, config, evaluated);
      metrics.append(row);
      for (const each of activity) layers.append(each);
      logging.log({ step: report.step, time: Date.now(), scalars: scalarsOf(row, activity) });
      progress.update(report.step, { loss: report.losses.loss.toFixed(3) });
      if (evaluated) progress.note(evaluationLine(report.step, evaluated));
      // The index names the best evaluation's checkpoint, so there has to be one.
      const due = report.step % config.checkpoint.every === 0 || trainer.done ||
        state.best?.step === report.step;
      if (due || stop.asked) await save();
      if (stop.asked && !trainer.done) {
        run.interrupt();
        throw new Interrupted(
          `Stopped and saved after step ${report.step}; continue with: ` +
            `deno task ${config.name} --resume ${run.path}`,
        );
      }
    }
    if (saved !== state.step) await save();
  } catch (error) {
    if (!(error instanceof TrainingDiverged)) throw error;
    throw new UserError(
      `${error.message}; try a lower optimizer.learningRate than ` +
        `${config.optimizer.learningRate}, or a longer optimizer.warmupSteps`,
    );
  } finally {
    progress.stop();
  }
  const checkpoint = store.path(ending(config, state));
  if (ending(config, state) !== state.step) state = store.restoreFrom(checkpoint);
  const { threshold, step } = state;
  const { targetSkip } = config.objective;
  return { evaluator, point: { threshold, targetSkip }, checkpoint, step };
}

/** Step of the checkpoint that a run ends with, by the rule that was declared beforehand. */
function ending({ checkpoint }: ExperimentConfig, { step, best }: TrainerState): number {
  return checkpoint.use === "best" && best ? best.step : step;
}

/** Where the router works in evaluation. */
async function operatingPoint(
  evaluator: Evaluator,
  { evaluation, objective: { targetSkip } }: ExperimentConfig,
  parts: Parts,
): Promise<OperatingPoint> {
  if (evaluation.gates === "own") return { threshold: 0, targetSkip };
  const calibration = parts.calibrationBatches(evaluation.calibrationBatches);
  return await evaluator.calibrate(calibration, targetSkip);
}

/** The validation loss during training. */
function evaluateNow(
  evaluator: Evaluator,
  { evaluation, objective }: ExperimentConfig,
  parts: Parts,
  point: OperatingPoint,
  temperature: number,
): Promise<RoutedLoss> {
  const batches = parts.validationBatches(evaluation.batches);
  return evaluation.gates === "sampled"
    ? evaluator.sampled(batches, { temperature, targetSkip: objective.targetSkip })
    : evaluator.routed(batches, point);
}

function routerFile({ router }: ExperimentConfig) {
  const { name, anchorLayers, reads, bypassRank } = router;
  return { name, anchorLayers, reads, bypassRank, options: ownOptions(router) };
}

/** With calibrated gates every evaluation has the same budget, so the lowest loss is the best. */
function better({ step, best }: TrainerState, validationLoss: number): TrainerState["best"] {
  return best && best.validationLoss <= validationLoss ? best : { step, validationLoss };
}

function metricsRow(
  { step, losses, schedule, learningRate, seconds, tokens, flops }: StepReport,
  config: ExperimentConfig,
  parts: Parts,
  evaluated: RoutedLoss | undefined,
) {
  const active = losses.activity.reduce((sum, share) => sum + share, 0);
  return {
    step,
    epoch: parts.epochOf((step - 1) * config.accumulation),
    "train_loss": losses.loss,
    "ce_loss": losses.crossEntropy,
    "kd_loss": losses.distill,
    "gate_loss": config.objective.sparsityWeight * losses.sparsity,
    "target_loss": config.objective.targetWeight * losses.target,
    "hidden_loss": config.objective.hiddenWeight * losses.hidden,
    "policy_loss": losses.policy,
    "target_skip": schedule.targetSkip,
    "validation_loss": evaluated?.loss,
    perplexity: evaluated?.perplexity,
    "avg_active_layers": config.router.anchorLayers + active,
    "skip_ratio": 1 - active / losses.activity.length,
    temperature: schedule.temperature,
    "learning_rate": learningRate,
    "router_entropy": evaluated?.statistics.entropy,
    "tokens_per_second": Math.round(tokens / seconds),
    "gflops_per_second": Number((flops / seconds / 1e9).toFixed(1)),
    "peak_memory_mb": Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

function layerRows(
  step: number,
  { router }: ExperimentConfig,
  evaluated: RoutedLoss | undefined,
) {
  return (evaluated?.statistics.layerActivity ?? []).map((share, i) => ({
    step,
    layer: router.anchorLayers + i,
    "active_share": share,
  }));
}

function evaluationLine(step: number, { loss, perplexity, statistics }: RoutedLoss): string {
  return `step ${step}: validation loss ${loss.toFixed(4)}, perplexity ${perplexity.toFixed(3)}, ` +
    `${statistics.activeLayers.toFixed(2)} active layers, ` +
    `skip ratio ${statistics.skipRatio.toFixed(3)}`;
}
