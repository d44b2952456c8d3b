/** What came of a task. */

import { type Aggregation, type MetricValue } from "../../contracts/mod.ts";

/** A number that a task yielded. */
export interface MetricResult {
  readonly metric: string;
  /** `"none"`, or what was done to the answers. */
  readonly filter: string;
  readonly value: number;
  /** Absent where there is none: a single document, or a perplexity. */
  readonly stderr?: number | undefined;
  readonly aggregation: Aggregation;
  readonly higherIsBetter: boolean;
  /** Each document's value, in order: what two models are compared by. */
  readonly values: readonly MetricValue[];
}

/** What a router did while a task was answered. */
export interface TaskRouting {
  /** Blocks run per token that was computed, anchor layers included. */
  readonly activeLayers: number;
  readonly totalLayers: number;
  /** Share of routable token-block pairs that were skipped. */
  readonly skipRatio: number;
  /** Share of tokens that run each routable block. */
  readonly layerActivity: readonly number[];
}

/** What came of a task; plain values, so that it can be kept in a file. */
export interface TaskOutcome {
  readonly name: string;
  readonly alias: string;
  readonly version: number;
  readonly outputType: string;
  readonly shots: number;
  /** Documents that were asked. */
  readonly documents: number;
  /** Documents of the split. */
  readonly available: number;
  readonly metrics: readonly MetricResult[];
  /** SHA-256 over all documents, prompts and targets. */
  readonly hash: string;
  /** Requests whose beginning did not fit into the model, and where the first of them is from. */
  readonly cut: number;
  readonly firstCut?: string | undefined;
  readonly seconds: number;
  /** Tokens that were computed, padding not counted. */
  readonly tokens: number;
  readonly routing?: TaskRouting | undefined;
}

/** What came of tasks together. */
export interface GroupOutcome {
  readonly name: string;
  readonly alias: string;
  readonly version: string;
  /** The names of its direct members that were asked. */
  readonly members: readonly string[];
  readonly documents: number;
  readonly metrics: readonly Omit<MetricResult, "values">[];
}
