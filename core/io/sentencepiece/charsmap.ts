/**
 * The replacements of characters that a SentencePiece model carries, such as those of NFKC.
 *
 * They are compiled into a trie over UTF-8 bytes, laid out as a double array (S. Yata's Darts-clone,
 * https://github.com/s-yata/darts-clone), followed by the texts that its leaves point to. A unit of
 * the array holds the byte that leads to it, whether a rule ends there, and where its children are.
 */

import { UserError } from "../../contracts/errors.ts";

/** A rule that applies: what it puts in place of how much text. */
export interface Replacement {
  readonly by: string;
  /** Offset after the last character that is replaced, in UTF-16 code units. */
  readonly end: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Replacements of characters; the longest that fits applies. */
export class Charsmap {
  readonly #units: Uint32Array;
  /** The texts, each with a zero byte after it. */
  readonly #texts: Uint8Array;
  readonly #known = new Map<number, string>();

  /**
   * @param compiled a model's `precompiled_charsmap`, not empty
   * @param path the model's, for the message
   * @throws {UserError} when it is broken.
   */
  constructor(compiled: Uint8Array, path: string) {
    const view = new DataView(compiled.buffer, compiled.byteOffset, compiled.byteLength);
    const size = compiled.length < 4 ? 0 : view.getUint32(0, true);
    if (size === 0 || size % 4 !== 0 || 4 + size >= compiled.length || compiled.at(-1) !== 0) {
      throw new UserError(
        `Cannot read the tokenizer ${path}: its table of characters (precompiled_charsmap) is ` +
          "broken; download it again",
      );
    }
    this.#units = Uint32Array.from(
      { length: size / 4 },
      (_, unit) => view.getUint32(4 + 4 * unit, true),
    );
    this.#texts = compiled.subarray(4 + size);
  }

  /** The longest rule for what stands at `at` in a well-formed text, if there is one. */
  longest(text: string, at: number): Replacement | undefined {
    let node = children(this.#units[0]!);
    let found: Replacement | undefined;
    while (at < text.length) {
      const code = text.codePointAt(at)!;
      let unit = 0;
      for (const byte of utf8(code)) {
        unit = this.#units[node ^ byte] ?? 0;
        // A leaf's highest bit is set, so it is never taken for a byte's unit.
        if ((unit & 0x800000ff) !== byte) return found;
        node ^= byte ^ children(unit);
      }
      at += code > 0xffff ? 2 : 1;
      if (unit >> 8 & 1) found = { by: this.#textAt(this.#units[node]! & 0x7fffffff), end: at };
    }
    return found;
  }

  #textAt(place: number): string {
    let known = this.#known.get(place);
    if (known === undefined) {
      known = decoder.decode(this.#texts.subarray(place, this.#texts.indexOf(0, place)));
      this.#known.set(place, known);
    }
    return known;
  }
}

/** What the index of a unit is combined with to get to its children. */
function children(unit: number): number {
  return unit >>> 10 << ((unit & 0x200) >>> 6);
}

/** The bytes of a character. */
function utf8(code: number): readonly number[] {
  if (code < 0x80) return [code];
  const last = 0x80 | code & 0x3f;
  if (code < 0x800) return [0xc0 | code >> 6, last];
  const next = 0x80 | code >> 6 & 0x3f;
  if (code < 0x10000) return [0xe0 | code >> 12, next, last];
  return [0xf0 | code >> 18, 0x80 | code >> 12 & 0x3f, next, last];
}
