/** Names that scripts which run many trials have for options of their own. */

/** Of every sweep and comparison, and what single ones have besides; by key, as `--stop-early` is `stopEarly`. */
const TAKEN: ReadonlySet<string> = new Set([
  ...["fresh", "model", "data", "plugin", "scale", "recipe", "steps", "seeds", "set"],
  ...["out", "log", "trackingUri", "quiet", "launcher", "help"],
  ...["experiment", "targets", "penalties", "stopEarly", "firstRung", "budgets", "single"],
]);

/**
 * Whether a script has an option of this name, which a launcher therefore cannot have. `jobs`, how many
 * trials at once, is the launcher's business too: it is handed the script's.
 */
export function isSweepOption(key: string): boolean {
  return TAKEN.has(key);
}
