/** How deep a router sends groups of tokens. */

import { bootstrapOverSequences, type Estimate, SequenceSums } from "./bootstrap.ts";
import { byLoss } from "./groupings.ts";
import { type Grouping, type RoutingObservations } from "./observations.ts";

/** The tokens of one group. */
export interface GroupDepth {
  /** What the tokens are sorted by; `"all"`: nothing. */
  readonly grouping: string;
  readonly group: string;
  readonly tokens: number;
  /** Blocks run per token, anchor layers included. */
  readonly activeLayers: Estimate;
  /** Those, less those of all tokens outside the group; absent where there are none. */
  readonly difference?: Estimate;
  /** Mean loss of the tokens that follow, in nats. */
  readonly loss: number;
  /** Share of the tokens whose loss is among the highest tenth of all. */
  readonly highLossShare: number;
  /** Share of the tokens that run each routable block. */
  readonly layerActivity: readonly number[];
}

/** A set of tokens. */
interface Members {
  readonly grouping: string;
  readonly group: string;
  readonly holds: (token: number) => boolean;
}

/** All tokens, then every group that has any, in the order of the groupings. */
export function groupDepths(
  observations: RoutingObservations,
  groupings: readonly Grouping[],
  seed: number,
): GroupDepth[] {
  const { tokens, sequences, sequenceOf, depths, anchorLayers } = observations;
  if (tokens === 0) return [];
  const sets: Members[] = [
    { grouping: "all", group: "all", holds: () => true },
    ...groupings.flatMap(({ name, groups, of }) =>
      groups.map((group, index) => ({
        grouping: name,
        group,
        holds: (token: number) => of[token] === index,
      }))
    ),
  ];
  // Columns 2k and 2k + 1: how many tokens of set k, and the blocks they run.
  const sums = new SequenceSums(sequences, 2 * sets.length);
  sets.forEach(({ holds }, k) => {
    for (let token = 0; token < tokens; token++) {
      if (!holds(token)) continue;
      sums.add(sequenceOf[token]!, 2 * k, 1);
      sums.add(sequenceOf[token]!, 2 * k + 1, depths[token]!);
    }
  });
  const estimates = bootstrapOverSequences(sequences, seed, (weights) => {
    const totals = sums.totals(weights);
    return sets.flatMap((_, k) => {
      const [count, depth] = [totals[2 * k]!, totals[2 * k + 1]!];
      const [others, othersDepth] = [totals[0]! - count, totals[1]! - depth];
      return [anchorLayers + depth / count, depth / count - othersDepth / others];
    });
  });
  const averages = groupAverages(observations);
  return sets.flatMap(({ grouping, group, holds }, k): GroupDepth[] => {
    const [activeLayers, difference] = [estimates[2 * k], estimates[2 * k + 1]];
    if (activeLayers === undefined) return [];
    return [{
      grouping,
      group,
      activeLayers,
      ...(difference === undefined ? {} : { difference }),
      ...averages(holds),
    }];
  });
}

/** Counts and means without intervals. */
function groupAverages(observations: RoutingObservations) {
  const { tokens, losses, gates, routableLayers: layers } = observations;
  const hard = byLoss(observations).of;
  return (holds: (token: number) => boolean) => {
    let [count, loss, high] = [0, 0, 0];
    const active = new Float64Array(layers);
    for (let token = 0; token < tokens; token++) {
      if (!holds(token)) continue;
      count++;
      loss += losses[token]!;
      if (hard[token] === 0) high++;
      for (let layer = 0; layer < layers; layer++) active[layer]! += gates[token * layers + layer]!;
    }
    return {
      tokens: count,
      loss: loss / count,
      highLossShare: high / count,
      layerActivity: Array.from(active, (sum) => sum / count),
    };
  };
}
