/** Ways to sort tokens: by how hard they are, how rare, and where they stand. */

import { type Grouping, type RoutingObservations } from "./observations.ts";

/** Share of the tokens that count as hard. */
const HARD = 0.1;

/** Tokens before which losses are among the highest tenth of all; the others are in no group. */
export function byLoss({ losses }: Pick<RoutingObservations, "losses">): Grouping {
  const sorted = losses.toSorted();
  const high = sorted[Math.floor((1 - HARD) * sorted.length)] ?? Infinity;
  const of = Int32Array.from(losses, (loss) => loss >= high ? 0 : -1);
  return { name: "loss", groups: ["high loss"], of };
}

/** Stretches of equal length in a sequence, at most so many; the last may be shorter. */
export function byPosition(
  { positionOf, sequenceLength }: Pick<RoutingObservations, "positionOf" | "sequenceLength">,
  most = 16,
): Grouping {
  const width = Math.max(1, Math.ceil(sequenceLength / most));
  const starts = Array.from(
    { length: Math.ceil(sequenceLength / width) },
    (_, bin) => bin * width,
  );
  const name = (start: number) => {
    const last = Math.min(start + width, sequenceLength) - 1;
    return last === start ? `${start}` : `${start}–${last}`;
  };
  return {
    name: "position",
    groups: starts.map(name),
    of: positionOf.map((position) => Math.floor(position / width)),
  };
}

/** Share of the training text that rare tokens make up, at most. */
const RARE = 0.1;

/**
 * Which tokens are rare: those that are left when all but a tenth of the training text is covered by
 * commoner ones. Equally frequent ids are rare together or not at all; those that never occur are.
 *
 * @param counts how often each id occurs in the training text
 */
export function rareTokens(
  counts: ArrayLike<number>,
  share = RARE,
): (id: number) => boolean {
  const rising = Array.from(counts).toSorted((a, b) => a - b);
  const total = rising.reduce((sum, count) => sum + count, 0);
  let [covered, limit] = [0, 0];
  for (let i = 0; i < rising.length;) {
    const count = rising[i]!;
    let ids = 0;
    while (rising[i + ids] === count) ids++;
    covered += ids * count;
    if (covered > share * total) break;
    limit = count;
    i += ids;
  }
  return (id) => (counts[id] ?? 0) <= limit;
}
