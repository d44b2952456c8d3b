/** What experiments set themselves: their scales and recipes, as `scripts/recipes/` has them. */

import { type ConfigTree, isTree, leaves } from "../../core/run/settings.ts";
import * as recipes from "../recipes/routing.ts";
import { largeModel, SHORT_TINYLLAMA, SMALL, TINYLLAMA } from "../recipes/scales.ts";
import { code, table } from "./markdown.ts";

type Named = Readonly<Record<string, ConfigTree>>;

const { model: _model, ...LARGE } = largeModel("that of the experiment");

const SCALES: Named = {
  "small": SMALL,
  "TinyLlama": TINYLLAMA,
  "TinyLlama, exp3 and exp5": SHORT_TINYLLAMA,
  "3 to 8 billion parameters": LARGE,
};

/**
 * The sections about scales and recipes.
 *
 * @param order all keys, as they are to be listed
 */
export function experimentSections(order: readonly string[]): string[] {
  const all = Object.entries(recipes).filter((entry): entry is [string, ConfigTree] =>
    isTree(entry[1])
  );
  const isOriginal = ([name]: readonly [string, unknown]) => name.startsWith("ORIGINAL_");
  const own = Object.fromEntries(all.filter((entry) => !isOriginal(entry)));
  const original = Object.fromEntries(all.filter(isOriginal));
  return [
    "## What experiments set",
    "An experiment is a recipe at a scale; [experiments](experiments.md) says which has which. Where a " +
    "cell is empty, nothing is set.",
    "### Scales\n\n`--scale small` (with nano, unless told) and `--scale reference` (with any other " +
    `model, unless told):\n\n${matrix(SCALES, order)}`,
    `### Recipes\n\nBy their names in \`scripts/recipes/routing.ts\`:\n\n${matrix(own, order)}`,
    "What `--recipe reference` lays over an experiment's own, where it has one:\n\n" +
    matrix(original, order),
  ];
}

/** A row for each key that any of them sets, a column for each of them. */
function matrix(trees: Named, order: readonly string[]): string {
  const columns = Object.values(trees).map((tree) => new Map(leaves("", tree)));
  const set = new Set(columns.flatMap((column) => [...column.keys()]));
  const keys = order.filter((key) => set.has(key));
  if (keys.length < set.size) {
    throw new RangeError(
      `Settings that no schema has: ${[...set].filter((k) => !keys.includes(k))}`,
    );
  }
  return table(
    ["setting", ...Object.keys(trees)],
    keys.map((key) => [
      code(key),
      ...columns.map((column) => column.has(key) ? code(show(column.get(key))) : ""),
    ]),
  );
}

/** A value as it would be typed; what is no short decimal is rounded. */
function show(value: unknown): string {
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  return Array.isArray(value) ? value.join(",") || "[]" : String(value);
}
