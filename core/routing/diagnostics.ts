/** Reading a router's behaviour from its gates and logits. */

/** Below or above these shares of active tokens a layer, or the whole router, counts as collapsed. */
const COLLAPSED = { low: 0.02, high: 0.98 };

/** What became of a router. */
export type CollapseFlag = "none" | "all-skip" | "all-run" | "fixed-pattern";

/** What became of a layer: hardly any token runs it, or hardly any skips it. */
export type LayerFlag = "none" | "dead" | "always-on";

/** Counts over real tokens, added up batch by batch. */
export class RoutingStatistics {
  tokens = 0;
  readonly #active: Float64Array;
  readonly #entropy: Float64Array;
  #decisions = 0;
  readonly #kindTokens: Float64Array;
  readonly #kindActive: Float64Array;

  /**
   * @param routableLayers how many blocks the router decides about
   * @param anchorLayers how many always run before them
   * @param kinds names of the token kinds; `[]` when tokens carry none
   */
  constructor(
    readonly routableLayers: number,
    readonly anchorLayers: number,
    readonly kinds: readonly string[] = [],
  ) {
    this.#active = new Float64Array(routableLayers);
    this.#entropy = new Float64Array(routableLayers);
    this.#kindTokens = new Float64Array(kinds.length);
    this.#kindActive = new Float64Array(kinds.length);
  }

  /**
   * Adds a batch.
   *
   * @param gates 0 or 1, `[tokens, L']` flattened
   * @param logits router's logits, likewise; empty for gates without a router
   * @param counts which tokens are real, one entry per token
   * @param kindOf kind of each token
   */
  add(
    gates: ArrayLike<number>,
    logits: ArrayLike<number>,
    counts: (token: number) => boolean,
    kindOf?: ArrayLike<number>,
  ): void {
    const layers = this.routableLayers;
    for (let token = 0; token < gates.length / layers; token++) {
      if (!counts(token)) continue;
      this.tokens++;
      let active = 0;
      for (let layer = 0; layer < layers; layer++) {
        const gate = gates[token * layers + layer]!;
        active += gate;
        this.#active[layer]! += gate;
        if (logits.length === 0) continue;
        this.#entropy[layer]! += bernoulliEntropy(logits[token * layers + layer]!);
        this.#decisions++;
      }
      const kind = kindOf?.[token];
      if (kind !== undefined && kind < this.kinds.length) {
        this.#kindTokens[kind]!++;
        this.#kindActive[kind]! += active;
      }
    }
  }

  /** Share of tokens that run each routable block. */
  get layerActivity(): number[] {
    return Array.from(this.#active, (sum) => sum / Math.max(this.tokens, 1));
  }

  /** Blocks run per token, anchor layers included. */
  get activeLayers(): number {
    return this.anchorLayers + this.layerActivity.reduce((sum, share) => sum + share, 0);
  }

  /** Share of routable token-block pairs that are skipped. */
  get skipRatio(): number {
    return 1 - (this.activeLayers - this.anchorLayers) / this.routableLayers;
  }

  /** Mean entropy of one decision in bits: 1 is a coin toss, 0 is certainty. */
  get entropy(): number {
    const sum = this.#entropy.reduce((total, own) => total + own, 0);
    return sum / Math.max(this.tokens * this.routableLayers, 1) / Math.LN2;
  }

  /** That of the decisions about each routable block; undefined for gates without a router. */
  get layerEntropy(): number[] | undefined {
    if (this.#decisions === 0) return undefined;
    return Array.from(this.#entropy, (sum) => sum / this.tokens / Math.LN2);
  }

  /** Blocks run per token for each kind that occurs, anchor layers included. */
  get byKind(): { kind: string; tokens: number; activeLayers: number }[] {
    return this.kinds.map((kind, i) => ({
      kind,
      tokens: this.#kindTokens[i]!,
      activeLayers: this.anchorLayers + this.#kindActive[i]! / Math.max(this.#kindTokens[i]!, 1),
    })).filter(({ tokens }) => tokens > 0);
  }

  /** Whether the router runs everything, skips everything, or treats all tokens alike. */
  get collapse(): CollapseFlag {
    const active = 1 - this.skipRatio;
    if (active < COLLAPSED.low) return "all-skip";
    if (active > COLLAPSED.high) return "all-run";
    return this.layerFlags.every((flag) => flag !== "none") ? "fixed-pattern" : "none";
  }

  /** Whether all tokens are treated alike by each routable block. */
  get layerFlags(): LayerFlag[] {
    return this.layerActivity.map((share) =>
      share < COLLAPSED.low ? "dead" : share > COLLAPSED.high ? "always-on" : "none"
    );
  }
}

/** Entropy in bits of a yes-or-no answer that is yes with probability `p`. */
export function binaryEntropy(p: number): number {
  return p <= 0 || p >= 1 ? 0 : -(p * Math.log2(p) + (1 - p) * Math.log2(1 - p));
}

/** Entropy in nats of a yes-or-no decision with these log-odds. */
export function bernoulliEntropy(logit: number): number {
  const size = Math.abs(logit);
  const odds = Math.exp(-size);
  // log(1 + e^-x) + x e^-x / (1 + e^-x), for x >= 0: never overflows.
  return Math.log1p(odds) + size * odds / (1 + odds);
}
