/** What figures show of experiments: curves, costs, budgets and layers, over their seeds. */

import { type Curve } from "../../report/curves_figure.ts";
import { type LayerProfile } from "../../report/layers_figure.ts";
import { type ScatterPoint } from "../../report/scatter_figure.ts";
import { movingAverage, thinned } from "../../report/smoothing.ts";
import { type MetricRow } from "../metrics_csv.ts";
import { type FinalNumbers, finalOf, settingsOf } from "./final_numbers.ts";
import { mean } from "./numbers.ts";
import { type ExperimentRuns } from "./selected_runs.ts";

/** What the base model is called among experiments. */
export const BASE = "base model";

/** More points than this no column shows. */
const MOST_POINTS = 250;

/** The mean over seeds of a column of the metrics, with its range; of a smooth one the moving average. */
export function curvesOf(
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

/** The mean of a column over the last tenth of the rows that have it; undefined where none has. */
export function lastTenth(
  metrics: readonly MetricRow<string>[],
  column: string,
): number | undefined {
  const values = metrics.flatMap(({ [column]: value }) => value ?? []);
  return values.length === 0 ? undefined : mean(values.slice(-Math.ceil(values.length / 10)));
}

/** Loss over layers and over operations, a panel each. */
export function costPoints(experiments: readonly ExperimentRuns[]): ScatterPoint[] {
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

/** Loss over skip ratio, at the budget of the training and at further ones. */
export function budgetPoints(experiments: readonly ExperimentRuns[]): ScatterPoint[] {
  return experiments.flatMap(({ experiment, runs }) => {
    const frontiers = longest(runs.map(({ record }) => {
      const { frontier = [], loss, skipRatio } = finalOf(record);
      if (frontier.length === 0 || loss === undefined || skipRatio === undefined) return frontier;
      return [...frontier, { skipRatio, loss }].sort((a, b) => a.skipRatio - b.skipRatio);
    }));
    return frontiers[0]?.map((_, i): ScatterPoint => ({
      series: experiment,
      x: mean(frontiers.map((own) => own[i]!.skipRatio)),
      y: mean(frontiers.map((own) => own[i]!.loss)),
    })) ?? [];
  });
}

/** Share of tokens that run each layer at the end. */
export function profileOf({ experiment, runs }: ExperimentRuns): LayerProfile {
  const all = longest(runs.map(({ record }) => finalOf(record).layerActivity ?? []));
  const anchorLayers = settingsOf(runs[0]!.record).router.anchorLayers ?? 0;
  const shares = all[0]?.map((_, layer) => mean(all.map((own) => own[layer]!))) ?? [];
  return { name: experiment, anchorLayers, shares };
}

/** The lists that have as much as the longest: seeds that lack something do not shift the others. */
function longest<T>(lists: readonly (readonly T[])[]): readonly (readonly T[])[] {
  const most = Math.max(...lists.map((list) => list.length));
  return lists.filter((list) => list.length === most);
}
