/** The figure of one run: several quantities over its steps, a panel each. */

import type { TopLevelSpec } from "vega-lite";
import {
  AXIS_ROOM,
  type AxisWords,
  type Caption,
  columnFigure,
  leftAxis,
  panelWidth,
  roomAround,
} from "./column_figure.ts";
import { movingAverage, type StepValue, thinned } from "./smoothing.ts";
import { INK } from "./theme.ts";

/** A quantity over steps. */
export interface StepPanel extends AxisWords {
  readonly points: readonly StepValue[];
  /** Colour of its line, the same in all figures that show it. */
  readonly colour: string;
  /** Single steps are thin, their moving average is thick. */
  readonly smooth?: boolean;
  /** The axis begins at zero. */
  readonly zero?: boolean;
  /** A dashed line at what is wanted, and its name. */
  readonly wanted?: { readonly value: number; readonly name: string } | undefined;
}

/** Points that a panel of this width can show. */
const MOST_POINTS = 250;

/** Share of the steps to either side that a moving average is over. */
const REACH = 1 / 40;

const HEIGHT = 62;

/**
 * Panels over optimizer steps, one below the other, each with an axis of its own.
 *
 * @throws {RangeError} when there are no panels, or one has no points.
 */
export function panelsFigure(panels: readonly StepPanel[], caption: Caption): TopLevelSpec {
  if (panels.length === 0 || panels.some(({ points }) => points.length === 0)) {
    throw new RangeError("Cannot draw panels without points");
  }
  const lastStep = Math.max(...panels.flatMap(({ points }) => points.map(({ step }) => step)));
  return columnFigure(caption, {
    spacing: 12,
    bounds: "flush",
    vconcat: panels.map((panel, index) => panelOf(panel, lastStep, index === panels.length - 1)),
  });
}

function panelOf(panel: StepPanel, lastStep: number, isLast: boolean): object {
  const { points, colour: color, smooth = false, zero = false, wanted } = panel;
  const few = thinned(points, MOST_POINTS);
  const reach = smooth ? Math.ceil(few.length * REACH) : 0;
  const means = movingAverage(few.map(({ value }) => value), reach);
  const values = few.map((point, i) => ({ ...point, mean: means[i]! }));
  const all = [...values.map(({ value }) => value), ...wanted ? [wanted.value] : []];
  const y = (field: string) => ({
    field,
    type: "quantitative",
    scale: { zero, nice: true, ...zero ? {} : roomAround(all) },
    axis: { ...leftAxis(panel), tickCount: 3 },
  });
  const isAbove = wanted !== undefined && values.every(({ value }) => value < wanted.value);
  const x = {
    field: "step",
    type: "quantitative",
    scale: { domain: [0, lastStep], nice: false },
    axis: {
      tickCount: 6,
      ...isLast ? { title: "optimizer step" } : { title: null, labels: false },
    },
  };
  const dots = few.length === 1 || (!smooth && few.length <= 30);
  return {
    width: panelWidth(AXIS_ROOM),
    height: HEIGHT,
    data: { values },
    encoding: { x },
    layer: [
      ...smooth
        ? [{
          mark: { type: "line", strokeWidth: 0.6, opacity: 0.4, color },
          encoding: { y: y("value") },
        }]
        : [],
      { mark: { type: "line", color }, encoding: { y: y("mean") } },
      ...dots
        ? [{
          mark: { type: "point", filled: true, size: 14, opacity: 1, color },
          encoding: { y: y("mean") },
        }]
        : [],
      ...wanted ? wantedMarks(wanted, isAbove, y("wanted")) : [],
    ],
  };
}

function wantedMarks(
  { value, name }: NonNullable<StepPanel["wanted"]>,
  isAbove: boolean,
  y: object,
): object[] {
  const data = { values: [{ step: 0, wanted: value }] };
  return [
    { data, mark: { type: "rule", strokeDash: [4, 3], color: INK }, encoding: { x: null, y } },
    {
      data,
      mark: { type: "text", align: "left", dx: 3, dy: isAbove ? 7 : -6 },
      encoding: { y, text: { value: name } },
    },
  ];
}
