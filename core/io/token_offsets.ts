/**
 * Where in a text each of its tokens came from.
 *
 * A tokenizer rewrites the text (spaces become "▁", a dummy one is put in front, letters are
 * composed) and cuts the result, as UTF-8 bytes in the end, into tokens. The bytes of the tokens in
 * order are therefore the bytes of the rewritten text, and walking along both at once gives every
 * token's place; nothing is guessed from the decoded strings. This needs a rewriting that works
 * character by character, as those of decoder models do; any other is refused.
 */

import { UserError } from "../contracts/errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** Places of tokens in a text, in UTF-16 code units, as strings are indexed. */
export interface TokenOffsets {
  /** Offset of the first character of each token. */
  readonly starts: Int32Array<ArrayBuffer>;
  /** Offset after the last character of each token; equal to the start for a token of no text. */
  readonly ends: Int32Array<ArrayBuffer>;
}

/** A token that is looked for in the text before anything else, such as `</s>`. */
export interface AddedToken {
  readonly content: string;
  /** True when white space before it is swallowed. */
  readonly lstrip: boolean;
  /** True when white space after it is swallowed. */
  readonly rstrip: boolean;
}

/** How a tokenizer rewrites text before it is cut. */
export interface Rewriting {
  /** Characters that become others: `" "` to `"▁"`. */
  readonly replace: ReadonlyMap<string, string>;
  /** Unicode normalization form, if any. */
  readonly form: string | undefined;
  /** What is put in front of every stretch between added tokens; `""`: nothing. */
  readonly prefix: string;
  /** True when the prefix is left out where the stretch already starts with it. */
  readonly prefixOnce: boolean;
  /** True when only a stretch at the very beginning gets the prefix. */
  readonly prefixFirstOnly: boolean;
}

/** What {@link alignTokens} must know of a tokenizer. */
export interface TokenTable {
  readonly rewriting: Rewriting;
  readonly added: ReadonlyMap<number, AddedToken>;
  /** The bytes that a token stands for in the rewritten text; `undefined` for an unknown piece. */
  bytesOf(id: number): Uint8Array | undefined;
  /** True when this character has no token and shares the unknown token of the one before it. */
  joinsUnknown(character: string): boolean;
}

/** The rewriting that a `tokenizer.json` describes, or the name of a part that is not handled. */
export function rewritingOf(normalizer: unknown, preTokenizer: unknown): Rewriting | string {
  const replace = new Map<string, string>();
  let form: string | undefined;
  let prefix = "";
  let prefixOnce = false;
  let prefixFirstOnly = false;
  const normalizers = steps(normalizer, "normalizers");
  for (const step of normalizers) {
    const pattern = isJsonObject(step["pattern"]) ? step["pattern"]["String"] : undefined;
    if (step["type"] === "Prepend") {
      prefix = String(step["prepend"]);
    } else if (step["type"] === "Replace" && typeof pattern === "string" && isOneOf(pattern)) {
      replace.set(pattern, String(step["content"]));
    } else if (["NFC", "NFD", "NFKC", "NFKD"].includes(String(step["type"]))) {
      form = String(step["type"]);
    } else {
      return `normalizer ${step["type"]}`;
    }
  }
  const cutters = steps(preTokenizer, "pretokenizers");
  for (const step of cutters) {
    switch (step["type"]) {
      case "Metaspace": {
        const scheme = step["prepend_scheme"] ?? "always";
        const mark = String(step["replacement"] ?? "▁");
        replace.set(" ", mark);
        if (scheme !== "never") prefix = mark;
        prefixOnce = true;
        prefixFirstOnly = scheme === "first";
        break;
      }
      case "ByteLevel":
        if (step["add_prefix_space"] !== true) break;
        if (cutters.length > 1) return "pre-tokenizer ByteLevel with add_prefix_space after others";
        prefix = " ";
        prefixOnce = true;
        break;
      case "Split":
      case "Digits":
        if (step["behavior"] === "Removed" || step["invert"] === true) {
          return `pre-tokenizer ${step["type"]} that removes text`;
        }
        break;
      default:
        return `pre-tokenizer ${step["type"]}`;
    }
  }
  return { replace, form, prefix, prefixOnce, prefixFirstOnly };
}

function steps(part: unknown, list: string): readonly JsonObject[] {
  if (!isJsonObject(part)) return [];
  if (part["type"] !== "Sequence") return [part];
  return (part[list] as readonly unknown[]).flatMap((step) => steps(step, list));
}

function isOneOf(pattern: string): boolean {
  return [...pattern].length === 1;
}

/**
 * The place of every token of `ids`, an encoding of `text`.
 *
 * A token that holds only some bytes of a character has the place of the whole character. The dummy
 * prefix, and special tokens that the encoding added (a beginning of sequence), have no width.
 *
 * @throws {RangeError} when `ids` is not an encoding of `text`.
 */
export function alignTokens(
  text: string,
  ids: ArrayLike<number>,
  table: TokenTable,
): TokenOffsets {
  const starts = new Int32Array(ids.length);
  const ends = new Int32Array(ids.length);
  const reader = new RewrittenText(text, table.rewriting);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    const added = table.added.get(id);
    const bytes = table.bytesOf(id);
    if (added !== undefined && reader.takeAdded(added)) {
      // Its place is what the reader has just passed.
    } else if (bytes === undefined) {
      reader.takeUnknown((character) => table.joinsUnknown(character));
    } else if (added !== undefined) {
      reader.takeNothing();
    } else if (!reader.take(bytes)) {
      throw new RangeError(
        `Cannot place token ${i} (id ${id}) at offset ${reader.start}: ` +
          "these ids are not an encoding of this text",
      );
    }
    starts[i] = reader.start;
    ends[i] = reader.end;
  }
  return { starts, ends };
}

/** A walk along a text and its rewritten bytes at once. */
class RewrittenText {
  /** The place of what was taken last. */
  start = 0;
  end = 0;
  readonly #text: string;
  readonly #rewriting: Rewriting;
  readonly #encoder = new TextEncoder();
  /** Whether any character changes under the normalization form: most texts are left alone. */
  readonly #composes: boolean;
  /** The rewritten bytes of ASCII characters, which are most of most texts, once they are known. */
  readonly #ascii: Uint8Array<ArrayBuffer>[] = [];
  /** The first character of the text that has not been rewritten yet. */
  #next = 0;
  #atSectionStart = true;
  /** The rewritten bytes of the current character, how many were taken, and its place. */
  #bytes = new Uint8Array(0);
  #taken = 0;
  #from = 0;
  #to = 0;

  constructor(text: string, rewriting: Rewriting) {
    this.#text = text;
    this.#rewriting = rewriting;
    this.#composes = rewriting.form !== undefined && text.normalize(rewriting.form) !== text;
  }

  /** Takes a token's bytes; false when they are not what comes next. */
  take(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) {
      if (this.#taken === this.#bytes.length && !this.#advance()) return false;
      if (this.#bytes[this.#taken] !== bytes[i]) return false;
      if (i === 0) this.start = this.#from;
      this.#taken++;
    }
    this.end = this.#to;
    return true;
  }

  /** Takes an added token that is spelled out in the text; false when it is not there. */
  takeAdded({ content, lstrip, rstrip }: AddedToken): boolean {
    const at = lstrip ? this.#skipSpace(this.#next) : this.#next;
    if (!this.#text.startsWith(content, at)) return false;
    this.start = at;
    this.end = at + content.length;
    this.#next = rstrip ? this.#skipSpace(this.end) : this.end;
    this.#atSectionStart = true;
    return true;
  }

  /** Takes a character that has no token, and those that share its unknown token. */
  takeUnknown(joins: (character: string) => boolean): void {
    this.start = this.end = this.#next;
    while (this.#next < this.#text.length) {
      const character = String.fromCodePoint(this.#text.codePointAt(this.#next)!);
      if (this.end > this.start && !joins(character)) break;
      this.#next += character.length;
      this.end = this.#next;
    }
    this.#atSectionStart = false;
  }

  /** Takes a token that stands for no text. */
  takeNothing(): void {
    this.start = this.end = this.#next;
  }

  #skipSpace(at: number): number {
    while (at < this.#text.length && /\s/.test(this.#text[at]!)) at++;
    return at;
  }

  /** Rewrites the next character, or the prefix; false at the end of the text. */
  #advance(): boolean {
    const at = this.#next;
    if (at >= this.#text.length) return false;
    this.#taken = 0;
    this.#from = at;
    if (this.#atSectionStart) {
      this.#atSectionStart = false;
      const { prefix, prefixOnce, prefixFirstOnly } = this.#rewriting;
      const here = prefix !== "" && !(prefixFirstOnly && at > 0) &&
        !(prefixOnce && this.#rewrite(this.#characterAt(at)).startsWith(prefix));
      if (here) {
        this.#to = at;
        this.#bytes = this.#encoder.encode(prefix);
        return true;
      }
    }
    const code = this.#text.charCodeAt(at);
    if (code < 0x80 && !this.#composes) {
      this.#next = this.#to = at + 1;
      this.#bytes = this.#ascii[code] ??= this.#encoder.encode(
        this.#rewrite(String.fromCharCode(code)),
      );
      return true;
    }
    const character = this.#characterAt(at);
    this.#next = this.#to = at + character.length;
    this.#bytes = this.#encoder.encode(this.#rewrite(character));
    return true;
  }

  /** One code point, or where letters are composed, one with the marks that follow it. */
  #characterAt(at: number): string {
    if (!this.#composes) return String.fromCodePoint(this.#text.codePointAt(at)!);
    const cluster = /[^][\p{M}\u1160-\u11ff]*/uy;
    cluster.lastIndex = at;
    return cluster.exec(this.#text)![0];
  }

  #rewrite(character: string): string {
    const replaced = this.#rewriting.replace.get(character) ?? character;
    return this.#composes ? replaced.normalize(this.#rewriting.form) : replaced;
  }
}

/** Throws what a tokenizer whose rewriting is not handled must answer. */
export function refuseOffsets(path: string, part: string): never {
  throw new UserError(
    `Cannot label the tokens of ${path} by their place in the text: its ${part} is not handled; ` +
      "use text without labels or another tokenizer",
  );
}
