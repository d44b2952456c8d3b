// The page's scripts are JavaScript: what tests use of them is named here.

interface Measured {
  readonly skipRatio: number | null;
  readonly loss: number | null;
  readonly flopsShare: number | null;
}
export function pointsOf(data: unknown): (Measured & { kind: string; group: string })[];
export function frontierOf<Point extends Measured>(points: Point[], axis: string): Point[];
export function bestWithin<Point extends Measured>(
  points: Point[],
  axis: string,
  budget: number,
): Point | undefined;
export function compare(a: unknown, b: unknown, descending: boolean): number;
export function ticks(low: number, high: number, count: number): number[];
export function extent(values: number[], room?: number): [number, number];
export function smooth(values: number[], reach: number): number[];
export function nearest(sorted: number[], value: number): number;
