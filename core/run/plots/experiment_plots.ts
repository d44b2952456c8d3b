/** Figures that lay experiments beside each other: their losses, perplexities, and what they cost. */

import type { TopLevelSpec } from "vega-lite";
import { type Curve, curvesFigure } from "../../report/curves_figure.ts";
import { layerProfiles } from "../../report/layers_figure.ts";
import { type MeasuredRow, measuresFigure } from "../../report/measures_figure.ts";
import { scatterFigure, type ScatterPoint } from "../../report/scatter_figure.ts";
import { movingAverage, thinned } from "../../report/smoothing.ts";
import { type MetricRow } from "../metrics_csv.ts";
import { type FinalNumbers, finalOf, settingsOf } from "./final_numbers.ts";
import { caption, mean, overSeeds, seedsCaption } from "./numbers.ts";
import { type Planned, type PlotKind } from "./plot.ts";
import { type ExperimentRuns, type Family, seedsInWords } from "./selected_runs.ts";

/** A figure over the experiments of a family. */
interface FamilyPlot extends PlotKind {
  /** The experiments that have what it shows. */
  readonly of: (experiments: readonly ExperimentRuns[]) => readonly ExperimentRuns[];
  readonly draw: (experiments: readonly ExperimentRuns[], family: Family) => TopLevelSpec;
}

const LOSS = "validation loss (nats per token)";
const TRAIN = "deno task exp1 --fresh";
const TRAIN_ROUTER = "deno task exp10 --fresh";

const withColumn = (column: string) => (experiments: readonly ExperimentRuns[]) =>
  experiments.filter(({ runs }) =>
    runs.some(({ metrics }) => metrics.some((row) => row[column] !== undefined))
  );

const withFinal =
  (has: (final: FinalNumbers) => unknown) => (experiments: readonly ExperimentRuns[]) =>
    experiments.filter(({ runs, finished }) =>
      finished && runs.some(({ record }) => has(finalOf(record)) !== undefined)
    );

const FAMILY_PLOTS: readonly FamilyPlot[] = [
  {
    kind: "validation_loss_convergence",
    needs: "no run has been validated",
    command: TRAIN,
    of: withColumn("validation_loss"),
    draw: (experiments, family) =>
      curvesFigure(curvesOf(experiments, "validation_loss", false), {
        title: "Validation loss over training",
        subtitle: caption(about(family, experiments), bandWords(experiments)),
        y: { title: LOSS },
        all: namesOf(family.experiments),
        dots: true,
      }),
  },
  {
    kind: "training_loss_trajectory",
    needs: "no run has taken a step",
    command: TRAIN,
    of: withColumn("ce_loss"),
    draw: (experiments, family) =>
      curvesFigure(curvesOf(experiments, "ce_loss", true), {
        title: "Cross-entropy in training, smoothed",
        subtitle: caption(about(family, experiments), bandWords(experiments)),
        y: { title: "cross-entropy (nats per token)" },
        all: namesOf(family.experiments),
      }),
  },
  {
    kind: "validation_loss_final_bar",
    needs: "no run is finished",
    command: TRAIN,
    of: withFinal(({ loss }) => loss),
    draw: (experiments, family) =>
      finalBars(experiments, family, "Final validation loss", LOSS, ({ loss }) => loss, "loss"),
  },
  {
    kind: "validation_perplexity_bar",
    needs: "no run is finished",
    command: TRAIN,
    of: withFinal(({ perplexity }) => perplexity),
    draw: (experiments, family) =>
      finalBars(
        experiments,
        family,
        "Final validation perplexity",
        "perplexity per token",
        ({ perplexity }) => perplexity,
        "perplexity",
      ),
  },
  {
    kind: "training_loss_final_bar",
    needs: "no run is finished",
    command: TRAIN,
    of: (experiments) => withColumn("ce_loss")(experiments).filter(({ finished }) => finished),
    draw: (experiments, family) => {
      const rows = experiments.map(({ experiment, runs }) => {
        const own = overSeeds(runs.map(({ metrics }) => lastTenth(metrics, "ce_loss")));
        return { name: experiment, values: [own, own] };
      });
      return barsAndDots(rows, experiments, {
        title: "Cross-entropy in training, mean of the last tenth of the steps",
        about: about(family, experiments),
        axis: "cross-entropy (nats per token)",
      });
    },
  },
  {
    kind: "all_experiments_loss",
    needs: "no run is finished",
    command: TRAIN,
    of: (experiments) =>
      experiments.filter((own) =>
        own.finished && costPoints([own]).some(({ series }) => series !== BASE)
      ),
    draw: (experiments, family) =>
      scatterFigure(costPoints(experiments), {
        title: "What each experiment loses, and what it costs",
        subtitle: caption(
          about(family, experiments),
          experiments.some(({ runs }) => runs.length > 1) ? "circles: seeds" : undefined,
          "FLOPs are those of matrix products",
        ),
        x: { title: "" },
        panelNames: "x",
        y: { title: LOSS },
        all: namesOf(family.experiments),
        neutral: BASE,
      }),
  },
  {
    kind: "budget_frontier",
    needs: "no finished run of a router was evaluated at further budgets",
    command: TRAIN_ROUTER,
    of: withFinal(({ frontier = [] }) => frontier.length > 0 ? frontier : undefined),
    draw: (experiments, family) =>
      scatterFigure(budgetPoints(experiments), {
        title: "One checkpoint at other budgets, by moving its threshold",
        subtitle: caption(about(family, experiments), "means over seeds"),
        x: { title: "skip ratio", format: ".0%" },
        y: { title: LOSS },
        all: namesOf(family.experiments),
        joined: true,
      }),
  },
  {
    kind: "layer_activity_final",
    needs: "no finished run leaves layers out",
    command: TRAIN_ROUTER,
    of: withFinal(({ layerActivity = [] }) =>
      layerActivity.some((share) => share < 1) ? layerActivity : undefined
    ),
    draw: (experiments, family) =>
      layerProfiles(experiments.map(profileOf), {
        title: "Share of tokens that run each layer, at the end",
        subtitle: caption(about(family, experiments), "means over seeds", "grey: always run"),
      }),
  },
];

/** Figures over all experiments, for each family that has what they show. */
export function experimentPlots(families: readonly Family[]): Planned[] {
  return FAMILY_PLOTS.flatMap(({ kind, needs, command, of, draw }): Planned[] => {
    const drawn = families.flatMap((family) => {
      const experiments = of(family.experiments);
      const name = `${kind}${family.suffix}`;
      return experiments.length === 0
        ? []
        : [{ kind, name, draw: () => draw(experiments, family) }];
    });
    return drawn.length > 0 ? drawn : [{ kind, name: kind, reason: needs, command }];
  });
}

const namesOf = (experiments: readonly ExperimentRuns[]) =>
  experiments.map(({ experiment }) => experiment);

/** `nano on microworld, n = 2 seeds`, and which runs are not at their end. */
function about(
  { model, data }: Pick<Family, "model" | "data">,
  experiments: readonly ExperimentRuns[],
): string {
  const unfinished = experiments.filter(({ finished }) => !finished);
  return caption(
    `${model} on ${data}, ${seedsInWords(experiments)}`,
    unfinished.length > 0 ? `not finished: ${namesOf(unfinished).join(", ")}` : undefined,
  );
}

function bandWords(experiments: readonly ExperimentRuns[]): string | undefined {
  return experiments.some(({ runs }) => runs.length > 1)
    ? "lines: means over seeds; bands: from the lowest to the highest seed"
    : undefined;
}

/** More points than this no column shows. */
const MOST_POINTS = 250;

/** The mean over seeds of a column of the metrics, with its range; of a smooth one the moving average. */
function curvesOf(
  experiments: readonly ExperimentRuns[],
  column: string,
  smooth: boolean,
): Curve[] {
  return experiments.map(({ experiment, runs }) => {
    const lines = runs.map(({ metrics }) => {
      const points = metrics.flatMap(({ step, [column]: value }) =>
        value === undefined ? [] : [{ step, value }]
      );
      if (!smooth) return points;
      const means = movingAverage(points.map(({ value }) => value), Math.ceil(points.length / 25));
      return thinned(points.map(({ step }, i) => ({ step, value: means[i]! })), MOST_POINTS);
    });
    const bySteps = Map.groupBy(lines.flat(), ({ step }) => step);
    const points = [...bySteps].sort(([a], [b]) => a - b).map(([step, at]) => {
      const values = at.map(({ value }) => value);
      const range = runs.length > 1 ? { low: Math.min(...values), high: Math.max(...values) } : {};
      return { step, value: mean(values), ...range };
    });
    return { series: experiment, points };
  });
}

function lastTenth(metrics: readonly MetricRow<string>[], column: string): number | undefined {
  const values = metrics.flatMap(({ [column]: value }) => value ?? []);
  return values.length === 0 ? undefined : mean(values.slice(-Math.ceil(values.length / 10)));
}

const BASE = "base model";

/** A row of the base model, as the first experiment that measured it has it, and one for each. */
function finalBars(
  experiments: readonly ExperimentRuns[],
  family: Family,
  title: string,
  axis: string,
  numberOf: (final: FinalNumbers) => number | undefined,
  baseKey: "loss" | "perplexity",
): TopLevelSpec {
  const finals = experiments.flatMap(({ runs }) => runs.map(({ record }) => finalOf(record)));
  const base = overSeeds([finals.find(({ rows }) => rows?.["base"])?.rows?.["base"]?.[baseKey]]);
  const rows = experiments.map(({ experiment, runs }): MeasuredRow => {
    const own = overSeeds(runs.map(({ record }) => numberOf(finalOf(record))));
    return { name: experiment, values: [own, own] };
  });
  const baseRow = base ? [{ name: BASE, values: [base, base], marked: true }] : [];
  return barsAndDots([...baseRow, ...rows], experiments, {
    title,
    about: about(family, experiments),
    axis,
  });
}

/** Bars from zero, and beside them the same numbers near to, with their seeds. */
function barsAndDots(
  rows: readonly MeasuredRow[],
  experiments: readonly ExperimentRuns[],
  words: { readonly title: string; readonly about: string; readonly axis: string },
): TopLevelSpec {
  const bars = rows.map(({ values: [bar, dots], ...row }) => ({
    ...row,
    values: [bar && { value: bar.value }, dots],
  }));
  return measuresFigure([{ rows: bars }], [
    { title: words.axis, as: "bars", digits: 3 },
    { title: "the same, enlarged", as: "dots" },
  ], {
    title: words.title,
    subtitle: caption(words.about, seedsCaption(experiments.map(({ runs }) => runs.length))),
  });
}

/** Loss over layers and over operations, a panel each. */
function costPoints(experiments: readonly ExperimentRuns[]): ScatterPoint[] {
  const costs = [
    {
      panel: "active layers",
      of: ({ activeLayers }: FinalNumbers) => activeLayers,
      ofBase: ({ totalLayers }: FinalNumbers) => totalLayers,
    },
    {
      panel: "FLOPs, relative to base",
      of: ({ flopsPerToken, rows }: FinalNumbers) => {
        const base = rows?.["base"]?.flopsPerToken;
        return flopsPerToken === undefined || base === undefined ? undefined : flopsPerToken / base;
      },
      ofBase: () => 1,
    },
  ];
  return costs.flatMap(({ panel, of, ofBase }) => {
    const points = experiments.flatMap(({ experiment, runs }): ScatterPoint[] => {
      const samples = runs.flatMap(({ record }) => {
        const final = finalOf(record);
        const [x, y] = [of(final), final.loss];
        return x === undefined || y === undefined ? [] : [{ x, y }];
      });
      if (samples.length === 0) return [];
      const [x, y] = [mean(samples.map((at) => at.x)), mean(samples.map((at) => at.y))];
      return [{ series: experiment, panel, x, y, samples }];
    });
    const finals = experiments.flatMap(({ runs }) => runs.map(({ record }) => finalOf(record)));
    const base = finals.find(({ rows, totalLayers }) => rows?.["base"] && totalLayers);
    const x = base && ofBase(base);
    const y = base?.rows?.["base"]?.loss;
    return [
      ...x === undefined || y === undefined ? [] : [{ series: BASE, panel, x, y }],
      ...points,
    ];
  });
}

function budgetPoints(experiments: readonly ExperimentRuns[]): ScatterPoint[] {
  return experiments.flatMap(({ experiment, runs }) => {
    const frontiers = runs.map(({ record }) => {
      const { frontier = [], loss, skipRatio } = finalOf(record);
      const own = loss === undefined || skipRatio === undefined ? [] : [{ skipRatio, loss }];
      return [...frontier, ...own].sort((a, b) => a.skipRatio - b.skipRatio);
    });
    return frontiers[0]!.map((_, i): ScatterPoint => {
      const at = frontiers.flatMap((frontier) => frontier[i] ?? []);
      return {
        series: experiment,
        x: mean(at.map(({ skipRatio }) => skipRatio)),
        y: mean(at.map(({ loss }) => loss)),
      };
    });
  });
}

function profileOf({ experiment, runs }: ExperimentRuns) {
  const all = runs.flatMap(({ record }) => {
    const { layerActivity } = finalOf(record);
    return layerActivity ? [layerActivity] : [];
  });
  const anchorLayers = settingsOf(runs[0]!.record).router.anchorLayers ?? 0;
  const shares = all[0]!.map((_, layer) => mean(all.map((own) => own[layer] ?? NaN)));
  return { name: experiment, anchorLayers, shares };
}
