/** The figure of budgets: one checkpoint at many, against a model for each. */

import type { TopLevelSpec } from "vega-lite";
import { AXIS_ROOM, columnFigure, leftAxis, panelWidth, roomAround } from "./column_figure.ts";

/** A model at a budget. */
export interface BudgetFigurePoint {
  readonly way: string;
  readonly seed: number;
  readonly skipRatio: number;
  /** Validation loss in nats per token. */
  readonly loss: number;
}

/**
 * Loss over skip ratio, a line for each way and seed.
 *
 * @throws {RangeError} when there are no points.
 */
export function budgetFigure(points: readonly BudgetFigurePoint[]): TopLevelSpec {
  if (points.length === 0) throw new RangeError("Cannot draw budgets without points");
  return columnFigure({ title: "One checkpoint at every budget, and a model for each" }, {
    width: panelWidth(AXIS_ROOM),
    height: 180,
    data: {
      values: points.map(({ way, seed, skipRatio, loss }) => ({ way, seed, skipRatio, loss })),
    },
    mark: { type: "line", point: { filled: true, size: 22 } },
    encoding: {
      x: {
        field: "skipRatio",
        type: "quantitative",
        title: "skip ratio",
        axis: { format: "%" },
        scale: { zero: false, nice: true, ...roomAround(points.map(({ skipRatio }) => skipRatio)) },
      },
      y: {
        field: "loss",
        type: "quantitative",
        axis: leftAxis({ title: "validation loss (nats per token)" }),
        scale: { zero: false, ...roomAround(points.map(({ loss }) => loss)) },
      },
      color: { field: "way", type: "nominal", title: null, sort: null },
      detail: { field: "seed" },
    },
  });
}
