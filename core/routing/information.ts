/** What a router's gates tell about tokens, beyond what the layer tells. */

import { RandomStream } from "../tensor/mod.ts";
import { binaryEntropy } from "./diagnostics.ts";

/**
 * Mutual information of a layer's gate and the token it is about, in bits, averaged over layers:
 * I(gate; token | layer). Counts are few for rare tokens, which makes any estimate from them too high,
 * so what the same gates give for tokens in random order is taken off.
 */
export class GateInformation {
  readonly #tokens: number[] = [];
  readonly #gates: Uint8Array[] = [];

  constructor(private readonly routableLayers: number) {}

  /**
   * Adds a batch.
   *
   * @param tokens ids
   * @param gates 0 or 1, `[tokens, L']` flattened
   * @param counts which tokens are real
   */
  add(
    tokens: ArrayLike<number>,
    gates: ArrayLike<number>,
    counts: (token: number) => boolean,
  ): void {
    for (let i = 0; i < tokens.length; i++) {
      if (!counts(i)) continue;
      this.#tokens.push(tokens[i]!);
      const own = Uint8Array.from(
        { length: this.routableLayers },
        (_, layer) => gates[i * this.routableLayers + layer]!,
      );
      this.#gates.push(own);
    }
  }

  /** The estimate in bits; 0 for gates that know nothing of the token. */
  bits(seed = 0): number {
    if (this.#tokens.length === 0) return 0;
    const shuffled = new RandomStream(seed, "gate-information").shuffle([...this.#tokens]);
    return this.#estimate(this.#tokens) - this.#estimate(shuffled);
  }

  #estimate(tokens: readonly number[]): number {
    const layers = this.routableLayers;
    const places = new Map<number, number>();
    const placeOf = tokens.map((token) => {
      const place = places.get(token) ?? places.size;
      places.set(token, place);
      return place;
    });
    const counts = new Float64Array(places.size);
    const ones = new Float64Array(places.size * layers);
    const all = new Float64Array(layers);
    placeOf.forEach((place, i) => {
      counts[place]!++;
      for (let layer = 0; layer < layers; layer++) {
        const gate = this.#gates[i]![layer]!;
        ones[place * layers + layer]! += gate;
        all[layer]! += gate;
      }
    });
    let bits = 0;
    for (let layer = 0; layer < layers; layer++) {
      let known = 0;
      counts.forEach((count, place) => {
        known += count * binaryEntropy(ones[place * layers + layer]! / count);
      });
      bits += binaryEntropy(all[layer]! / tokens.length) - known / tokens.length;
    }
    return bits / layers;
  }
}
