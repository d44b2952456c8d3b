/**
 * What SentencePiece does to a text before it cuts it into pieces: characters are replaced, spaces
 * dropped or escaped, and one is put in front. Every character of the result keeps its place in the
 * text, so that tokens can be labelled by what they came from.
 */

import type { Charsmap, Replacement } from "./charsmap.ts";
import type { NormalizerSpec } from "./model_file.ts";
import type { PrefixMatcher } from "./prefix_matcher.ts";

/** The mark of a space inside a piece. */
export const SPACE = "▁";

/** A normalized text, and where in the original each of its UTF-16 code units came from. */
export interface NormalizedText {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** How one stretch of text is normalized. */
export interface StretchOptions {
  /** True when a space is put in front, unless nothing else is left. */
  readonly prefix: boolean;
  /** True when spaces in front are kept where the model would drop them. */
  readonly keepLeading: boolean;
}

/** Normalizes text as a SentencePiece model asks for it. */
export class Normalizer {
  readonly #spec: NormalizerSpec;
  readonly #charsmap: Charsmap | undefined;
  readonly #userDefined: PrefixMatcher;

  constructor(
    spec: NormalizerSpec,
    charsmap: Charsmap | undefined,
    userDefined: PrefixMatcher,
  ) {
    this.#spec = spec;
    this.#charsmap = charsmap;
    this.#userDefined = userDefined;
  }

  /** Normalizes a well-formed text; an empty one, or one of dropped spaces only, gives `""`. */
  normalize(text: string, { prefix, keepLeading }: StretchOptions): NormalizedText {
    const dropping = this.#spec.removeExtraWhitespaces;
    const space = this.#spec.escapeWhitespaces ? SPACE : " ";
    const units: string[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const emit = (characters: string, start: number, end: number) => {
      // What is left as it is keeps its place unit by unit: a user-defined piece may be long.
      const asItIs = characters === text.slice(start, end);
      for (let i = 0; i < characters.length; i++) {
        units.push(characters[i] === " " ? space : characters[i]!);
        starts.push(asItIs ? start + i : start);
        ends.push(asItIs ? start + i + 1 : end);
      }
    };

    let at = 0;
    while (dropping && !keepLeading && at < text.length) {
      const { by, end } = this.#next(text, at);
      if (by !== " ") break;
      at = end;
    }
    if (at === text.length) return { text: "", starts, ends };
    if (prefix) emit(" ", at, at);
    let afterSpace = dropping && !keepLeading;
    while (at < text.length) {
      const { by, end } = this.#next(text, at);
      const kept = afterSpace ? by.replace(/^ +/, "") : by;
      emit(kept, at, end);
      // A space that is dropped inside belongs to the one before it.
      if (kept === "" && by !== "" && units.at(-1) === space) ends[ends.length - 1] = end;
      if (kept !== "") afterSpace = dropping && kept.endsWith(" ");
      at = end;
    }
    if (dropping) {
      while (units.at(-1) === space) {
        units.pop();
        starts.pop();
        ends.pop();
      }
    }
    return { text: units.join(""), starts, ends };
  }

  /** The next character or user-defined piece, and what it becomes. */
  #next(text: string, at: number): Replacement {
    const piece = this.#userDefined.longest(text, at);
    if (piece !== undefined) return { by: piece, end: at + piece.length };
    const replacement = this.#charsmap?.longest(text, at);
    if (replacement !== undefined) return replacement;
    const character = String.fromCodePoint(text.codePointAt(at)!);
    return { by: character, end: at + character.length };
  }
}
