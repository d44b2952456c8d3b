/** What each layer is used for. */

import { binaryEntropy, type LayerFlag } from "../../routing/mod.ts";
import { bootstrapOverSequences, type Estimate, SequenceSums } from "./bootstrap.ts";
import { type RoutingObservations } from "./observations.ts";

/** A routable layer. */
export interface LayerUse {
  /** Its number in the model, from 0. */
  readonly layer: number;
  /** Share of the tokens that run it. */
  readonly activity: Estimate;
  /** Entropy of a gate of which only that share is known, in bits. */
  readonly activityEntropy: number;
  /** Mean entropy of the router's decisions about it at full noise, in bits; absent without logits. */
  readonly decisionEntropy?: number;
  readonly flag: LayerFlag;
}

/** The routable layers, in their order. */
export function layerUses(observations: RoutingObservations, seed: number): LayerUse[] {
  const { tokens, sequences, sequenceOf, gates, statistics } = observations;
  const { routableLayers: layers, anchorLayers } = observations;
  if (tokens === 0) return [];
  const sums = new SequenceSums(sequences, layers + 1);
  for (let token = 0; token < tokens; token++) {
    const sequence = sequenceOf[token]!;
    for (let layer = 0; layer < layers; layer++) {
      sums.add(sequence, layer, gates[token * layers + layer]!);
    }
    sums.add(sequence, layers, 1);
  }
  const activities = bootstrapOverSequences(sequences, seed, (weights) => {
    const totals = sums.totals(weights);
    return Array.from({ length: layers }, (_, layer) => totals[layer]! / totals[layers]!);
  });
  const { layerEntropy, layerFlags } = statistics;
  return activities.map((activity, layer) => ({
    layer: anchorLayers + layer,
    activity: activity!,
    activityEntropy: binaryEntropy(activity!.value),
    ...(layerEntropy === undefined ? {} : { decisionEntropy: layerEntropy[layer]! }),
    flag: layerFlags[layer]!,
  }));
}
