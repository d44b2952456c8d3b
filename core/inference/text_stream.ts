/** Text that grows token by token. */

import { type Tokenizer } from "../io/mod.ts";

/** The most tokens that one character takes. */
const LONGEST_CHARACTER = 4;
/** What an unfinished character reads as: U+FFFD, by some tokenizers once for each of its bytes. */
const UNFINISHED = /\uFFFD{1,3}$/;

/** Turns tokens into pieces of text, none of which cuts a character in two. */
export class TextStream {
  readonly #tokens: number[];
  /** Tokens whose text was given. */
  #given: number;
  /** Where the tokens begin that the text of the next ones may depend on. */
  #start = 0;
  /** How much was given of the text from there on. */
  #shown: number;

  /** @param before tokens that are there already, whose text is not given */
  constructor(private readonly tokenizer: Tokenizer, before: ArrayLike<number> = []) {
    this.#tokens = Array.from(before);
    this.#given = this.#tokens.length;
    this.#shown = this.#text().length;
  }

  /**
   * What a token adds to the text: nothing while a character is unfinished, then all of it. Text is
   * decoded together with the tokens before it, as some tokenizers leave out a leading space.
   *
   * @param last nothing comes after it: give what is there
   */
  push(token: number, last = false): string {
    this.#tokens.push(token);
    const text = this.#text();
    const unfinished = last ? 0 : UNFINISHED.exec(text)?.[0].length ?? 0;
    if (unfinished > 0) {
      if (this.#tokens.length - this.#given < LONGEST_CHARACTER) return "";
      // Bytes that are no character: only the last of them may still become one.
      return this.#show(text, text.length - unfinished);
    }
    const piece = this.#show(text, text.length);
    // Spaces alone, or tokens without a text, may be left out at the beginning.
    if (piece.trim() !== "") {
      this.#start = this.#given;
      this.#shown = this.#text().length;
    }
    this.#given = this.#tokens.length;
    return piece;
  }

  #text(): string {
    return this.tokenizer.decode(this.#tokens.slice(this.#start));
  }

  #show(text: string, end: number): string {
    const piece = text.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    return piece;
  }
}
