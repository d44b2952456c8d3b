/** Text that grows token by token. */

import { type Tokenizer } from "../io/mod.ts";

/** A character of which not all bytes are there yet reads as this. */
const UNFINISHED = "\uFFFD";
/** The most tokens that one character takes. */
const LONGEST_CHARACTER = 4;

/** Turns tokens into pieces of text, none of which cuts a character in two. */
export class TextStream {
  readonly #tokens: number[] = [];
  /** Tokens whose text was given. */
  #given = 0;
  /** Tokens before those that the text of the next ones may depend on. */
  #start = 0;

  constructor(private readonly tokenizer: Tokenizer) {}

  /**
   * What a token adds to the text: nothing while a character is unfinished, then all of it. Text is
   * decoded together with the tokens before it, as some tokenizers leave out a leading space.
   *
   * @param last nothing comes after it: give what is there
   */
  push(token: number, last = false): string {
    this.#tokens.push(token);
    const before = this.tokenizer.decode(this.#tokens.slice(this.#start, this.#given));
    const text = this.tokenizer.decode(this.#tokens.slice(this.#start));
    const waiting = this.#tokens.length - this.#given;
    if (text.endsWith(UNFINISHED) && waiting < LONGEST_CHARACTER && !last) return "";
    this.#start = this.#given;
    this.#given = this.#tokens.length;
    return text.slice(before.length);
  }
}
