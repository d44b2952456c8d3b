/**
 * Documents packed into training sequences of one length, without padding.
 *
 * The tokens of all documents, each after a separator, form one long row; sequence k takes the
 * tokens from k·T to (k+1)·T, both included. Its first T are the inputs and its last T the targets,
 * so neighbours share one token, every token but the very first is a target exactly once, and only
 * the incomplete end of the row is left out.
 */

import type { Document, Span } from "../contracts/corpus.ts";
import { UserError } from "../contracts/errors.ts";
import { bytes, type HostTensor, ints } from "../tensor/mod.ts";
import type { TokenOffsets } from "./token_offsets.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** One packed sequence of T inputs and T targets. */
export interface PackedSequence {
  /** T + 1 token ids. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** The kind of each of the T + 1 tokens, as in the corpus's list of kinds. */
  readonly kinds: Uint8Array<ArrayBuffer>;
}

/** How documents are packed. */
export interface PackingOptions {
  /** T, the number of inputs and of targets in a sequence. */
  readonly length: number;
  /**
   * The token before every document; the tokenizer's beginning of sequence unless told, else its
   * end of text. `null`: none.
   */
  readonly separatorId?: number | null;
}

/** A batch of B sequences of T tokens. */
export interface PackedBatch {
  /** int32 [B, T]. */
  readonly tokens: HostTensor;
  /** int32 [B, T]: the token after each of `tokens`. */
  readonly targets: HostTensor;
  /** uint8 [B, T]: the kinds of `targets`. */
  readonly kinds: HostTensor;
}

/** What packing asks of a tokenizer. */
export type PackingTokenizer = Pick<Tokenizer, "encode" | "offsets" | "bosId" | "eosId">;

/**
 * Packs documents, taking no more of them than are asked for, so the documents may be endless.
 *
 * @throws {RangeError} when the length is not a whole number of at least 1.
 */
export function* packSequences(
  documents: Iterable<Document>,
  tokenizer: PackingTokenizer,
  options: PackingOptions,
): Generator<PackedSequence> {
  const { length } = options;
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new RangeError(`Cannot pack sequences of length ${length}: it must be at least 1`);
  }
  const separator = options.separatorId === undefined
    ? tokenizer.bosId ?? tokenizer.eosId ?? null
    : options.separatorId;
  let tokens = new Int32Array(length + 1);
  let kinds = new Uint8Array(length + 1);
  let filled = 0;
  for (const document of documents) {
    const ids = tokenizer.encode(document.text);
    const ofIds = document.spans === undefined || document.spans.length === 0
      ? undefined
      : tokenKinds(tokenizer.offsets(document.text, ids), document.spans);
    for (let i = separator === null ? 0 : -1; i < ids.length; i++) {
      tokens[filled] = i < 0 ? separator! : ids[i]!;
      kinds[filled] = i < 0 ? 0 : ofIds?.[i] ?? 0;
      filled++;
      if (filled <= length) continue;
      yield { tokens, kinds };
      // The last target is the next sequence's first input.
      const [lastToken, lastKind] = [tokens[length]!, kinds[length]!];
      tokens = new Int32Array(length + 1);
      kinds = new Uint8Array(length + 1);
      tokens[0] = lastToken;
      kinds[0] = lastKind;
      filled = 1;
    }
  }
}

/**
 * The kind of every token: that of the span it shares the most characters with (the first of
 * equals), or 0 when it touches none. A token of no width is of the kind of the place it is at.
 *
 * @param spans ordered, without overlap
 */
export function tokenKinds(
  { starts, ends }: TokenOffsets,
  spans: readonly Span[],
): Uint8Array<ArrayBuffer> {
  const kinds = new Uint8Array(starts.length);
  let first = 0;
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i]!;
    const end = Math.max(ends[i]!, start + 1);
    // Tokens come in order, so spans that ended before this one are done with.
    while (first < spans.length && spans[first]!.end <= start) first++;
    let most = 0;
    for (let s = first; s < spans.length && spans[s]!.start < end; s++) {
      const shared = Math.min(end, spans[s]!.end) - Math.max(start, spans[s]!.start);
      if (shared > most) {
        most = shared;
        kinds[i] = spans[s]!.kind;
      }
    }
  }
  return kinds;
}

/** Packed sequences in memory. */
export class PackedDataset {
  /** T, the number of inputs and of targets in a sequence. */
  readonly length: number;
  readonly #sequences: readonly PackedSequence[];

  /**
   * Packs documents into memory.
   *
   * @param options.most stops after this many sequences; needed when the documents are endless
   */
  static pack(
    documents: Iterable<Document>,
    tokenizer: PackingTokenizer,
    options: PackingOptions & { readonly most?: number },
  ): PackedDataset {
    const sequences: PackedSequence[] = [];
    const most = options.most ?? Infinity;
    if (most > 0) {
      for (const sequence of packSequences(documents, tokenizer, options)) {
        sequences.push(sequence);
        if (sequences.length >= most) break;
      }
    }
    return new PackedDataset(options.length, sequences);
  }

  /** @param sequences each with `length` + 1 tokens */
  constructor(length: number, sequences: readonly PackedSequence[]) {
    this.length = length;
    this.#sequences = sequences;
  }

  /** The number of sequences. */
  get count(): number {
    return this.#sequences.length;
  }

  /** Sequence `index`. @throws {RangeError} when there is none. */
  sequence(index: number): PackedSequence {
    const sequence = this.#sequences[index];
    if (sequence === undefined) {
      throw new RangeError(`Cannot take sequence ${index} of ${this.count}`);
    }
    return sequence;
  }

  /** The sequences of these indices as one batch. @throws {RangeError} when one is not there. */
  batch(indices: ArrayLike<number>): PackedBatch {
    const { length } = this;
    const shape = [indices.length, length];
    const tokens = new Int32Array(indices.length * length);
    const targets = new Int32Array(indices.length * length);
    const kinds = new Uint8Array(indices.length * length);
    for (let row = 0; row < indices.length; row++) {
      const sequence = this.sequence(indices[row]!);
      tokens.set(sequence.tokens.subarray(0, length), row * length);
      targets.set(sequence.tokens.subarray(1), row * length);
      kinds.set(sequence.kinds.subarray(1), row * length);
    }
    return {
      tokens: ints(shape, tokens),
      targets: ints(shape, targets),
      kinds: bytes(shape, kinds),
    };
  }

  /**
   * Checks that there is at least one batch.
   *
   * @param what the text, for the message: `"the training text"`
   * @throws {UserError} when there are fewer sequences than a batch holds.
   */
  requireBatch(batchSize: number, what: string): void {
    if (this.count >= batchSize) return;
    throw new UserError(
      `Cannot make a batch of ${batchSize} sequences of ${this.length} tokens: ${what} gives ` +
        `${this.count}; give more text, a shorter length or a smaller batch`,
    );
  }
}
