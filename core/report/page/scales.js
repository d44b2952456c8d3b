// From values to places, and round numbers for axes.

/** Maps `from` to `to`, both `[low, high]`. */
export function linear([a, b], [c, d]) {
  return (value) => c + (a === b ? 0.5 : (value - a) / (b - a)) * (d - c);
}

/** About `count` round numbers within `low` to `high`. */
export function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const made = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) {
    made.push(Number((n * step).toPrecision(12)));
  }
  return made;
}

/** The least and the greatest of values, with a little room around them. */
export function extent(values, room = 0.05) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  if (low === high) {
    return [low - (Math.abs(low) * 0.1 || 0.5), high + (Math.abs(high) * 0.1 || 0.5)];
  }
  const pad = (high - low) * room;
  return [low - pad, high + pad];
}

/** The mean of each value and its neighbours: of fewer towards the ends, so that slopes stay. */
export function smooth(values, reach) {
  return values.map((_, index) => {
    const side = Math.min(reach, index, values.length - 1 - index);
    let sum = 0;
    for (let at = index - side; at <= index + side; at++) sum += values[at];
    return sum / (2 * side + 1);
  });
}

/** Steps of the sequential colour scale. */
export const SHADES = 9;

/** Which of them stands for a share from 0 to 1. */
export function shade(share) {
  return Math.min(SHADES - 1, Math.max(0, Math.round(share * (SHADES - 1))));
}

/** The index of the entry of an ascending list that is nearest to a value. */
export function nearest(sorted, value) {
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle;
    else high = middle;
  }
  return Math.abs(sorted[low] - value) <= Math.abs(sorted[high] - value) ? low : high;
}
