/** The figure of speed: what skipping gains, against what it could. */

import type { TopLevelSpec } from "vega-lite";

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
export function speedFigure(points: readonly SpeedPoint[], title: string): TopLevelSpec {
  if (points.length === 0) throw new RangeError("Cannot draw speeds without points");
  const most = Math.max(...points.map(({ ideal, speedup }) => Math.max(ideal, speedup)));
  const x = {
    field: "ideal",
    type: "quantitative",
    title: "ideal speed (times dense, by operations)",
    scale: { zero: false, nice: true },
  } as const;
  const y = {
    field: "speedup",
    type: "quantitative",
    title: "measured speed (times dense)",
    scale: { zero: false, nice: true },
  } as const;
  return {
    title,
    width: 560,
    height: 320,
    layer: [
      {
        data: { values: [{ ideal: 1, speedup: 1 }, { ideal: most, speedup: most }] },
        mark: { type: "line", strokeDash: [4, 4], color: "#888888" },
        encoding: { x, y },
      },
      {
        data: { values: points.map((point) => ({ ...point })) },
        mark: { type: "point", filled: true, size: 80, opacity: 0.9 },
        encoding: {
          x,
          y,
          color: { field: "kind", type: "nominal", title: null, sort: null },
          shape: { field: "phase", type: "nominal", title: null, sort: null },
        },
      },
    ],
  };
}
