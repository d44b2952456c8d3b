/** Finding the user-defined pieces of a SentencePiece model, which are never rewritten or cut. */

/** Knows whether one of a few strings stands at a place in a text. */
export class PrefixMatcher {
  /** The strings by their first character, the longest first. */
  readonly #candidates = new Map<string, string[]>();

  constructor(contents: readonly string[]) {
    for (const content of contents.toSorted((a, b) => b.length - a.length)) {
      const same = this.#candidates.get(content[0]!);
      if (same === undefined) this.#candidates.set(content[0]!, [content]);
      else same.push(content);
    }
  }

  /** The longest of the strings that stands at `at`, if any does. */
  longest(text: string, at: number): string | undefined {
    return this.#candidates.get(text[at]!)?.find((content) => text.startsWith(content, at));
  }
}
