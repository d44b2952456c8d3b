/**
 * Byte-pair encoding as SentencePiece does it: of all neighbours that are a piece together, those
 * whose piece scores highest are merged first, the leftmost of equals (Sennrich et al., 2016, with
 * scores in place of a list of merges).
 */

import { BpeBoundaries } from "../bpe_boundaries.ts";
import { PIECE, type SentencePieceModel } from "./model_file.ts";
import { MergeQueue } from "./merge_queue.ts";
import type { PrefixMatcher } from "./prefix_matcher.ts";

/** Tokens of a text, and the stretch of it that each stands for, in UTF-16 code units. */
export interface Tokens {
  readonly ids: number[];
  readonly starts: number[];
  readonly ends: number[];
}

/** Words that are remembered at most, and how long they may be. */
const MOST_WORDS = 50_000;
const LONGEST_WORD = 32;

/** Cuts normalized text into the pieces of a model. */
export class Merger {
  readonly #model: SentencePieceModel;
  readonly #userDefined: PrefixMatcher;
  /** The pieces that merging can make. */
  readonly #made = new Map<string, number>();
  /** Absent where a part of a text would be encoded otherwise alone than in its place. */
  readonly #boundaries: BpeBoundaries | undefined;
  readonly #words = new Map<string, Tokens>();
  readonly #encoder = new TextEncoder();

  constructor(model: SentencePieceModel, userDefined: PrefixMatcher) {
    this.#model = model;
    this.#userDefined = userDefined;
    const { normal, userDefined: own, unused } = PIECE;
    model.pieces.forEach(({ piece, type }, id) => {
      if (type === normal || type === own || type === unused) this.#made.set(piece, id);
    });
    // How an unused piece is taken apart again depends on the merges in all of the text.
    if (!model.pieces.some(({ type }) => type === unused)) {
      this.#boundaries = new BpeBoundaries(this.#made.keys());
    }
  }

  /** The tokens of a normalized text. */
  encode(text: string): Tokens {
    const tokens: Tokens = { ids: [], starts: [], ends: [] };
    let start = 0;
    for (const word of this.#boundaries?.cut(text) ?? [text]) {
      const { ids, starts, ends } = this.#encodeWord(word);
      for (let i = 0; i < ids.length; i++) {
        this.#append(tokens, ids[i]!, start + starts[i]!, start + ends[i]!);
      }
      start += word.length;
    }
    return tokens;
  }

  #encodeWord(word: string): Tokens {
    if (word.length > LONGEST_WORD) return this.#merge(word);
    let known = this.#words.get(word);
    if (known === undefined) {
      if (this.#words.size === MOST_WORDS) this.#words.clear();
      this.#words.set(word, known = this.#merge(word));
    }
    return known;
  }

  #merge(text: string): Tokens {
    // Symbol i is text from starts[i] to ends[i]; one that became part of another is empty.
    const { starts, ends, frozen } = this.#characters(text);
    const count = starts.length;
    const previous = Int32Array.from(starts, (_, i) => i - 1);
    const next = Int32Array.from(starts, (_, i) => i + 1 < count ? i + 1 : -1);
    const queue = new MergeQueue();
    /** Where an unused piece was put together, so that it can be taken apart again. */
    const seams = new Map<string, number>();

    const offer = (left: number, right: number) => {
      if (left < 0 || right < 0 || frozen.has(left) || frozen.has(right)) return;
      const piece = text.slice(starts[left], ends[right]);
      const id = this.#made.get(piece);
      if (id === undefined) return;
      const { score, type } = this.#model.pieces[id]!;
      queue.push({ score, left, right, length: piece.length });
      if (type === PIECE.unused) seams.set(piece, ends[left]! - starts[left]!);
    };

    for (let i = 1; i < count; i++) offer(i - 1, i);
    for (let pair = queue.pop(); pair !== undefined; pair = queue.pop()) {
      const { left, right, length } = pair;
      // Either may have become part of another symbol, or grown, since the pair was found.
      const isStale = ends[left] === starts[left] || ends[right] === starts[right] ||
        ends[right]! - starts[left]! !== length;
      if (isStale) continue;
      ends[left] = ends[right]!;
      ends[right] = starts[right]!;
      const after = next[left] = next[right]!;
      if (after >= 0) previous[after] = left;
      offer(previous[left]!, left);
      offer(left, after);
    }

    const tokens: Tokens = { ids: [], starts: [], ends: [] };
    for (let i = 0; i >= 0 && i < count; i = next[i]!) {
      this.#spell(tokens, text, starts[i]!, ends[i]!, seams);
    }
    return tokens;
  }

  /** What merging begins with: characters, and user-defined pieces, which stay as they are. */
  #characters(text: string): { starts: number[]; ends: number[]; frozen: Set<number> } {
    const starts: number[] = [];
    const ends: number[] = [];
    const frozen = new Set<number>();
    for (let at = 0; at < text.length;) {
      const piece = this.#userDefined.longest(text, at);
      if (piece !== undefined) frozen.add(starts.length);
      starts.push(at);
      at += piece?.length ?? (text.codePointAt(at)! > 0xffff ? 2 : 1);
      ends.push(at);
    }
    return { starts, ends, frozen };
  }

  /** Appends the token of a symbol; or its bytes, or the parts of a piece that is not to be used. */
  #spell(
    tokens: Tokens,
    text: string,
    start: number,
    end: number,
    seams: ReadonlyMap<string, number>,
  ): void {
    const symbol = text.slice(start, end);
    const { pieces, ids, unknownId, byteIds } = this.#model;
    const id = ids.get(symbol) ?? unknownId;
    const seam = pieces[id]!.type === PIECE.unused ? seams.get(symbol) : undefined;
    if (seam !== undefined) {
      this.#spell(tokens, text, start, start + seam, seams);
      this.#spell(tokens, text, start + seam, end, seams);
    } else if (id === unknownId && byteIds !== undefined) {
      for (const byte of this.#encoder.encode(symbol)) {
        this.#append(tokens, byteIds[byte]!, start, end);
      }
    } else {
      this.#append(tokens, id, start, end);
    }
  }

  /** Appends a token; unknown characters side by side share one. */
  #append({ ids, starts, ends }: Tokens, id: number, start: number, end: number): void {
    const last = ids.length - 1;
    if (id === this.#model.unknownId && ids[last] === id) {
      ends[last] = end;
    } else {
      ids.push(id);
      starts.push(start);
      ends.push(end);
    }
  }
}
