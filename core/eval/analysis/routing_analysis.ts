/** Everything that is asked about a router's decisions on a text. */

import { type CollapseFlag, GateInformation } from "../../routing/mod.ts";
import { type DepthLossCorrelation, depthLossCorrelations } from "./depth_loss.ts";
import { type ExplainedVariance, gateVariance } from "./gate_variance.ts";
import { type GroupDepth, groupDepths } from "./group_depth.ts";
import { byLoss, byPosition } from "./groupings.ts";
import { type LayerUse, layerUses } from "./layers.ts";
import { type RoutingObservations } from "./observations.ts";

/** What a router does with a text. */
export interface RoutingAnalysis {
  readonly tokens: number;
  readonly sequences: number;
  readonly routableLayers: number;
  readonly anchorLayers: number;
  /** Share of routable token-block pairs that are skipped. */
  readonly skipRatio: number;
  readonly collapse: CollapseFlag;
  /** Mean entropy of one decision at full noise, in bits; absent for gates without a router. */
  readonly decisionEntropy?: number;
  /** I(gate; token | layer) in bits. */
  readonly informationBits: number;
  /** All tokens, then those of high loss, rare ones, sorts by text, and labels. */
  readonly kinds: readonly GroupDepth[];
  readonly positions: readonly GroupDepth[];
  readonly layers: readonly LayerUse[];
  /** Empty where all gates are equal. */
  readonly gateVariance: readonly ExplainedVariance[];
  readonly depthLoss: readonly DepthLossCorrelation[];
}

/**
 * Analyses a router's decisions.
 *
 * @param seed draws the resamples of the intervals
 */
export function analyzeRouting(observations: RoutingObservations, seed = 0): RoutingAnalysis {
  const { tokens, sequences, routableLayers, anchorLayers, statistics } = observations;
  const { text, label, frequency, idOf, gates } = observations;
  const sorts = label === undefined ? [text] : [text, label];
  const information = new GateInformation(routableLayers);
  information.add(idOf, gates, () => true);
  return {
    tokens,
    sequences,
    routableLayers,
    anchorLayers,
    skipRatio: statistics.skipRatio,
    collapse: statistics.collapse,
    ...(statistics.layerEntropy === undefined ? {} : { decisionEntropy: statistics.entropy }),
    informationBits: information.bits(seed),
    kinds: groupDepths(observations, [byLoss(observations), frequency, ...sorts], seed),
    positions: groupDepths(observations, [byPosition(observations)], seed)
      .filter(({ grouping }) => grouping === "position"),
    layers: layerUses(observations, seed),
    gateVariance: gateVariance(observations, sorts),
    depthLoss: depthLossCorrelations(observations, sorts, seed),
  };
}
