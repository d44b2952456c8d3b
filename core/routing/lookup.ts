/**
 * A router replaced by a table: the mean of its log-odds over all tokens that share a key, such as
 * their id or their position. What the router does better than the table is what it reads from the
 * context.
 */

import { floats, type FloatTensor } from "../tensor/mod.ts";

/** Mean log-odds by key, one row of L' each. */
export class LogitTable {
  readonly #rows = new Map<number, { readonly sums: Float64Array; count: number }>();
  readonly #all: { readonly sums: Float64Array; count: number };

  constructor(private readonly routableLayers: number) {
    this.#all = { sums: new Float64Array(routableLayers), count: 0 };
  }

  /**
   * Adds tokens.
   *
   * @param keys one per token
   * @param logits `[tokens, L']` flattened
   * @param counts which tokens are real
   */
  add(
    keys: ArrayLike<number>,
    logits: ArrayLike<number>,
    counts: (token: number) => boolean,
  ): void {
    for (let token = 0; token < keys.length; token++) {
      if (!counts(token)) continue;
      let row = this.#rows.get(keys[token]!);
      if (!row) {
        row = { sums: new Float64Array(this.routableLayers), count: 0 };
        this.#rows.set(keys[token]!, row);
      }
      for (const { sums } of [row, this.#all]) {
        for (let layer = 0; layer < sums.length; layer++) {
          sums[layer]! += logits[token * sums.length + layer]!;
        }
      }
      row.count++;
      this.#all.count++;
    }
  }

  /** Log-odds for tokens of these keys, `[tokens, L']` flattened; the overall mean for a new key. */
  logits(keys: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const layers = this.routableLayers;
    const logits = new Float32Array(keys.length * layers);
    for (let token = 0; token < keys.length; token++) {
      const { sums, count } = this.#rows.get(keys[token]!) ?? this.#all;
      for (let layer = 0; layer < layers; layer++) {
        logits[token * layers + layer] = sums[layer]! / Math.max(count, 1);
      }
    }
    return logits;
  }

  /** Gates `[B, T, L']` for tokens of these keys: 1 where the log-odds are above `threshold`. */
  gates(keys: ArrayLike<number>, shape: readonly number[], threshold: number): FloatTensor {
    return floats(shape, this.logits(keys).map((logit) => logit > threshold ? 1 : 0));
  }
}
