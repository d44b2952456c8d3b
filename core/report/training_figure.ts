/** The figure of a training run: losses, skipped layers and temperature over its steps. */

import type { TopLevelSpec } from "vega-lite";
import { COLOURS } from "./theme.ts";
import { movingAverage, thinned } from "./smoothing.ts";

/** Columns of `metrics.csv` that the figure draws. */
type Column =
  | "train_loss"
  | "ce_loss"
  | "kd_loss"
  | "gate_loss"
  | "target_loss"
  | "validation_loss"
  | "skip_ratio"
  | "temperature";

/** What the figure needs of a row of `metrics.csv`. */
export type TrainingRow =
  & { readonly step: number }
  & { readonly [column in Column]?: number | undefined };

/** What the figure says beside the rows. */
export interface TrainingFigureOptions {
  readonly title: string;
  /** Wanted share of routable token-layer pairs to skip. */
  readonly targetSkip?: number;
  /** Layers of the model and how many of them always run: for an axis of active layers. */
  readonly layers?: { readonly total: number; readonly anchor: number };
}

/** A line of a panel: where its values are, what the legend calls it, and how it looks. */
interface Series {
  readonly column: Column;
  readonly name: string;
  readonly colour: string;
}

/** A point of a line; `smooth` is the moving average there. */
interface Point {
  readonly step: number;
  readonly value: number;
  readonly smooth: number;
  readonly series: string;
}

const WIDTH = 560;

/** Room for labels left of every panel, so that the panels' left edges agree. */
const LABEL_ROOM = 44;

/** More points than this are averaged in groups, as no screen shows them. */
const MOST_POINTS = 400;

/** Points to either side that a smooth line averages over. */
const SMOOTHING = 6;

const VALIDATION = "validation";

/** Losses of about the size of the cross-entropy. */
const LOSSES: readonly Series[] = [
  { column: "train_loss", name: "training, all parts", colour: COLOURS.black },
  { column: "ce_loss", name: "cross-entropy", colour: COLOURS.blue },
  { column: "validation_loss", name: VALIDATION, colour: COLOURS.vermilion },
];

/** The other parts, an order of magnitude smaller: in a panel of their own they can be seen. */
const PENALTIES: readonly Series[] = [
  { column: "kd_loss", name: "distillation", colour: COLOURS.green },
  { column: "gate_loss", name: "sparsity", colour: COLOURS.purple },
  { column: "target_loss", name: "skip target", colour: COLOURS.orange },
];

/**
 * Panels over optimizer steps: the losses (nats per token), the smaller parts (those of the gates
 * with their weights), the skip ratio with its target and the active layers that it amounts to, and
 * the temperature of the gates. Thin lines are single steps, thick ones moving averages. Columns
 * without values are left out.
 *
 * @throws {RangeError} when there are no rows.
 */
export function trainingFigure(
  rows: readonly TrainingRow[],
  options: TrainingFigureOptions,
): TopLevelSpec {
  if (rows.length === 0) throw new RangeError("Cannot draw a training run without rows");
  const lastStep = rows.at(-1)!.step;
  const panels = [
    linePanel(rows, LOSSES, "loss (nats per token)", 170),
    linePanel(rows, PENALTIES, "other parts", 110),
    skipPanel(rows, options),
    linePanel(
      rows,
      [{ column: "temperature", name: "temperature", colour: COLOURS.blue }],
      "temperature",
      70,
    ),
  ].filter((panel) => panel !== undefined);
  const encodedX = (last: boolean) => ({
    field: "step",
    type: "quantitative",
    scale: { domain: [0, lastStep], nice: false },
    axis: { tickCount: 6, ...last ? { title: "optimizer step" } : { title: null, labels: false } },
  });
  return {
    title: options.title,
    spacing: 20,
    bounds: "flush",
    vconcat: panels.map((panel, index) => ({
      ...panel,
      width: WIDTH,
      encoding: { x: encodedX(index === panels.length - 1) },
    })),
    resolve: { scale: { color: "independent" } },
    // The types of a concatenation are too deep for the compiler to match with panels in parts.
  } as unknown as TopLevelSpec;
}

/** A panel of lines of one unit, with a legend when there are several; nothing without values. */
function linePanel(
  rows: readonly TrainingRow[],
  series: readonly Series[],
  title: string,
  height: number,
): object | undefined {
  const present = series.filter(({ column }) => rows.some((row) => isValue(row[column])));
  if (present.length === 0) return undefined;
  const colour = {
    field: "series",
    type: "nominal",
    scale: {
      domain: present.map(({ name }) => name),
      range: present.map(({ colour }) => colour),
    },
    legend: present.length === 1 ? null : { title: null, symbolType: "stroke", symbolOpacity: 1 },
  };
  // Losses may start at any level, the smaller parts and the temperature are measured from zero.
  const scale = { zero: series !== LOSSES, nice: true };
  const y = (field: string) => ({
    field,
    type: "quantitative",
    scale,
    axis: { title, minExtent: LABEL_ROOM },
  });
  // Evaluations are few: points show when they were.
  const evaluationPoints = {
    transform: [{ filter: { field: "series", equal: VALIDATION } }],
    mark: { type: "point", filled: true, size: 28, opacity: 1 },
    encoding: { y: y("value"), color: colour },
  };
  return {
    height,
    data: { values: present.flatMap(({ column, name }) => pointsOf(rows, column, name)) },
    layer: [
      {
        mark: { type: "line", strokeWidth: 0.7, opacity: 0.35 },
        encoding: { y: y("value"), color: colour },
      },
      { mark: { type: "line" }, encoding: { y: y("smooth"), color: colour } },
      ...(present.some(({ name }) => name === VALIDATION) ? [evaluationPoints] : []),
    ],
  };
}

/** The skip ratio, with the target as a dashed line and active layers on the right-hand axis. */
function skipPanel(
  rows: readonly TrainingRow[],
  { targetSkip, layers }: TrainingFigureOptions,
): object | undefined {
  const values = pointsOf(rows, "skip_ratio", "skip ratio");
  if (values.length === 0) return undefined;
  const highest = Math.max(targetSkip ?? 0, ...values.map(({ value }) => value));
  const top = Math.min(1, Math.ceil(1.25 * highest * 5) / 5) || 0.2;
  const y = (field: string) => ({
    field,
    type: "quantitative",
    scale: { domain: [0, top], nice: false },
    axis: { title: "skip ratio", format: ".0%", minExtent: LABEL_ROOM, orient: "left" },
  });
  const line = {
    layer: [
      {
        mark: { type: "line", strokeWidth: 0.7, opacity: 0.35, color: COLOURS.blue },
        encoding: { y: y("value") },
      },
      { mark: { type: "line", color: COLOURS.blue }, encoding: { y: y("smooth") } },
      ...(targetSkip === undefined
        ? []
        : targetMarks(targetSkip, rows.at(-1)!.step, y("target"), targetSkip > 0.85 * top)),
    ],
  };
  if (layers === undefined) return { height: 120, data: { values }, ...line };
  // The axis of active layers reads the same line: at a skip ratio of 0 all of them run, at 1 the
  // anchor layers only.
  const activeLayers = {
    mark: { type: "point", opacity: 0 },
    encoding: {
      y: {
        datum: layers.total,
        type: "quantitative",
        scale: {
          domain: [layers.total, layers.total - top * (layers.total - layers.anchor)],
          nice: false,
        },
        axis: {
          title: "active layers",
          orient: "right",
          format: "d",
          tickMinStep: 1,
          grid: false,
        },
      },
    },
  };
  return {
    height: 120,
    data: { values },
    layer: [line, activeLayers],
    resolve: { scale: { y: "independent" } },
  };
}

/** A dashed line at the target, named at its right end. */
function targetMarks(target: number, lastStep: number, y: object, atTop: boolean): object[] {
  const data = { values: [{ step: lastStep, target }] };
  // Above the line, unless that would be outside the panel.
  const dy = atTop ? 12 : -12;
  return [
    { data, mark: { type: "rule", strokeDash: [5, 4], strokeWidth: 1 }, encoding: { x: null, y } },
    {
      data,
      mark: { type: "text", align: "right", dx: -4, dy, fontSize: 11, color: "#333333" },
      encoding: { y, text: { value: `target ${(100 * target).toFixed(0)}%` } },
    },
  ];
}

function pointsOf(rows: readonly TrainingRow[], column: Column, series: string): Point[] {
  const present = rows.filter((row) => isValue(row[column]))
    .map((row) => ({ step: row.step, value: row[column]! }));
  const points = thinned(present, MOST_POINTS);
  const smooth = movingAverage(points.map(({ value }) => value), smoothingFor(points.length));
  return points.map((point, index) => ({ ...point, smooth: smooth[index]!, series }));
}

/** Lines of few points, such as evaluations, are drawn as they are. */
function smoothingFor(points: number): number {
  return points < 10 * SMOOTHING ? 0 : SMOOTHING;
}

function isValue(value: number | undefined): boolean {
  return value !== undefined && Number.isFinite(value);
}
