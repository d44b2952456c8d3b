/** Losses of text, added up over real tokens: never means of batch means. */

import { type RoutingStatistics } from "../routing/mod.ts";
import { type HostTensor } from "../tensor/mod.ts";

/** The part of a loss that one sequence has. */
export interface SequenceLoss {
  /** Sum of negative log-likelihoods in nats. */
  readonly sum: number;
  /** Tokens that count. */
  readonly tokens: number;
}

/** A loss over many tokens. */
export interface TextLoss {
  /** Mean negative log-likelihood in nats. */
  readonly loss: number;
  /** e to the loss. */
  readonly perplexity: number;
  readonly tokens: number;
  /** By sequence, in order; sequences without a token that counts are left out. */
  readonly sequences: readonly SequenceLoss[];
}

/** A loss under gates, and what the gates were. */
export interface RoutedLoss extends TextLoss {
  readonly statistics: RoutingStatistics;
}

/** Adds up losses, batch by batch. */
export class LossSum {
  readonly #sequences: SequenceLoss[] = [];

  /**
   * @param losses `[B, T]`
   * @param counts `[B, T]`: 1 where a token counts
   */
  add(losses: HostTensor, counts: HostTensor): void {
    const [rows, length] = losses.shape as [number, number];
    for (let row = 0; row < rows; row++) {
      let [sum, tokens] = [0, 0];
      for (let i = row * length; i < (row + 1) * length; i++) {
        if (counts.data[i] !== 1) continue;
        sum += losses.data[i]!;
        tokens++;
      }
      if (tokens > 0) this.#sequences.push({ sum, tokens });
    }
  }

  get result(): TextLoss {
    const total = (part: keyof SequenceLoss) =>
      this.#sequences.reduce((sum, sequence) => sum + sequence[part], 0);
    const tokens = total("tokens");
    const loss = total("sum") / tokens;
    return { loss, perplexity: Math.exp(loss), tokens, sequences: this.#sequences };
  }
}
