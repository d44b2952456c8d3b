/** Text to train and evaluate on. */

/** The three parts of a corpus; no document is in two of them. */
export type Split = "train" | "validation" | "test";

/** A stretch of a document's text with a label, such as the digits of a sum. */
export interface Span {
  /** Offset of the first character, in UTF-16 code units. */
  readonly start: number;
  /** Offset after the last character. */
  readonly end: number;
  /** Index into {@link Corpus.kinds}. */
  readonly kind: number;
}

/** A piece of text that stands for itself. */
export interface Document {
  /** All of it; it is cut into sequences after it was tokenized. */
  readonly text: string;
  /** Ordered, without overlap; characters outside every span are of kind 0. Absent: no labels. */
  readonly spans?: readonly Span[];
}

/** A question with a few answers to choose from. */
export interface ChoiceQuestion {
  /** What comes before the answer. */
  readonly prompt: string;
  /** The answers as they would follow the prompt, a space in front included; different ones. */
  readonly choices: readonly string[];
  /** Index of the right one. */
  readonly answer: number;
}

/** A source of documents. Asking twice gives the same documents in the same order. */
export interface Corpus {
  /** What tables and records call it. */
  readonly name: string;
  /** Names of the labels that spans refer to; kind 0 is everything unlabelled. `[]`: no labels. */
  readonly kinds: readonly string[];
  /** The documents of one split, lazily; may be endless for generated text. */
  documents(split: Split): Iterable<Document>;
  /** Questions about what the documents of this corpus say, where it has any; in a fixed order. */
  questions?(split: Split): Iterable<ChoiceQuestion>;
}
