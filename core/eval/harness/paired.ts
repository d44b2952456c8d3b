/** Whether two models differ on a task: a paired bootstrap over its documents. */

import { RandomStream } from "../../tensor/mod.ts";
import { bootstrapInterval, type Interval } from "../interval.ts";
import { aggregate } from "./metrics.ts";
import { type MetricResult } from "./outcome.ts";

/**
 * Metric of `a` less that of `b`, over the same documents: 1,000 resamples of the documents (Efron
 * and Tibshirani 1993, chapter 13), percentiles.
 *
 * @throws {RangeError} when the two are not about the same documents.
 */
export function pairedMetricDifference(a: MetricResult, b: MetricResult, seed = 0): Interval {
  const count = a.values.length;
  if (count === 0 || count !== b.values.length || a.metric !== b.metric) {
    throw new RangeError("Cannot compare metrics: they are not of the same documents");
  }
  const random = new RandomStream(seed, "paired-metric");
  return bootstrapInterval(a.value - b.value, () => {
    const places = Array.from({ length: count }, () => random.below(count));
    const of = ({ aggregation, values }: MetricResult) =>
      aggregate(aggregation, places.map((place) => values[place]!)).value;
    return of(a) - of(b);
  });
}

/** In a plain sentence, whether a difference is beyond noise. */
export function differenceInWords(
  name: string,
  other: string,
  { metric, higherIsBetter }: Pick<MetricResult, "metric" | "higherIsBetter">,
  { value, low, high }: Interval,
): string {
  const range = `${signed(value)} (95%: ${signed(low)} to ${signed(high)})`;
  if (low <= 0 && high >= 0) {
    return `no difference beyond noise between ${name} and ${other}: ${metric} ${range}`;
  }
  const better = value > 0 === higherIsBetter;
  return `${name} is ${better ? "better" : "worse"} than ${other}: ${metric} ${range}`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
}
