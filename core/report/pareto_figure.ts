/** The figure of a sweep: what skipping costs. */

import type { TopLevelSpec } from "vega-lite";
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
    scale: { zero: false, nice: true },
  } as const;
  const y = {
    field: "loss",
    type: "quantitative",
    title: "validation loss (nats per token)",
    scale: { zero: false },
  } as const;
  return {
    title: `${title}: ${points.length} trials`,
    width: 560,
    height: 320,
    data: { values: points.map((point) => ({ ...point })) },
    layer: [
      {
        transform: [{ filter: "datum.frontier" }],
        mark: { type: "line", color: COLOURS.vermilion },
        encoding: { x, y, order: { field: "skipRatio", type: "quantitative" } },
      },
      {
        mark: { type: "point", filled: true, size: 70, opacity: 1 },
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
  };
}
