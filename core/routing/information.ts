/** What a router's gates tell about tokens, beyond what the layer tells. */

import { RandomStream } from "../tensor/mod.ts";

/** Entropy in bits of a yes-or-no answer that is yes in `ones` of `count` cases. */
function binaryEntropy(ones: number, count: number): number {
  if (ones === 0 || ones === count) return 0;
  const p = ones / count;
  return -(p * Math.log2(p) + (1 - p) * Math.log2(1 - p));
}

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
    let bits = 0;
    for (let layer = 0; layer < this.routableLayers; layer++) {
      const counts = new Map<number, { count: number; ones: number }>();
      let ones = 0;
      tokens.forEach((token, i) => {
        const gate = this.#gates[i]![layer]!;
        const own = counts.get(token) ?? { count: 0, ones: 0 };
        counts.set(token, { count: own.count + 1, ones: own.ones + gate });
        ones += gate;
      });
      let known = 0;
      for (const own of counts.values()) {
        known += own.count / tokens.length * binaryEntropy(own.ones, own.count);
      }
      bits += (binaryEntropy(ones, tokens.length) - known) / this.routableLayers;
    }
    return bits;
  }
}
