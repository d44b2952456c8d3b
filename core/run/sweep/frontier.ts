/** Which of several runs are worth having: those that no other beats in both skip and loss. */

/** A run as a point. */
export interface SkipPoint {
  readonly skipRatio: number;
  /** Validation loss in nats per token. */
  readonly loss: number;
}

/** For each point whether it is on the frontier: none skips as much or more at a lower loss. */
export function onFrontier(points: readonly SkipPoint[]): boolean[] {
  return points.map((own) =>
    !points.some((other) =>
      other !== own && other.skipRatio >= own.skipRatio && other.loss <= own.loss &&
      (other.skipRatio > own.skipRatio || other.loss < own.loss)
    )
  );
}

/**
 * Spearman's rank correlation of skip ratio and loss: 1 where more skip always costs more.
 * (Spearman 1904, doi 10.2307/1412159; equal values share their mean rank.) NaN where one of the two
 * is the same for all.
 */
export function rankCorrelation(points: readonly SkipPoint[]): number {
  const [x, y] = [ranks(points.map((p) => p.skipRatio)), ranks(points.map((p) => p.loss))];
  const mean = (points.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < points.length; i++) {
    const [a, b] = [x[i]! - mean, y[i]! - mean];
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  return xy / Math.sqrt(xx * yy);
}

function ranks(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1);
}
