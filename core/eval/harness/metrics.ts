/** From the values of documents to one number and its standard error; sums run in their order. */

import { type Aggregation, type MetricValue } from "../../contracts/mod.ts";

/** A number over all documents. */
export interface Aggregated {
  readonly value: number;
  /** Absent where there is none: a single document, or a perplexity. */
  readonly stderr?: number | undefined;
}

/** One number for the values of a metric. */
export function aggregate(aggregation: Aggregation, values: readonly MetricValue[]): Aggregated {
  if (aggregation === "mean") return meanOf(values as readonly number[]);
  const pairs = values as readonly (readonly [number, number])[];
  const logLikelihood = pairs.reduce((sum, [own]) => sum + own, 0);
  const weight = pairs.reduce((sum, [, own]) => sum + own, 0);
  const mean = -logLikelihood / weight;
  return { value: aggregation === "bits_per_byte" ? mean / Math.LN2 : Math.exp(mean) };
}

/** Mean, and the standard error of a mean: the sample's deviation over the root of its size. */
function meanOf(values: readonly number[]): Aggregated {
  const count = values.length;
  const value = values.reduce((sum, own) => sum + own, 0) / count;
  if (count < 2) return { value };
  const squares = values.reduce((sum, own) => sum + (own - value) * (own - value), 0);
  return { value, stderr: Math.sqrt(squares / (count - 1)) / Math.sqrt(count) };
}

/** A task's share in a group. */
export interface GroupMember extends Aggregated {
  readonly documents: number;
}

/** Mean over all documents of a group's tasks, with the pooled standard error. */
export function pooled(members: readonly GroupMember[]): Aggregated {
  const total = members.reduce((sum, { documents }) => sum + documents, 0);
  const value = members.reduce((sum, own) => sum + own.value * own.documents, 0) / total;
  if (members.some(({ stderr }) => stderr === undefined)) return { value };
  const squares = members.reduce(
    (sum, { documents, stderr = 0 }) => sum + (documents - 1) * (stderr * stderr) * documents,
    0,
  );
  return { value, stderr: Math.sqrt(squares / (total - members.length) / total) };
}
