/** Analyses that are written down, in place of ones that were computed. */

import { type GroupDepth, type RoutingAnalysis } from "../../../../core/eval/mod.ts";

/** A group of tokens around so many layers. */
export function group(grouping: string, name: string, value: number, by = 1): GroupDepth {
  return {
    grouping,
    group: name,
    tokens: 10,
    activeLayers: { value, low: value - 0.5, high: value + 0.5 },
    ...(by === 0 ? {} : { difference: { value: by, low: by - 0.5, high: by + 0.5 } }),
    loss: 2,
    highLossShare: 0.25,
    layerActivity: [0.5, 1],
  };
}

const estimate = (value: number, reach = 0.05) => ({
  value,
  low: value - reach,
  high: value + reach,
});

/** An analysis of two routable layers after two, with what differs from it. */
export function analysisOf(differs: Partial<RoutingAnalysis> = {}): RoutingAnalysis {
  return {
    tokens: 100,
    sequences: 10,
    routableLayers: 2,
    anchorLayers: 2,
    skipRatio: 0.25,
    collapse: "none",
    decisionEntropy: 0.5,
    informationBits: 0.125,
    kinds: [
      group("all", "all", 3.5, 0),
      group("loss", "high loss", 3, -1),
      group("text", "word", 3, -1),
      group("text", "numeric", 4, 1.5),
      group("label", "fact", 4, 2),
      group("label", "plain", 3, 0.25),
    ],
    positions: [group("position", "0–7", 3.5), group("position", "8–15", 3.25, -1)],
    layers: [
      {
        layer: 2,
        activity: estimate(0.5),
        activityEntropy: 1,
        decisionEntropy: 0.75,
        flag: "none",
      },
      { layer: 3, activity: { value: 1 }, activityEntropy: 0, flag: "always-on" },
    ],
    gateVariance: [
      { factor: "layer", groups: 1, covered: 1, share: estimate(0.5) },
      {
        factor: "token",
        groups: 40,
        covered: 0.75,
        share: estimate(0.75),
        beyondLayer: estimate(0.25),
      },
      {
        factor: "position",
        groups: 16,
        covered: 1,
        share: estimate(0.49),
        beyondLayer: estimate(-0.01),
      },
    ],
    depthLoss: [
      { loss: "routed", given: "nothing", pearson: estimate(0.25), spearman: estimate(0.3) },
      { loss: "routed", given: "text", pearson: estimate(0.01), spearman: estimate(0.02) },
      { loss: "routed", given: "token", spearman: estimate(-0.08) },
      {
        loss: "routed",
        layer: 2,
        given: "nothing",
        pearson: estimate(0.5),
        spearman: estimate(0.4),
      },
      { loss: "routed", layer: 2, given: "text", pearson: estimate(0.1), spearman: { value: 0.2 } },
      { loss: "routed", layer: 3, given: "nothing" },
      { loss: "routed", layer: 3, given: "text" },
    ],
    ...differs,
  };
}
