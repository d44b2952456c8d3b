/** The figure of several runs over their steps: a line each, with a band over seeds. */

import type { TopLevelSpec } from "vega-lite";
import {
  AXIS_ROOM,
  type AxisWords,
  type Caption,
  columnFigure,
  leftAxis,
  panelWidth,
  roomAround,
  seriesLook,
} from "./column_figure.ts";

/** A value at a step, and the range that it lies in. */
export interface CurvePoint {
  readonly step: number;
  readonly value: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** A line. */
export interface Curve {
  readonly series: string;
  readonly points: readonly CurvePoint[];
}

/** What the figure says beside the lines. */
export interface CurvesOptions extends Caption {
  readonly y: AxisWords;
  /** All series that figures of this set show, so that each has the same colour in all of them. */
  readonly all?: readonly string[];
  /** Values are few: dots show where they are. */
  readonly dots?: boolean;
}

/**
 * Lines over optimizer steps; where points have a range, a band around them.
 *
 * @throws {RangeError} when there are no points.
 */
export function curvesFigure(curves: readonly Curve[], options: CurvesOptions): TopLevelSpec {
  const values = curves.flatMap(({ series, points }) => points.map((at) => ({ series, ...at })));
  if (values.length === 0) throw new RangeError("Cannot draw curves without points");
  const { y: words, all, dots = false } = options;
  const present = [...new Set(values.map(({ series }) => series))];
  const { colour, dash } = seriesLook(present, all);
  const axis = leftAxis(words);
  const reached = values.flatMap(({ value, low = value, high = value }) => [value, low, high]);
  const scale = { zero: false, nice: true, ...roomAround(reached) };
  const y = { field: "value", type: "quantitative", scale, axis };
  // One line needs no legend, the title says what it is; strokes show dashes.
  const legend = {
    legend: present.length === 1 ? null : { ...colour.legend, symbolType: "stroke" },
  };
  const hasBands = values.some(({ low, high }) => low !== undefined && high !== undefined);
  return columnFigure(options, {
    width: panelWidth(AXIS_ROOM),
    height: 170,
    data: { values },
    encoding: {
      x: {
        field: "step",
        type: "quantitative",
        title: "optimizer step",
        axis: { tickCount: 6 },
        scale: { nice: false, zero: true },
      },
      color: { ...colour, ...legend },
    },
    layer: [
      ...hasBands
        ? [{
          transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
          mark: { type: "area", opacity: 0.18, line: false },
          encoding: { y: { ...y, field: "low" }, y2: { field: "high" } },
        }]
        : [],
      { mark: { type: "line" }, encoding: { y, strokeDash: { ...dash, ...legend } } },
      ...dots
        ? [{ mark: { type: "point", filled: true, size: 14, opacity: 1 }, encoding: { y } }]
        : [],
    ],
  });
}
