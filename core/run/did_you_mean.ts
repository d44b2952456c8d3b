/** Suggestions for names that were nearly right. */

import { closest, distance } from "fastest-levenshtein";

/**
 * The entry of `known` that `name` was probably meant to be, or `undefined` when none is near
 * (more than two edits, or more than two fifths of the name's length, away).
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const byLowerCase = new Map(known.map((entry) => [entry.toLowerCase(), entry]));
  const wanted = name.toLowerCase();
  const nearest = closest(wanted, [...byLowerCase.keys()]);
  const allowed = Math.max(2, Math.floor(wanted.length * 0.4));
  return distance(wanted, nearest) <= allowed ? byLowerCase.get(nearest) : undefined;
}

/** `, did you mean "x"?` when there is a near name, otherwise nothing: the end of a message. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "" : `, did you mean "${nearest}"?`;
}
