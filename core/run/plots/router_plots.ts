/** Figures of single experiments with a router: parts of the loss, temperature, layers, controls. */

import type { TopLevelSpec } from "vega-lite";
import { CONTROLS } from "../../eval/comparison.ts";
import { layerHeatmap } from "../../report/layers_figure.ts";
import { measuresFigure } from "../../report/measures_figure.ts";
import { panelsFigure, type StepPanel } from "../../report/panels_figure.ts";
import { COLOURS } from "../../report/theme.ts";
import { type RunResult } from "../results_folder.ts";
import { type FinalNumbers, finalOf, settingsOf } from "./final_numbers.ts";
import { caption, mean, overSeeds, seedsCaption } from "./numbers.ts";
import { type Planned, plotEach, type PlotKind } from "./plot.ts";
import { type ExperimentRuns, type Family, seedsInWords } from "./selected_runs.ts";

/** An experiment, and the family that it is of. */
interface Own {
  readonly experiment: ExperimentRuns;
  readonly family: Family;
}

interface RouterPlot extends PlotKind {
  readonly has: (experiment: ExperimentRuns) => boolean;
  readonly draw: (own: Own) => TopLevelSpec;
}

const COMMAND = "deno task exp10 --fresh";

/** Parts of the loss: columns of `metrics.csv`, what they are, and their colours as in a run's figure. */
const PARTS = [
  ["ce_loss", "cross-entropy", COLOURS.blue],
  ["kd_loss", "distillation", COLOURS.green],
  ["target_loss", "skip target", COLOURS.orange],
  ["gate_loss", "sparsity", COLOURS.purple],
  ["hidden_loss", "hidden states", COLOURS.sky],
  ["policy_loss", "policy", COLOURS.vermilion],
] as const;

/** Those that only a router that learns has. */
const GATE_PARTS = ["target_loss", "gate_loss", "policy_loss"];

const isUsed = ({ metrics }: RunResult, column: string) =>
  metrics.some((row) => (row[column] ?? 0) !== 0);

/** Whether a router learns in this experiment. */
const learnsGates = ({ runs: [first] }: ExperimentRuns) =>
  GATE_PARTS.some((column) => isUsed(first!, column));

const hasFinal =
  (of: (final: FinalNumbers) => object | undefined, least: number) =>
  ({ runs, finished }: ExperimentRuns) =>
    finished &&
    runs.some(({ record }) => Object.keys(of(finalOf(record)) ?? {}).length >= least);

const ROUTER_PLOTS: readonly RouterPlot[] = [
  {
    kind: "loss_breakdown",
    needs: "no run trains a router",
    command: COMMAND,
    has: learnsGates,
    draw: (own) => panelsFigure(lossPanels(firstRun(own)), captionOf(own, "Parts of the loss")),
  },
  {
    kind: "temperature_activity",
    needs: "no run trains a router",
    command: COMMAND,
    has: (own) =>
      learnsGates(own) &&
      own.runs[0]!.metrics.some((row) => row["avg_active_layers"] !== undefined),
    draw: (own) =>
      panelsFigure(activityPanels(firstRun(own)), captionOf(own, "Temperature and active layers")),
  },
  {
    kind: "layer_activity",
    needs: "no run that trains a router has been evaluated",
    command: COMMAND,
    has: (own) => learnsGates(own) && sharesOf(own.runs[0]!).length > 0,
    draw: (own) =>
      layerHeatmap(sharesOf(firstRun(own)), captionOf(own, "Which layers run, at each evaluation")),
  },
  {
    kind: "controls",
    needs: "no finished run of a router has controls",
    command: COMMAND,
    has: hasFinal(({ rows }) =>
      rows && Object.fromEntries(
        Object.entries(rows).filter(([way]) => (CONTROLS as readonly string[]).includes(way)),
      ), 1),
    draw: controlsFigure,
  },
  {
    kind: "depth_by_kind",
    needs: "no finished run of a router was on text whose tokens have kinds",
    command: COMMAND,
    has: (own) =>
      learnsGates(own) && hasFinal(({ activeLayersByKind }) => activeLayersByKind, 2)(own),
    draw: kindsFigure,
  },
];

/** Figures of each experiment with a router. */
export function routerPlots(families: readonly Family[]): Planned[] {
  const all = families.flatMap((family) =>
    family.experiments.map((experiment): Own => ({ experiment, family }))
  );
  return ROUTER_PLOTS.flatMap(({ has, draw, ...kind }) =>
    plotEach(
      kind,
      all.filter(({ experiment }) => has(experiment)),
      ({ experiment, family }) => `${experiment.experiment}_${kind.kind}${family.suffix}`,
      draw,
    )
  );
}

const firstRun = ({ experiment }: Own) => experiment.runs[0]!;

function captionOf(own: Own, title: string) {
  const { experiment, family } = own;
  const { record, metrics } = firstRun(own);
  return {
    title: `${experiment.experiment}: ${title.charAt(0).toLowerCase()}${title.slice(1)}`,
    subtitle: caption(
      `${family.model} on ${family.data}, seed ${record.seed}`,
      experiment.finished ? undefined : `not finished, at step ${metrics.at(-1)?.step ?? 0}`,
    ),
  };
}

const pointsOf = ({ metrics }: RunResult, column: string) =>
  metrics.flatMap(({ step, [column]: value }) => value === undefined ? [] : [{ step, value }]);

function lossPanels(run: RunResult): StepPanel[] {
  return PARTS.filter(([column]) => isUsed(run, column)).map(([column, title, colour]) => ({
    title,
    colour,
    points: pointsOf(run, column),
    smooth: true,
    // Cross-entropy may be anywhere, the other parts are measured from nothing.
    zero: column !== "ce_loss" && column !== "policy_loss",
  }));
}

function activityPanels(run: RunResult): StepPanel[] {
  const { router, objective } = settingsOf(run.record);
  const total = finalOf(run.record).totalLayers ?? lastLayer(run);
  const { anchorLayers } = router;
  const { targetSkip, targetWeight = 0 } = objective;
  const wanted = targetSkip === undefined || targetWeight === 0 || total === undefined ||
      anchorLayers === undefined
    ? undefined
    : { value: total - targetSkip * (total - anchorLayers), name: "target" };
  const panels: StepPanel[] = [
    {
      title: "temperature",
      colour: COLOURS.blue,
      points: pointsOf(run, "temperature"),
      zero: true,
    },
    {
      title: "active layers",
      colour: COLOURS.blue,
      points: pointsOf(run, "avg_active_layers"),
      smooth: true,
      wanted,
    },
    {
      title: "entropy (bits)",
      colour: COLOURS.green,
      points: pointsOf(run, "router_entropy"),
      zero: true,
    },
  ];
  return panels.filter(({ points }) => points.length > 0);
}

/** Number of layers by those that were counted; undefined where none were. */
function lastLayer(run: RunResult): number | undefined {
  const layers = sharesOf(run).map(({ layer }) => layer);
  return layers.length === 0 ? undefined : Math.max(...layers) + 1;
}

function sharesOf({ layerActivity }: RunResult) {
  return layerActivity.flatMap(({ step, layer, active_share: share }) =>
    layer === undefined || share === undefined ? [] : [{ step, layer, share }]
  );
}

/** What the ways of running a model are called, as `run.json` has them. */
const WAYS: Readonly<Record<string, string>> = {
  "base": "base model",
  "full-depth": "all layers",
  "routed": "routed",
  "sampled": "gates as in training",
  "shuffled": "gates shuffled",
  "rate-matched": "random, rate per layer",
  "random": "random, rate overall",
  "static-mask": "best static mask",
  "by-token": "looked up by token",
  "by-position": "looked up by position",
  "base-random": "base model, random",
};

function controlsFigure({ experiment, family }: Own): TopLevelSpec {
  const all = experiment.runs.map(({ record }) => finalOf(record).rows ?? {});
  const ways = [...new Set(all.flatMap(Object.keys))];
  const rows = ways.map((way) => {
    const loss = overSeeds(all.map((own) => own[way]?.loss));
    return {
      name: WAYS[way] ?? way,
      marked: way === "routed",
      values: [loss],
    };
  });
  return measuresFigure(
    [{ rows }],
    [{ title: "validation loss (nats per token)", as: "dots", digits: 3 }],
    {
      title: `${experiment.experiment}: beside what skips as much`,
      subtitle: caption(
        `${family.model} on ${family.data}, ${seedsInWords([experiment])}`,
        seedsCaption([experiment.runs.length]),
      ),
    },
  );
}

function kindsFigure({ experiment, family }: Own): TopLevelSpec {
  const all = experiment.runs.map(({ record }) => finalOf(record).activeLayersByKind ?? {});
  const kinds = [...new Set(all.flatMap(Object.keys))];
  const rows = kinds.map((kind) => ({
    name: kind,
    values: [overSeeds(all.map((own) => own[kind]))],
  })).sort((a, b) => (b.values[0]?.value ?? 0) - (a.values[0]?.value ?? 0));
  const layers = mean(
    experiment.runs.flatMap(({ record }) => finalOf(record).activeLayers ?? []),
  );
  return measuresFigure(
    [{ rows }],
    [{ title: "active layers", as: "dots", digits: 2 }],
    {
      title: `${experiment.experiment}: depth by kind of token`,
      subtitle: caption(
        `${family.model} on ${family.data}, ${seedsInWords([experiment])}`,
        Number.isNaN(layers) ? undefined : `mean over all tokens: ${layers.toFixed(2)} layers`,
        seedsCaption([experiment.runs.length]),
      ),
    },
  );
}
