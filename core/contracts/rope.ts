/** How rotary positions are described, apart from how they are computed. */

/** How a model's frequencies are slowed down, for sequences longer than it first learned from. */
export type RopeScaling =
  /** Position interpolation (Chen et al. 2023, arXiv 2306.15595): all by the same factor. */
  | { readonly kind: "linear"; readonly factor: number }
  /** As Llama 3.1 does: low frequencies by the factor, high ones not at all. */
  | {
    readonly kind: "llama3";
    readonly factor: number;
    /** Turns within `originalMaxPositions` up to which a frequency is low. */
    readonly lowFreqFactor: number;
    /** Turns from which it is high; above `lowFreqFactor`. */
    readonly highFreqFactor: number;
    /** Positions that the model first learned from. */
    readonly originalMaxPositions: number;
  };
