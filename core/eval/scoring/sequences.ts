/**
 * From texts to the tokens that a model is given, as lm-evaluation-harness does it: contexts and
 * continuations are cut at their border, long ones lose their beginning, and long texts are read in
 * windows.
 */

import { UserError } from "../../contracts/mod.ts";
import { type Tokenizer } from "../../io/mod.ts";
import { rstrip } from "../python_text.ts";

/** Tokens whose likelihood is wanted, after others. */
export interface ScoredSequence {
  /** What the model reads; never empty. */
  readonly input: Int32Array;
  /** The tokens after the last ones of the input; the last is after its end. */
  readonly targets: Int32Array;
  /** How many tokens at the beginning did not fit; absent: all did. */
  readonly lost?: number;
}

/** A prompt to be continued. */
export interface Prompt {
  readonly ids: Int32Array;
  /** How many tokens at its beginning did not fit. */
  readonly lost: number;
}

/** What tokens are made with. */
export interface Encoding {
  readonly tokenizer: Tokenizer;
  /** The longest input, in tokens. */
  readonly maxLength: number;
  /** What a text begins with that nothing stands before: a beginning-of-sequence or end token. */
  readonly prefixId: number;
}

/**
 * The encoding of a model's questions.
 *
 * @throws {UserError} when the tokenizer has neither a token to begin with nor one to end with.
 */
export function encodingOf(tokenizer: Tokenizer, maxLength: number): Encoding {
  const prefixId = tokenizer.bosId ?? tokenizer.eosId;
  if (prefixId === undefined) {
    throw new UserError(
      "The tokenizer has neither a beginning-of-sequence nor an end-of-text token, and one is " +
        "needed to score a text's first token: name one in its tokenizer_config.json",
    );
  }
  return { tokenizer, maxLength, prefixId };
}

/** Texts to ids; remembers the last context, which the choices of a question share. */
export class Encoder {
  #context: string | undefined;
  #ids: Int32Array = new Int32Array();
  readonly #prefixText: string;

  constructor(readonly encoding: Encoding) {
    this.#prefixText = encoding.tokenizer.decode([encoding.prefixId], { keepSpecial: true });
  }

  /** With the tokens that the tokenizer adds by itself, unless the text has them already. */
  encode(text: string): Int32Array {
    const addSpecial = this.#prefixText === "" || !text.startsWith(this.#prefixText);
    return this.encoding.tokenizer.encode(text, { addSpecial });
  }

  /** The encoding of a context; the last one is remembered. */
  context(text: string): Int32Array {
    if (this.#context !== text) {
      this.#ids = this.encode(text);
      this.#context = text;
    }
    return this.#ids;
  }

  /**
   * A continuation after its context. White space at the context's end belongs to the continuation.
   *
   * @throws {UserError} when the continuation is empty or longer than the model can read.
   */
  pair(context: string, continuation: string): ScoredSequence {
    const { tokenizer, maxLength, prefixId } = this.encoding;
    const before = rstrip(context);
    const after = context.slice(before.length) + continuation;
    let head: Int32Array;
    let tail: Int32Array;
    if (before === "") {
      tail = tokenizer.encode(after);
      head = Int32Array.of(prefixId);
      if (tail[0] === prefixId) tail = tail.subarray(1);
    } else {
      head = this.context(before);
      tail = this.encode(before + after).subarray(head.length);
    }
    if (tail.length === 0) {
      throw new UserError(
        `The continuation ${JSON.stringify(continuation)} has no token of its own after its ` +
          "context: there is nothing to score",
      );
    }
    if (tail.length > maxLength) {
      throw new UserError(
        `The continuation ${JSON.stringify(continuation.slice(0, 60))}… has ${tail.length} ` +
          `tokens, and the model reads at most ${maxLength}`,
      );
    }
    const all = new Int32Array(head.length + tail.length);
    all.set(head);
    all.set(tail, head.length);
    const lost = Math.max(0, all.length - 1 - maxLength);
    return { input: all.subarray(lost, -1), targets: tail, lost };
  }

  /**
   * A text from nothing, in windows of at most `maxLength` tokens: each scores tokens that none
   * before it did, and the last reads back as far as it can.
   */
  windows(text: string): ScoredSequence[] {
    const { maxLength, prefixId } = this.encoding;
    const tokens = this.encode(text);
    const windows: ScoredSequence[] = [];
    for (let done = 0; done < tokens.length;) {
      const count = Math.min(tokens.length - done, maxLength);
      const end = done + count;
      const input = done === 0
        ? Int32Array.of(prefixId, ...tokens.subarray(0, end - 1))
        : tokens.subarray(Math.max(0, end - maxLength - 1), end - 1);
      windows.push({ input, targets: tokens.subarray(done, end) });
      done = end;
    }
    return windows;
  }

  /** A prompt to be continued by at most `maxTokens` tokens; a long one loses its beginning. */
  prompt(text: string, maxTokens: number): Prompt {
    const room = this.encoding.maxLength - maxTokens;
    if (room <= 0) {
      throw new UserError(
        `The model reads ${this.encoding.maxLength} tokens, which leaves no room for a prompt ` +
          `before an answer of up to ${maxTokens}`,
      );
    }
    const ids = this.encode(text);
    if (ids.length === 0) return { ids: Int32Array.of(this.encoding.prefixId), lost: 0 };
    return { ids: ids.slice(-room), lost: Math.max(0, ids.length - room) };
  }
}
