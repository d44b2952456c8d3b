/**
 * Do hard tokens get more layers? Correlation of what a token runs with the loss of the one that
 * follows it, over all tokens and among tokens of one kind.
 *
 * The coefficients are Pearson's, and Spearman's: Pearson's of the ranks, those of equal values
 * being their mean rank. At equal kind, each variable (or its rank) is taken less its mean over the
 * kind: the partial correlation given indicators of the kinds. So a kind that is both hard and deep
 * adds nothing to it.
 */

import { bootstrapOverSequences, type Estimate } from "./bootstrap.ts";
import { cellTable, LossPasses, numbered, type Strata } from "./loss_cells.ts";
import { type Grouping, type RoutingObservations } from "./observations.ts";
import {
  indicatorMoments,
  type Level,
  midranks,
  type Moments,
  momentsOf,
  stratumSums,
  withinCorrelation,
} from "./within_correlation.ts";

/**
 * With the loss of the routed model, or with that of the same model at full depth: the first also
 * depends on what was skipped, the second on the text alone.
 */
export type LossKind = "routed" | "full depth";

/** Correlation with the loss of the token that follows. */
export interface DepthLossCorrelation {
  readonly loss: LossKind;
  /** Of the gate of this layer of the model, from 0; absent: of the number of blocks run. */
  readonly layer?: number;
  /** What is held equal: `"nothing"`, `"text"`, `"label"`, `"text and label"`, `"token"`. */
  readonly given: string;
  /** Absent where one of the two never differs. */
  readonly pearson?: Estimate;
  readonly spearman?: Estimate;
}

/** Gates that are summed up together, as a byte. */
const TOGETHER = 8;

/**
 * Depth, then each layer: over all tokens, and at equal kind; depth also at equal token id. First
 * with the losses of the routed model, then with those at full depth, where there are any.
 *
 * @param kinds what tokens are sorted by; every token is in a group of each
 */
export function depthLossCorrelations(
  observations: RoutingObservations,
  kinds: readonly Grouping[],
  seed: number,
): DepthLossCorrelation[] {
  const { losses, fullDepthLosses } = observations;
  return [
    ...correlationsWith("routed", losses, observations, kinds, seed),
    ...(fullDepthLosses === undefined
      ? []
      : correlationsWith("full depth", fullDepthLosses, observations, kinds, seed)),
  ];
}

function correlationsWith(
  loss: LossKind,
  losses: Float64Array,
  observations: RoutingObservations,
  kinds: readonly Grouping[],
  seed: number,
): DepthLossCorrelation[] {
  const { tokens, sequences, sequenceOf, depths, idOf } = observations;
  const { routableLayers: layers, anchorLayers } = observations;
  if (tokens === 0) return [];
  const joint = jointStrata(kinds, tokens);
  const levels = levelsOf(kinds, joint);
  const ends = levels.length === 1 ? levels : [levels[0]!, levels.at(-1)!];
  const ids: Strata = { name: "token", ...numbered(idOf) };
  const idLevel: Level = { ...ids, of: upTo(ids.groups) };
  const depthTables = [
    { table: cellTable(depths, joint), at: levels },
    { table: cellTable(depths, ids), at: [idLevel] },
  ];
  const bytes = gateBytes(observations).map((values) => cellTable(values, joint));
  // For each layer the cells of the tokens that run it.
  const open = Array.from(upTo(layers), (layer) => {
    const { values } = bytes[Math.floor(layer / TOGETHER)]!;
    const bit = 1 << (layer % TOGETHER);
    return upTo(values.length).filter((cell) => (values[cell]! & bit) !== 0);
  });

  const rows: { layer?: number; given: string }[] = [
    ...[...levels, idLevel].map(({ name }) => ({ given: name })),
    ...open.flatMap((_, layer) =>
      ends.map(({ name }) => ({ layer: anchorLayers + layer, given: name }))
    ),
  ];
  const tables = [...depthTables.map(({ table }) => table), ...bytes];
  const passes = new LossPasses(losses, sequenceOf, tables);
  const estimates = bootstrapOverSequences(sequences, seed, (weights) => {
    const { sums, lossSquares, rankSquares } = passes.collect(weights);
    const ranks = midranks(tables[0]!, sums[0]!, layers + 1);
    const all = tables.map((table, t) => stratumSums(table, sums[t]!));
    const both = (pearson: Moments, spearman: Moments, at: readonly Level[]) =>
      at.flatMap((level) => [
        withinCorrelation(pearson, "loss", lossSquares, level),
        withinCorrelation(spearman, "rank", rankSquares, level),
      ]);
    return [
      ...depthTables.flatMap(({ table, at }, t) =>
        both(
          momentsOf(all[t]!, table, sums[t]!, upTo(layers + 1)),
          momentsOf(all[t]!, table, sums[t]!, ranks),
          at,
        )
      ),
      ...open.flatMap((cells, layer) => {
        const t = depthTables.length + Math.floor(layer / TOGETHER);
        // The rank of one of two values is the value itself, shifted and scaled.
        const moments = indicatorMoments(all[t]!, stratumSums(tables[t]!, sums[t]!, cells));
        return both(moments, moments, ends);
      }),
    ];
  });
  return rows.map((row, i) => {
    const [pearson, spearman] = [estimates[2 * i], estimates[2 * i + 1]];
    return { loss, ...row, ...(pearson ? { pearson } : {}), ...(spearman ? { spearman } : {}) };
  });
}

const upTo = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

/** All kinds at once. */
function jointStrata(kinds: readonly Grouping[], tokens: number): Strata {
  const keys = upTo(tokens).map((token) =>
    kinds.reduce((key, { of, groups }) => key * groups.length + of[token]!, 0)
  );
  return { name: kinds.map(({ name }) => name).join(" and "), ...numbered(keys) };
}

/** Nothing held equal, each kind, and, where there are several, all of them at once. */
function levelsOf(kinds: readonly Grouping[], joint: Strata): Level[] {
  const { groups, name } = joint;
  return [
    { name: "nothing", of: new Int32Array(groups), groups: 1 },
    ...kinds.map((kind) => {
      const of = new Int32Array(groups);
      joint.of.forEach((stratum, token) => of[stratum] = kind.of[token]!);
      return { name: kind.name, of, groups: kind.groups.length };
    }),
    ...(kinds.length > 1 ? [{ name, of: upTo(groups), groups }] : []),
  ];
}

/** The gates of each token, eight layers to a byte, the first in its lowest bit. */
function gateBytes({ tokens, gates, routableLayers: layers }: RoutingObservations): Int32Array[] {
  return Array.from({ length: Math.ceil(layers / TOGETHER) }, (_, chunk) => {
    const first = TOGETHER * chunk;
    return upTo(tokens).map((token) => {
      let byte = 0;
      for (let layer = first; layer < Math.min(layers, first + TOGETHER); layer++) {
        byte |= gates[token * layers + layer]! << (layer - first);
      }
      return byte;
    });
  });
}
