/** Figures of sweeps and comparisons: frontiers, prices of a layer, budgets. */

import type { TopLevelSpec } from "vega-lite";
import { BUDGET_WAYS } from "../sweep/budgets.ts";
import { onFrontier } from "../sweep/frontier.ts";
import { budgetFigure } from "../../report/budget_figure.ts";
import { measuresFigure } from "../../report/measures_figure.ts";
import { paretoFigure } from "../../report/pareto_figure.ts";
import { scatterFigure, type ScatterPoint } from "../../report/scatter_figure.ts";
import { type ResultsFolder } from "../results_folder.ts";
import { caption, mean, overSeeds, seedsCaption } from "./numbers.ts";
import { type Planned, plotEach } from "./plot.ts";
import { type PlotRow, type PlotTable, tablesNamed } from "./tables.ts";

const LOSS = "validation loss (nats per token)";

/** Numbers of an axis of shares. */
const SHARES = [0, 0.5, 1];

/** Settings that sweeps vary, as `trials.csv` names them, and what they are. */
const VARIED = [
  ["sparsity_weight", "price of a layer"],
  ["target_skip", "target"],
] as const;

/** Figures of `trials.csv`, `budgets.csv` and `comparison.csv`. */
export function sweepPlots(results: ResultsFolder): Planned[] {
  const sweeps = tablesNamed(results, "trials.csv", ["skip_ratio", "validation_loss"]);
  const priced = sweeps.filter((sweep) => valuesOf(sweep, "sparsity_weight").length > 1);
  const aimed = sweeps.filter((sweep) => valuesOf(sweep, "target_skip").length > 1);
  const needs = "no sweep has a trials.csv";
  const command = "deno task pareto";
  const noPrices = "no sweep tries several prices of a layer";
  return [
    ...plotEach(
      { kind: "pareto_frontier", needs, command },
      sweeps,
      ({ source }) => `${source}_pareto_frontier`,
      frontierFigure,
    ),
    ...plotEach(
      { kind: "trials_bar", needs, command },
      sweeps,
      ({ source }) => `${source}_trials_bar`,
      trialsFigure,
    ),
    ...plotEach(
      { kind: "penalty_layers_loss", needs: noPrices, command: "deno task exp8" },
      priced,
      ({ source }) => `${source}_penalty_layers_loss`,
      penaltyFigure,
    ),
    ...plotEach(
      { kind: "phase_transition", needs: noPrices, command: "deno task exp8" },
      priced.length > 0 ? [priced] : [],
      () => "phase_transition",
      phaseFigure,
    ),
    ...plotEach(
      { kind: "target_reached", needs: "no sweep tries several targets", command },
      aimed.length > 0 ? [aimed] : [],
      () => "target_reached",
      targetFigure,
    ),
    ...plotEach(
      { kind: "budgets", needs: "no budgets.csv", command: "deno task budgets" },
      tablesNamed(results, "budgets.csv", ["skip_ratio", "validation_loss"]),
      ({ source }) => source === "budgets" ? source : `${source}_budgets`,
      budgetsFigure,
    ),
    ...plotEach(
      { kind: "variants", needs: "no comparison.csv", command: "deno task compare" },
      tablesNamed(results, "comparison.csv", ["active_layers", "validation_loss"]),
      ({ source }) => `${source}_variants`,
      variantsFigure,
    ),
  ];
}

const valuesOf = ({ rows }: PlotTable, column: string) =>
  [...new Set(rows.flatMap(({ number }) => number(column) ?? []))].sort((a, b) => a - b);

const seedsOf = (table: PlotTable) => valuesOf(table, "seed").length || 1;

const inWords = (seeds: number) => `n = ${seeds} seed${seeds === 1 ? "" : "s"}`;

function frontierFigure({ source, rows }: PlotTable): TopLevelSpec {
  const points = rows.map(({ number }) => ({
    skipRatio: number("skip_ratio")!,
    loss: number("validation_loss")!,
  }));
  const frontier = onFrontier(points);
  return paretoFigure(points.map((point, i) => ({ ...point, frontier: frontier[i]! })), source);
}

/** The settings of a trial but for the seed, as far as the sweep varies them. */
function trialName(sweep: PlotTable): (row: PlotRow) => string {
  const varied = VARIED.filter(([column]) => valuesOf(sweep, column).length > 1);
  return ({ number }) =>
    varied.map(([column, name]) => `${name} ${number(column) ?? "?"}`).join(", ") || "all trials";
}

/** The order of settings: in the table trials are in that of their skip ratios. */
function bySettings(a: PlotRow, b: PlotRow): number {
  const [column] = VARIED.find(([column]) => a.number(column) !== b.number(column)) ?? [];
  return column === undefined ? 0 : (a.number(column) ?? 0) - (b.number(column) ?? 0);
}

function trialsFigure(sweep: PlotTable): TopLevelSpec {
  const trials = [...Map.groupBy(sweep.rows.toSorted(bySettings), trialName(sweep))];
  const of = (rows: readonly PlotRow[], column: string) =>
    overSeeds(rows.map(({ number }) => number(column)));
  const means = trials.map(([, rows]) => ({
    skipRatio: of(rows, "skip_ratio")!.value,
    loss: of(rows, "validation_loss")!.value,
  }));
  const frontier = onFrontier(means);
  const rows = trials.map(([name, own], i) => ({
    name,
    marked: frontier[i]!,
    values: [of(own, "validation_loss"), of(own, "skip_ratio")],
  }));
  return measuresFigure([{ rows }], [
    { title: LOSS, as: "dots", digits: 3 },
    { title: "skip ratio", as: "bars", digits: 2, ticks: SHARES },
  ], {
    title: `${sweep.source}: trials`,
    subtitle: caption(
      inWords(seedsOf(sweep)),
      "in red: no other trial skips as much at a lower loss",
      seedsCaption([seedsOf(sweep)]),
    ),
  });
}

/** Layers and loss over the price, in two panels: two axes on one panel invite false crossings. */
function penaltyFigure(sweep: PlotTable): TopLevelSpec {
  const prices = valuesOf(sweep, "sparsity_weight");
  const measures = [["active_layers", "active layers"], [
    "validation_loss",
    "validation loss",
  ]] as const;
  const points = measures.flatMap(([column, panel]) =>
    prices.flatMap((price): ScatterPoint[] => {
      const own = sweep.rows.filter(({ number }) => number("sparsity_weight") === price);
      const values = own.flatMap(({ number }) => number(column) ?? []);
      if (values.length === 0) return [];
      const samples = values.map((y) => ({ x: price, y }));
      return [{ series: sweep.source, panel, x: price, y: mean(values), samples }];
    })
  );
  return scatterFigure(points, {
    title: `${sweep.source}: what a price on layers does`,
    subtitle: caption(
      inWords(seedsOf(sweep)),
      "loss in nats per token",
    ),
    x: { title: "price of a layer", format: "~g" },
    y: { title: "" },
    joined: true,
    logX: prices.every((price) => price > 0),
    panelNames: "y",
  });
}

function meansBy(sweeps: readonly PlotTable[], column: string): ScatterPoint[] {
  return sweeps.flatMap((sweep) =>
    valuesOf(sweep, column).map((x): ScatterPoint => {
      const own = sweep.rows.filter(({ number }) => number(column) === x);
      return { series: sweep.source, x, y: mean(own.map(({ number }) => number("skip_ratio")!)) };
    })
  );
}

function phaseFigure(sweeps: readonly PlotTable[]): TopLevelSpec {
  const points = meansBy(sweeps, "sparsity_weight");
  return scatterFigure(points, {
    title: "Where a price on layers tips a router",
    subtitle: "means over seeds",
    x: { title: "price of a layer", format: "~g" },
    y: { title: "skip ratio", format: ".0%" },
    joined: true,
    logX: points.every(({ x }) => x > 0),
  });
}

function targetFigure(sweeps: readonly PlotTable[]): TopLevelSpec {
  return scatterFigure(meansBy(sweeps, "target_skip"), {
    title: "Skip ratio that was asked for, and reached",
    subtitle: "means over seeds; dashed: as asked for",
    x: { title: "target", format: ".0%" },
    y: { title: "skip ratio reached", format: ".0%" },
    equal: true,
  });
}

function budgetsFigure({ rows }: PlotTable): TopLevelSpec {
  const order = new Map<string, number>(BUDGET_WAYS.map((way, i) => [way, i]));
  const points = rows.map(({ number, text }) => ({
    way: text("way") ?? "one way",
    seed: number("seed") ?? 0,
    skipRatio: number("skip_ratio")!,
    loss: number("validation_loss")!,
  }));
  return budgetFigure(
    points.sort((a, b) => (order.get(a.way) ?? 9) - (order.get(b.way) ?? 9)),
  );
}

function variantsFigure(table: PlotTable): TopLevelSpec {
  const groups = Map.groupBy(table.rows, ({ text }) => text("variant") ?? "one variant");
  const rows = Array.from(groups, ([name, own]) => ({
    name,
    values: ["validation_loss", "active_layers"].map((column) =>
      overSeeds(own.map(({ number }) => number(column)))
    ),
  }));
  return measuresFigure([{ rows }], [
    { title: LOSS, as: "dots", digits: 3 },
    { title: "active layers", as: "bars", digits: 1 },
  ], {
    title: `${table.source}: variants beside each other`,
    subtitle: caption(inWords(seedsOf(table)), seedsCaption([seedsOf(table)])),
  });
}
