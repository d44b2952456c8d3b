// deno-lint-ignore-file camelcase -- the keys are those of the tokenizer.json format
/**
 * Training a byte-level byte-pair-encoding vocabulary, in Hugging Face's `tokenizer.json` format.
 *
 * Text is cut into words, words into bytes, and the most frequent pair of neighbours inside words
 * becomes a new token, again and again (Sennrich et al., 2016; over bytes as in GPT-2, Radford et
 * al., 2019). Since all 256 bytes are tokens, any text can be encoded and comes back unchanged.
 *
 * Two choices help small models: every digit is a token of its own, so that sums line up, and the
 * space before a word or a number belongs to its first token.
 */

import { UserError } from "../contracts/errors.ts";

/** The token that ends each document; it is also the beginning-of-text token. Its id is 0. */
export const END_OF_TEXT = "<|endoftext|>";

/** How to train a vocabulary. */
export interface BpeOptions {
  /** Tokens in all, with the special tokens and the 256 bytes. */
  readonly vocabularySize: number;
  /** Tokens that stand for no text; they get the first ids. Default: {@link END_OF_TEXT} only. */
  readonly specialTokens?: readonly string[];
}

/** A special token as `tokenizer.json` lists it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** The settings of the byte-level alphabet. */
export interface ByteLevelJson {
  readonly type: "ByteLevel";
  readonly add_prefix_space: boolean;
  readonly trim_offsets: boolean;
  readonly use_regex: boolean;
}

/** The parts of `tokenizer.json` that a byte-level vocabulary needs, under the format's own names. */
export interface TokenizerJson {
  readonly version: "1.0";
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: null;
  readonly pre_tokenizer: {
    readonly type: "Sequence";
    readonly pretokenizers: readonly [
      {
        readonly type: "Split";
        readonly pattern: { readonly Regex: string };
        readonly behavior: "Isolated";
        readonly invert: boolean;
      },
      ByteLevelJson,
    ];
  };
  readonly post_processor: null;
  readonly decoder: ByteLevelJson;
  readonly model: {
    readonly type: "BPE";
    readonly dropout: null;
    readonly unk_token: null;
    readonly continuing_subword_prefix: null;
    readonly end_of_word_suffix: null;
    readonly fuse_unk: boolean;
    readonly byte_fallback: boolean;
    readonly ignore_merges: boolean;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

/** White space spelled out: regular-expression engines disagree about what `\s` holds. */
const WHITE = "\\t\\n\\x0B\\f\\r\\p{Z}";

/**
 * Where words end: English contractions; letters, or one digit, or other signs, each with a space
 * before; white space, of which the last space stays for the word that follows.
 */
const WORD_PATTERN = `'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+| ?\\p{N}| ?[^${WHITE}\\p{L}\\p{N}]+|` +
  `[${WHITE}]+(?![^${WHITE}])|[${WHITE}]+`;

/**
 * A printable character for each of the 256 bytes, as GPT-2 has it: printable Latin-1 characters
 * stand for themselves, the other bytes for the characters from U+0100 on.
 */
export function byteAlphabet(): readonly string[] {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCharCode(printable(byte) ? byte : next++),
  );
}

/** A word of the training text: its tokens so far and how often it occurs. */
interface TrainingWord {
  tokens: number[];
  readonly count: number;
}

/** How often each word occurs, in order of first occurrence. */
function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  const pattern = new RegExp(WORD_PATTERN, "gu");
  for (const text of texts) {
    for (const [word] of text.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** Frequencies of neighbouring tokens, kept up to date while pairs are merged. */
class PairCounts {
  /** Occurrences of each pair, by its key. */
  readonly #counts = new Map<number, number>();
  /** Words that hold or once held the pair. */
  readonly #words = new Map<number, Set<TrainingWord>>();

  /** One number for two token ids (below 2^26 each); comparing keys compares pairs. */
  static key(left: number, right: number): number {
    return left * 2 ** 26 + right;
  }

  /** Counts the pairs of a word `sign` times more. */
  add(word: TrainingWord, sign: 1 | -1): void {
    const { tokens, count } = word;
    for (let i = 1; i < tokens.length; i++) {
      const key = PairCounts.key(tokens[i - 1]!, tokens[i]!);
      const total = (this.#counts.get(key) ?? 0) + sign * count;
      if (total > 0) this.#counts.set(key, total);
      else this.#counts.delete(key);
      if (sign < 0) continue;
      const holders = this.#words.get(key);
      if (holders === undefined) this.#words.set(key, new Set([word]));
      else holders.add(word);
    }
  }

  /** The most frequent pair; of equals the one with the smaller ids. */
  best(): { readonly left: number; readonly right: number } | undefined {
    let best = -1;
    let bestCount = 0;
    for (const [key, count] of this.#counts) {
      if (count > bestCount || (count === bestCount && key < best)) {
        best = key;
        bestCount = count;
      }
    }
    return best < 0 ? undefined : { left: Math.floor(best / 2 ** 26), right: best % 2 ** 26 };
  }

  /** Replaces the pair by `merged` wherever it occurs. */
  merge(left: number, right: number, merged: number): void {
    const key = PairCounts.key(left, right);
    for (const word of this.#words.get(key) ?? []) {
      this.add(word, -1);
      word.tokens = mergePair(word.tokens, left, right, merged);
      this.add(word, 1);
    }
    this.#words.delete(key);
    this.#counts.delete(key);
  }
}

function mergePair(tokens: readonly number[], left: number, right: number, merged: number) {
  const result: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === left && tokens[i + 1] === right) {
      result.push(merged);
      i++;
    } else result.push(tokens[i]!);
  }
  return result;
}

/**
 * Trains a byte-level BPE vocabulary on `texts`.
 *
 * Ids: special tokens, then the 256 bytes in the order of their characters, then the merges in the
 * order they were learned, which is deterministic. Each merge looks through all pairs, so this
 * is meant for vocabularies of a few thousand tokens: 1,024 from 2 MB take about a second.
 *
 * @returns the object to write as `tokenizer.json`; it can be smaller than asked for where the text
 * has no more pairs to merge
 * @throws {UserError} if the size has no room for the bytes, a special token comes twice or the text
 * is empty
 */
export function trainByteLevelBpe(texts: Iterable<string>, options: BpeOptions): TokenizerJson {
  const { vocabularySize, specialTokens = [END_OF_TEXT] } = options;
  const smallest = specialTokens.length + 256;
  if (!Number.isSafeInteger(vocabularySize) || vocabularySize < smallest) {
    throw new UserError(
      `Cannot train a vocabulary of ${vocabularySize} tokens: give a whole number of at least ` +
        `${smallest}, which is the 256 bytes and ${specialTokens.length} special tokens`,
    );
  }
  const twice = specialTokens.find((token, index) => specialTokens.indexOf(token) !== index);
  if (twice !== undefined) {
    throw new UserError(
      `Cannot train a vocabulary: the special token "${twice}" is given twice; name it once`,
    );
  }

  const characters = byteAlphabet();
  const tokens = [...specialTokens, ...[...characters].sort()];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const byteId = characters.map((character) => idOf.get(character)!);
  const encoder = new TextEncoder();
  const pairs = new PairCounts();
  const counts = countWords(texts);
  if (counts.size === 0) {
    throw new UserError("Cannot train a vocabulary: the text is empty; give at least one word");
  }
  for (const [word, count] of counts) {
    pairs.add({ tokens: Array.from(encoder.encode(word), (byte) => byteId[byte]!), count }, 1);
  }

  const merges: [string, string][] = [];
  while (tokens.length < vocabularySize) {
    const pair = pairs.best();
    if (pair === undefined) break;
    const left = tokens[pair.left]!;
    const right = tokens[pair.right]!;
    // Two ways of merging can spell one token, which then keeps its first id.
    const merged = idOf.get(left + right) ?? tokens.push(left + right) - 1;
    idOf.set(left + right, merged);
    pairs.merge(pair.left, pair.right, merged);
    merges.push([left, right]);
  }
  return tokenizerJson(tokens, specialTokens.length, merges);
}

function tokenizerJson(
  tokens: readonly string[],
  specials: number,
  merges: readonly (readonly [string, string])[],
): TokenizerJson {
  const byteLevel: ByteLevelJson = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: false,
  };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: tokens.slice(0, specials).map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: WORD_PATTERN }, behavior: "Isolated", invert: false },
        byteLevel,
      ],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** The `tokenizer_config.json` that goes with {@link trainByteLevelBpe}'s default special token. */
export function byteLevelTokenizerConfig(): Readonly<Record<string, unknown>> {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: END_OF_TEXT,
    eos_token: END_OF_TEXT,
    add_bos_token: false,
    add_eos_token: false,
    // Cleaning up would move spaces, and decoding would no longer give the text back.
    clean_up_tokenization_spaces: false,
  };
}
