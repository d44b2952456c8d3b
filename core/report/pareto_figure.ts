/** The figure of a sweep: what skipping costs. */

import type { TopLevelSpec } from "vega-lite";
import { AXIS_ROOM, columnFigure, leftAxis, panelWidth, roomAround } from "./column_figure.ts";
import { COLOURS } from "./theme.ts";

/** One trial. */
export interface ParetoPoint {
  readonly skipRatio: number;
  /** Validation loss in nats per token. */
  readonly loss: number;
  readonly frontier: boolean;
}

/**
 * Loss over skip ratio, one dot per trial, with a line through those that none beats in both.
 *
 * @throws {RangeError} when there are no trials.
 */
export function paretoFigure(points: readonly ParetoPoint[], title: string): TopLevelSpec {
  if (points.length === 0) throw new RangeError("Cannot draw a sweep without trials");
  const x = {
    field: "skipRatio",
    type: "quantitative",
    title: "skip ratio",
    axis: { format: "%" },
    scale: { zero: false, nice: true, ...roomAround(points.map(({ skipRatio }) => skipRatio)) },
  } as const;
  const y = {
    field: "loss",
    type: "quantitative",
    axis: leftAxis({ title: "validation loss (nats per token)" }),
    scale: { zero: false, ...roomAround(points.map(({ loss }) => loss)) },
  } as const;
  return columnFigure({
    title: `${title}: ${points.length} trials`,
    subtitle: "joined: no other trial skips as much at a lower loss",
  }, {
    width: panelWidth(AXIS_ROOM),
    height: 180,
    data: { values: points.map((point) => ({ ...point })) },
    layer: [
      {
        transform: [{ filter: "datum.frontier" }],
        mark: { type: "line", color: COLOURS.vermilion },
        encoding: { x, y, order: { field: "skipRatio", type: "quantitative" } },
      },
      {
        mark: { type: "point", filled: true, size: 36, opacity: 1 },
        encoding: {
          x,
          y,
          color: {
            condition: { test: "datum.frontier", value: COLOURS.vermilion },
            value: COLOURS.blue,
          },
        },
      },
    ],
  });
}
