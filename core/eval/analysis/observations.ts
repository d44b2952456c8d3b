/** What a router did with every token of a text, in columns. */

import { RoutingStatistics } from "../../routing/mod.ts";
import { type FloatTensor } from "../../tensor/mod.ts";
import { type LabelledBatch, type RoutedBatch } from "../evaluator.ts";
import { TOKEN_CATEGORIES, type TokenCategory } from "../token_categories.ts";

/** A way to sort tokens into groups. */
export interface Grouping {
  /** What they are sorted by: `"text"`, `"position"`. */
  readonly name: string;
  /** What the groups are called. */
  readonly groups: readonly string[];
  /** `[N]`: the group of each token, an index into `groups`; -1: none. */
  readonly of: Int32Array;
}

/**
 * The N real tokens of a text and what the router made of them, in the order of the text. Padding is
 * not among them.
 */
export interface RoutingObservations {
  /** N. */
  readonly tokens: number;
  /** Sequences that they are from. */
  readonly sequences: number;
  /** Places in a sequence, T. */
  readonly sequenceLength: number;
  /** Blocks that the router decides about, L'. */
  readonly routableLayers: number;
  /** Blocks that always run before them. */
  readonly anchorLayers: number;
  /** `[N]`: the sequence of each token; it never falls. */
  readonly sequenceOf: Int32Array;
  /** `[N]`: its place in the sequence, from 0. */
  readonly positionOf: Int32Array;
  /** `[N]`: its id. */
  readonly idOf: Int32Array;
  /** `[N]`: the loss of the token that follows it, in nats, in the routed model. */
  readonly losses: Float64Array;
  /** `[N]`: that loss with nothing skipped, where the router skips anything. */
  readonly fullDepthLosses?: Float64Array;
  /** `[N, L']`: 1 where it ran the block, else 0. */
  readonly gates: Uint8Array;
  /** `[N]`: how many of the routable blocks it ran. */
  readonly depths: Int32Array;
  /** What the token read is, by its text. */
  readonly text: Grouping;
  /** What it takes to predict the token that follows, where the corpus says so. */
  readonly label?: Grouping;
  /** Tokens that are rare in the training text; the others are in no group. */
  readonly frequency: Grouping;
  /** Activity and entropy of the layers. */
  readonly statistics: RoutingStatistics;
}

/** How tokens are sorted. */
export interface TokenSorts {
  /** The sort of a token by its text. @param before the id in front of it, if there is one */
  category(id: number, before: number | undefined): TokenCategory;
  /** Whether it is rare in the training text. */
  rare(id: number): boolean;
  /** Names of the labels of {@link LabelledBatch.kinds}; `[]`: there are none. */
  readonly labels: readonly string[];
}

/** Collects observations, batch by batch. */
export class RoutingRecorder {
  readonly #sorts: TokenSorts;
  readonly #statistics: RoutingStatistics;
  readonly #gates: Uint8Array[] = [];
  readonly #columns = {
    sequence: [] as number[],
    position: [] as number[],
    id: [] as number[],
    loss: [] as number[],
    fullDepthLoss: [] as number[],
    depth: [] as number[],
    category: [] as number[],
    label: [] as number[],
    rare: [] as number[],
  };
  #sequences = 0;
  #sequenceLength = 0;

  /**
   * @param routableLayers how many blocks the router decides about
   * @param anchorLayers how many always run before them
   */
  constructor(routableLayers: number, anchorLayers: number, sorts: TokenSorts) {
    this.#sorts = sorts;
    this.#statistics = new RoutingStatistics(routableLayers, anchorLayers);
  }

  /**
   * Adds the real tokens of a batch.
   *
   * @param fullDepth `[B, T]`: losses with nothing skipped
   */
  add(
    batch: LabelledBatch,
    { losses, gates, logits }: RoutedBatch,
    fullDepth: FloatTensor,
  ): void {
    const layers = this.#statistics.routableLayers;
    const length = batch.tokens.shape[1]!;
    const { data: ids } = batch.tokens;
    const real = (token: number) => batch.tokenMask.data[token] === 1;
    this.#sequenceLength = Math.max(this.#sequenceLength, length);
    this.#statistics.add(gates.data, logits?.data ?? [], real);
    const { sequence, position, id, loss, fullDepthLoss, depth, category, label, rare } =
      this.#columns;
    const kept = new Uint8Array(gates.data.length);
    let count = 0;
    for (let row = 0; row < batch.tokens.shape[0]!; row++) {
      const before = count;
      for (let i = row * length; i < (row + 1) * length; i++) {
        if (!real(i)) continue;
        const own = gates.data.subarray(i * layers, (i + 1) * layers);
        kept.set(own, count * layers);
        sequence.push(this.#sequences);
        position.push(i % length);
        id.push(ids[i]!);
        loss.push(losses.data[i]!);
        fullDepthLoss.push(fullDepth.data[i]!);
        depth.push(own.reduce((sum, gate) => sum + gate, 0));
        const previous = i % length === 0 ? undefined : ids[i - 1]!;
        category.push(TOKEN_CATEGORIES.indexOf(this.#sorts.category(ids[i]!, previous)));
        label.push(batch.kinds?.data[i] ?? 0);
        rare.push(this.#sorts.rare(ids[i]!) ? 0 : -1);
        count++;
      }
      if (count > before) this.#sequences++;
    }
    this.#gates.push(kept.slice(0, count * layers));
  }

  /** All that was added. */
  observations(): RoutingObservations {
    const { routableLayers, anchorLayers } = this.#statistics;
    const { sequence, position, id, loss, fullDepthLoss, depth, category, label, rare } =
      this.#columns;
    const gates = new Uint8Array(id.length * routableLayers);
    let at = 0;
    for (const part of this.#gates) {
      gates.set(part, at);
      at += part.length;
    }
    const { labels } = this.#sorts;
    return {
      tokens: id.length,
      sequences: this.#sequences,
      sequenceLength: this.#sequenceLength,
      routableLayers,
      anchorLayers,
      sequenceOf: Int32Array.from(sequence),
      positionOf: Int32Array.from(position),
      idOf: Int32Array.from(id),
      losses: Float64Array.from(loss),
      ...(this.#statistics.skipRatio > 0
        ? { fullDepthLosses: Float64Array.from(fullDepthLoss) }
        : {}),
      gates,
      depths: Int32Array.from(depth),
      text: { name: "text", groups: TOKEN_CATEGORIES, of: Int32Array.from(category) },
      ...(labels.length > 0
        ? { label: { name: "label", groups: labels, of: Int32Array.from(label) } }
        : {}),
      frequency: { name: "frequency", groups: ["rare"], of: Int32Array.from(rare) },
      statistics: this.#statistics,
    };
  }
}
