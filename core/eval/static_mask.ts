/** The best that skipping the same blocks for every token can do: what a router has to beat. */

import { RandomStream } from "../tensor/mod.ts";
import { floats } from "../tensor/mod.ts";
import { type Evaluator, type GatesOf, type LabelledBatch } from "./evaluator.ts";

/** Gates that are 0 for `skipped` routable blocks and 1 for the others, for every token. */
function gatesWithout(skipped: ReadonlySet<number>): GatesOf {
  return (shape) => {
    const layers = shape[2]!;
    const gates = floats(shape);
    return floats(shape, gates.data.map((_, i) => skipped.has(i % layers) ? 0 : 1));
  };
}

/**
 * Chooses `count` routable blocks to leave out, one after the other: each time the one without which
 * the loss is lowest.
 *
 * @param batches text to choose on, not that of the evaluation
 * @returns indices of routable blocks, in the order of their choice
 */
export async function greedyStaticMask(
  evaluator: Evaluator,
  batches: readonly LabelledBatch[],
  routableLayers: number,
  count: number,
): Promise<number[]> {
  const chosen: number[] = [];
  while (chosen.length < count) {
    let best = { layer: -1, loss: Infinity };
    for (let layer = 0; layer < routableLayers; layer++) {
      if (chosen.includes(layer)) continue;
      const { loss } = await evaluator.under(batches, gatesWithout(new Set([...chosen, layer])));
      if (loss < best.loss) best = { layer, loss };
    }
    chosen.push(best.layer);
  }
  return chosen;
}

/**
 * Gates that leave out a share `skip` of the blocks in the order of `chosen`. Where the share is no
 * whole number of blocks, some sequences leave out one more than the others.
 *
 * @param seed draws which sequences
 */
export function staticMaskGates(chosen: readonly number[], skip: number, seed: number): GatesOf {
  return (shape, index) => {
    const [rows, length, layers] = shape as [number, number, number];
    const random = new RandomStream(seed, "static-mask", index);
    const wanted = skip * layers;
    const gates = floats(shape);
    for (let row = 0; row < rows; row++) {
      const count = Math.floor(wanted) + (random.uniform() < wanted % 1 ? 1 : 0);
      const skipped = new Set(chosen.slice(0, count));
      for (let i = 0; i < length * layers; i++) {
        gates.data[row * length * layers + i] = skipped.has(i % layers) ? 0 : 1;
      }
    }
    return gates;
  };
}
