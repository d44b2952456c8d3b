/** The figure of speed: what skipping gains, against what it could. */

import type { TopLevelSpec } from "vega-lite";
import {
  AXIS_ROOM,
  type Caption,
  columnFigure,
  diagonal,
  leftAxis,
  panelWidth,
} from "./column_figure.ts";

/** One way of running a model. */
export interface SpeedPoint {
  /** What kind of skipping it is; a colour each. */
  readonly kind: string;
  /** A shape each. */
  readonly phase: string;
  /** Times as fast as dense if time went with operations. */
  readonly ideal: number;
  /** Times as fast as dense. */
  readonly speedup: number;
}

/**
 * Measured speed over ideal speed, with the line on which nothing is lost.
 *
 * @throws {RangeError} when there are no points.
 */
export function speedFigure(points: readonly SpeedPoint[], caption: Caption): TopLevelSpec {
  if (points.length === 0) throw new RangeError("Cannot draw speeds without points");
  const most = Math.max(...points.map(({ ideal, speedup }) => Math.max(ideal, speedup)));
  const scale = { zero: false, nice: true };
  const x = {
    field: "ideal",
    type: "quantitative",
    title: "ideal speed (times dense, by operations)",
    scale,
  };
  const y = {
    field: "speedup",
    type: "quantitative",
    axis: leftAxis({ title: "measured speed (times dense)" }),
    scale,
  };
  return columnFigure(caption, {
    width: panelWidth(AXIS_ROOM),
    height: 180,
    layer: [
      diagonal(1, most),
      {
        data: { values: points.map((point) => ({ ...point })) },
        mark: { type: "point", filled: true, size: 40, opacity: 0.9 },
        encoding: {
          x,
          y,
          color: {
            field: "kind",
            type: "nominal",
            title: null,
            sort: null,
            legend: { columns: 2 },
          },
          shape: {
            field: "phase",
            type: "nominal",
            title: null,
            sort: null,
            legend: { columns: 2 },
          },
        },
      },
    ],
  });
}
