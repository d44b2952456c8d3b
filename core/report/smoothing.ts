/** Making long, noisy lines readable. */

/** A value at a step. */
export interface StepValue {
  readonly step: number;
  readonly value: number;
}

/**
 * At most `most` points: neighbours are averaged in groups of equal size (the last may be smaller),
 * each put at the last step of its group.
 */
export function thinned(points: readonly StepValue[], most: number): StepValue[] {
  const groupSize = Math.ceil(points.length / most);
  if (groupSize <= 1) return [...points];
  const groups: StepValue[] = [];
  for (let start = 0; start < points.length; start += groupSize) {
    const group = points.slice(start, start + groupSize);
    const sum = group.reduce((total, { value }) => total + value, 0);
    groups.push({ step: group.at(-1)!.step, value: sum / group.length });
  }
  return groups;
}

/**
 * The mean of each value and `reach` neighbours to either side; towards the ends of fewer, but as
 * many on one side as on the other, so that a slope is not bent.
 */
export function movingAverage(values: readonly number[], reach: number): number[] {
  return values.map((_, index) => {
    const side = Math.min(reach, index, values.length - 1 - index);
    const near = values.slice(index - side, index + side + 1);
    return near.reduce((total, value) => total + value, 0) / near.length;
  });
}
