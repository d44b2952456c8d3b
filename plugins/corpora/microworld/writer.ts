/**
 * Writing text and its labels at once.
 *
 * A sentence is a template with named slots, "{who} went to the {place}.", and a word for each slot
 * with the kind of thinking that predicting it takes. Templates are parsed once and kept.
 */

import type { Document, Span } from "../../../core/contracts/corpus.ts";

/**
 * What it takes to predict a token, by the index that spans carry:
 * - `plain`: template text, predictable from its neighbours;
 * - `punctuation`: full stops, commas, signs of arithmetic, line ends;
 * - `given`: a free choice of the writer (a name, a thing, a number), which nothing can predict;
 * - `fact`: knowledge of the fixed world;
 * - `state`: looked up in the text so far: who is where, who holds what, an operand used again;
 * - `hop`: two or more look-ups in a row, in the world or in the text;
 * - `arithmetic`: the result of a sum, difference, product or quotient;
 * - `order`: the outcome of comparing, sorting or counting.
 */
export const KINDS = [
  "plain",
  "punctuation",
  "given",
  "fact",
  "state",
  "hop",
  "arithmetic",
  "order",
] as const;

/** The name of a kind of token. */
export type Kind = typeof KINDS[number];

/** A word (or a few) in a slot, and its kind. */
export interface Word {
  readonly text: string;
  readonly kind: Kind;
}

/** A template and the words for its slots. */
export interface Sentence {
  readonly template: string;
  readonly slots: Readonly<Record<string, Word>>;
}

/** A word of a given kind; numbers are written in decimal digits. */
export function word(kind: Kind, text: string | number): Word {
  return { kind, text: String(text) };
}

/** A sentence of `template`. */
export function sentence(template: string, slots: Readonly<Record<string, Word>> = {}): Sentence {
  return { template, slots };
}

/** A piece of a template: literal text of one kind, or the name of a slot. */
type Piece = { readonly slot: string } | { readonly text: string; readonly kind: number };

const PLAIN = 0;
const PUNCTUATION = 1;
const KIND_INDEX: ReadonlyMap<Kind, number> = new Map(KINDS.map((kind, index) => [kind, index]));
const parsed = new Map<string, readonly Piece[]>();

function parse(template: string): readonly Piece[] {
  const known = parsed.get(template);
  if (known !== undefined) return known;
  const pieces: Piece[] = [];
  for (const part of template.split(/(\{[^}]*\})/)) {
    if (part.startsWith("{")) {
      pieces.push({ slot: part.slice(1, -1) });
      continue;
    }
    for (const [text] of part.matchAll(/[\p{L}\p{N}\s']+|[^\p{L}\p{N}\s']+/gu)) {
      pieces.push({ text, kind: /^[\p{L}\p{N}\s']/u.test(text) ? PLAIN : PUNCTUATION });
    }
  }
  parsed.set(template, pieces);
  return pieces;
}

/** A document under the pen. */
export class Writer {
  #text = "";
  readonly #spans: Span[] = [];
  readonly #claims: string[] = [];

  /** Adds a sentence after a space, with a capital letter first. */
  say(said: Sentence): void {
    this.#add(said, true);
  }

  /** Adds words after a space as they are, such as an answer after its colon. */
  continue(said: Sentence): void {
    this.#add(said, false);
  }

  /** Ends the line. */
  newline(): void {
    this.#put("\n", PUNCTUATION);
  }

  /** Notes that the text says `claim`, which may be reserved for a question set (see splits.ts). */
  claim(claim: string): void {
    this.#claims.push(claim);
  }

  /** What the document says that may be reserved. */
  get claims(): readonly string[] {
    return this.#claims;
  }

  /** What is written so far. */
  get text(): string {
    return this.#text;
  }

  /** The finished document. */
  document(): Document {
    return { text: this.#text, spans: this.#spans };
  }

  #add({ template, slots }: Sentence, capital: boolean): void {
    if (this.#text !== "" && !this.#text.endsWith("\n")) this.#text += " ";
    let first = capital;
    for (const piece of parse(template)) {
      let text: string;
      let kind: number;
      if ("slot" in piece) {
        const filler = slots[piece.slot];
        if (filler === undefined) {
          throw new Error(`internal: no word for {${piece.slot}} in "${template}"`);
        }
        text = filler.text;
        kind = KIND_INDEX.get(filler.kind)!;
      } else {
        text = piece.text;
        kind = piece.kind;
      }
      if (first) text = text.charAt(0).toUpperCase() + text.slice(1);
      first = false;
      this.#put(text, kind);
    }
  }

  /** A span takes in the space before it, as the tokens of a byte-level vocabulary do. */
  #put(text: string, kind: number): void {
    const at = this.#text.length;
    this.#text += text;
    if (kind === PLAIN) return;
    const start = at > 0 && this.#text.charCodeAt(at - 1) === 0x20 ? at - 1 : at;
    this.#spans.push({ start, end: this.#text.length, kind });
  }
}
