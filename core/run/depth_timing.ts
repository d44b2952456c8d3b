/** Times a model at several depths: with layers cut off, with gates blended in, and with skipping. */

import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError, type WeightFormat } from "../contracts/mod.ts";
import { checkWeightFormat, type InferenceModel, mergeAdapters } from "../inference/mod.ts";
import { writeFileAtomic } from "../io/mod.ts";
import { speedFigure, type SpeedPoint } from "../report/speed_figure.ts";
import { writeFigure } from "../report/figures.ts";
import { childScript } from "./child_script.ts";
import {
  InferenceTiming,
  thresholdKeeping,
  type TimedWay,
  type WayTime,
} from "./inference_timing.ts";
import { type Plugins } from "./plugins/plugins.ts";
import { type ModelChoice, openTrainedModel } from "./trained_model.ts";

/** What to time. */
export interface TimingOptions extends Pick<ModelChoice, "checkpoint" | "model" | "backend"> {
  /** Layers that always run where tokens skip the others. */
  readonly anchorLayers: number;
  /** Shares of kept tokens. */
  readonly keep: readonly number[];
  readonly batches: readonly number[];
  readonly length: number;
  /** How matrices are kept. */
  readonly weights: WeightFormat;
  /** Timed prefills of each way. */
  readonly rounds: number;
  /** Timed tokens of each way. */
  readonly steps: number;
  /** The one way to run, without dense beside it; all of them unless told. */
  readonly only?: string | undefined;
}

/** What was timed. */
export interface DepthTiming {
  readonly label: string;
  readonly times: readonly WayTime[];
}

/** Shares of a model's layers that are timed, about those of the reference: 22, 18, 14, 10, 6 of 22. */
const DEPTHS = [1, 18 / 22, 14 / 22, 10 / 22, 6 / 22];

/** Times all ways in turn. */
export async function timeDepths(plugins: Plugins, options: TimingOptions): Promise<DepthTiming> {
  await using trained = await openTrainedModel(options, plugins);
  checkWeightFormat(trained.model.backend, options.weights);
  const merged = await mergeAdapters(trained.model);
  const all = waysOf(merged, plugins, options, options.checkpoint !== undefined);
  const ways = all.filter(({ how }) => how === (options.only ?? how));
  if (ways.length === 0) throw new UserError(`There is no way "${options.only}" to run this model`);
  await using timing = new InferenceTiming(ways, {
    length: options.length,
    weightFormat: options.weights,
  });
  const times: WayTime[] = [];
  for (const batch of options.batches) {
    times.push(...await timing.prefill(batch, options.rounds));
    times.push(...await timing.decode(batch, options.steps));
  }
  const kept = options.weights === "float32" ? "" : `, weights in ${options.weights}`;
  return { label: `${trained.label}${kept}`, times };
}

/**
 * The most memory that each way takes, in MB of 10^6 bytes: each runs in a process of its own, which
 * writes that number and nothing else.
 *
 * @param script path of the script that takes the arguments and then `--only <way>`
 * @throws {UserError} when one of them fails.
 */
export async function memoryOfWays(
  times: readonly WayTime[],
  script: string,
  args: readonly string[],
): Promise<Map<string, number>> {
  const memory = new Map<string, number>();
  for (const how of new Set(times.map((time) => time.how))) {
    const child = childScript(script, [...args, "--only", how], {
      stdout: "piped",
      stderr: "piped",
    });
    const { code, stdout, stderr } = await child.output();
    const [said, failure] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    if (code !== 0) throw new UserError(`Running "${how}" alone failed: ${failure}`);
    memory.set(how, Number(said));
  }
  return memory;
}

const DENSE = "dense";
const OWN = "its own router";

function waysOf(
  own: InferenceModel,
  plugins: Plugins,
  options: TimingOptions,
  isTrained: boolean,
): TimedWay[] {
  const { numLayers } = own.student.model.dims;
  const anchorLayers = Math.min(options.anchorLayers, numLayers - 1);
  const fixed = plugins.routers.get("static");
  const chance = plugins.routers.get("random");
  const under = (router: NonNullable<InferenceModel["student"]["router"]>, threshold = 0) => ({
    ...own,
    depth: "routed" as const,
    student: { ...own.student, router },
    point: { threshold, targetSkip: 0 },
  });
  const random = { router: chance.create(chance.options.parse({})), anchorLayers };
  const depths = [...new Set(DEPTHS.map((share) => Math.max(1, Math.round(share * numLayers))))];
  return [
    { how: DENSE, kind: DENSE, model: { ...own, depth: isTrained ? "fullDepth" : "base" } },
    ...depths.filter((depth) => depth < numLayers).map((depth): TimedWay => {
      const skipLayers = Array.from({ length: numLayers - depth }, (_, i) => depth + i);
      const router = fixed.create(fixed.options.parse({ skipLayers }));
      const model = under({ router, anchorLayers: 0 });
      return { how: `first ${depth} layers`, kind: "layers cut off", model };
    }),
    ...options.keep.map((share): TimedWay => ({
      how: `${Math.round(100 * share)}% of tokens kept, blended`,
      kind: "blended, as in training",
      keep: share,
      model: under(random, thresholdKeeping(share)),
      blended: true,
    })),
    ...options.keep.map((share): TimedWay => ({
      how: `${Math.round(100 * share)}% of tokens kept`,
      kind: "skipped per token",
      keep: share,
      model: under(random, thresholdKeeping(share)),
    })),
    ...(isTrained ? [{ how: OWN, kind: OWN, model: own }] : []),
  ];
}

/**
 * Writes `depth_timing.csv` and the figure `speed`.
 *
 * @param memory peak memory by way, in MB; empty where it was not measured
 * @returns their paths
 */
export async function writeDepthTiming(
  out: string,
  { label, times }: DepthTiming,
  memory: ReadonlyMap<string, number>,
): Promise<{ csv: string; figure: string }> {
  const csv = join(out, "depth_timing.csv");
  const rows = times.map((time) => ({
    "how": time.how,
    "kind": time.kind,
    "phase": time.phase,
    "batch": time.batch,
    "active_layers": time.activeLayers.toFixed(3),
    "tokens_per_second": time.tokensPerSecond.toFixed(1),
    "latency_ms_per_batch": time.ms.toFixed(3),
    "flop_share": time.flopShare.toFixed(4),
    "time_share": time.timeShare.toFixed(4),
    "realized": time.realized?.toFixed(4) ?? "",
    "peak_memory_mb": memory.get(time.how)?.toFixed(0) ?? "",
  }));
  writeFileAtomic(csv, csvFormat(rows) + "\n");
  const points = times.filter(({ how }) => how !== DENSE).map((time): SpeedPoint => ({
    kind: time.kind,
    phase: `${time.phase}, batch ${time.batch}`,
    ideal: 1 / time.flopShare,
    speedup: 1 / time.timeShare,
  }));
  const { png } = await writeFigure(
    join(out, "speed"),
    speedFigure(points, { title: `Speed of ${label} with less depth` }),
  );
  return { csv, figure: png };
}
