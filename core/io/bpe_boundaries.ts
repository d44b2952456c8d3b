/**
 * Cutting text where byte-pair encoding cannot notice.
 *
 * A tokenizer of the SentencePiece kind has no pre-tokenizer: it merges over the whole text at once,
 * which costs more than linear time in a long document. But a merge across the place between two
 * characters makes a token in which those two stand side by side. Where no token has them side by
 * side, no merge ever crosses, so the text may be cut there and the parts encoded alone: the
 * same ids, exactly, in linear time, and words seen before come from a cache.
 */

/** Finds the places where a text can be cut without changing its BPE encoding. */
export class BpeBoundaries {
  readonly #neighbours = new Set<string>();

  /** @param made the tokens that merges make, and no others */
  constructor(made: Iterable<string>) {
    for (const token of made) {
      let previous = "";
      for (const character of token) {
        if (previous !== "") this.#neighbours.add(previous + character);
        previous = character;
      }
    }
  }

  /** `text` in pieces that are encoded alone as they are together. */
  cut(text: string): string[] {
    const pieces: string[] = [];
    let start = 0;
    let at = 0;
    let previous = "";
    for (const character of text) {
      if (previous !== "" && !this.#neighbours.has(previous + character)) {
        pieces.push(text.slice(start, at));
        start = at;
      }
      at += character.length;
      previous = character;
    }
    if (start < text.length) pieces.push(text.slice(start));
    return pieces;
  }
}
