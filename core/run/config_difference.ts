/** Whether a run may be continued with a given configuration. */

import type { ExperimentConfig } from "./config_schema.ts";
import { type ConfigTree, leaves } from "./settings.ts";

/**
 * Settings that change no number of a run, so that a continued run may have others. Where plugins are
 * is one: whether they are the same ones is told by their names.
 */
const HARMLESS_KEYS: ReadonlySet<string> = new Set(["checkpoint.every", "plugins"]);

/** One setting in which two configurations differ. */
export interface ConfigDifference {
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * The settings that stand in the way of continuing a run of configuration `before` with
 * configuration `after`; none: the same run.
 *
 * Whatever can change a bit of the result counts: `steps` too, as the schedule depends on it, and
 * the backend's threads, as sums may be split differently. Only how often checkpoints are written
 * does not.
 */
export function sameConfiguration(
  before: ExperimentConfig | ConfigTree,
  after: ExperimentConfig | ConfigTree,
): ConfigDifference[] {
  const old = new Map(leaves("", before));
  const now = new Map(leaves("", after));
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((key) => !HARMLESS_KEYS.has(key))
    .filter((key) => JSON.stringify(old.get(key)) !== JSON.stringify(now.get(key)))
    .map((key) => ({ key, before: old.get(key), after: now.get(key) }));
}

/** `steps (300 there, 50 asked for)`, for the message that refuses to continue a run. */
export function showDifferences(differences: readonly ConfigDifference[]): string {
  const show = (value: unknown) => value === undefined ? "absent" : JSON.stringify(value);
  return differences
    .map(({ key, before, after }) => `${key} (${show(before)} there, ${show(after)} asked for)`)
    .join(", ");
}
