/** Drawing several different things. */

import type { RandomStream } from "../../../core/tensor/random.ts";

/** `count` different items in random order; at most as many as there are. */
export function choose<T>(random: RandomStream, items: readonly T[], count: number): T[] {
  const chosen: T[] = [];
  while (chosen.length < Math.min(count, items.length)) {
    const item = random.pick(items);
    if (!chosen.includes(item)) chosen.push(item);
  }
  return chosen;
}
