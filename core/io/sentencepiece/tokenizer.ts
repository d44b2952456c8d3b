/** A tokenizer out of a SentencePiece model: text to pieces and back, with their places. */

import { dirname, join } from "node:path";
import type { JsonObject } from "../json.ts";
import { findSpecialIds, optionalObject, type SpecialIds } from "../special_tokens.ts";
import type { TokenOffsets } from "../token_offsets.ts";
import type { EncodeOptions, Tokenizer } from "../tokenizer.ts";
import { type AddedPiece, AddedTokenCutter, findAddedTokens } from "./added_tokens.ts";
import { Charsmap } from "./charsmap.ts";
import { PieceDecoder } from "./decoder.ts";
import { Merger, type Tokens } from "./merger.ts";
import { PIECE, readSentencePieceModel, type SentencePieceModel } from "./model_file.ts";
import { Normalizer, SPACE } from "./normalizer.ts";
import { PrefixMatcher } from "./prefix_matcher.ts";

/**
 * Reads a `tokenizer.model`, a byte-pair-encoding model of SentencePiece's, with the settings beside
 * it. Ids are those of Hugging Face's slow `LlamaTokenizer` (transformers 4) with the same files:
 *
 * - The beginning, end and unknown tokens, and tokens added in the settings, become themselves where
 *   they are spelled out in a text; other control pieces are text like any other.
 * - Each stretch between them is encoded alone: it gets a dummy space of its own, and spaces at its
 *   ends are dropped where the model drops them. With `"legacy": false` in `tokenizer_config.json`
 *   only the beginning of the text gets a dummy space.
 * - `addSpecial` puts the beginning of sequence in front unless `add_bos_token` is false there, and
 *   the end of sequence behind when `add_eos_token` is true.
 *
 * Decoding gives back what was encoded, as far as the model's normalizer leaves it alone; "▁" reads
 * as a space.
 *
 * @throws {UserError} when a file is missing or broken, or the model is not byte-pair encoding.
 */
export function loadSentencePiece(path: string): Tokenizer {
  const model = readSentencePieceModel(path);
  const settings = optionalObject(join(dirname(path), "tokenizer_config.json")) ?? {};
  const added = findAddedTokens(path, model);
  const idOfAdded = new Map(added.map(({ content, id }) => [content, id]));
  const special = findSpecialIds(
    path,
    (content) => idOfAdded.get(content) ?? model.ids.get(content),
    model,
  );
  return new SentencePieceTokenizer(path, model, settings, added, special);
}

class SentencePieceTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  /** False when only the beginning of a text gets a dummy space. */
  readonly #legacy: boolean;
  /** True when there are dummy spaces at all. */
  readonly #prefixes: boolean;
  /** The piece that is a space and nothing else. */
  readonly #spaceId: number | undefined;
  /** What is put around a text when special tokens are asked for. */
  readonly #front: readonly number[];
  readonly #back: readonly number[];
  readonly #addedIds: ReadonlySet<number>;
  readonly #cutter: AddedTokenCutter;
  readonly #normalizer: Normalizer;
  readonly #merger: Merger;
  readonly #decoder: PieceDecoder;

  constructor(
    path: string,
    model: SentencePieceModel,
    settings: JsonObject,
    added: readonly AddedPiece[],
    { bosId, eosId, padId }: SpecialIds,
  ) {
    this.vocabSize = Math.max(model.pieces.length, ...added.map(({ id }) => id + 1));
    this.bosId = bosId;
    this.eosId = eosId;
    this.padId = padId;
    this.#legacy = settings["legacy"] !== false;
    this.#prefixes = this.#legacy
      ? model.normalizer.addDummyPrefix
      : settings["add_prefix_space"] !== false;
    this.#spaceId = model.ids.get(SPACE);
    const withBos = settings["add_bos_token"] !== false && bosId !== undefined;
    const withEos = settings["add_eos_token"] === true && eosId !== undefined;
    this.#front = withBos ? [bosId] : [];
    this.#back = withEos ? [eosId] : [];
    this.#addedIds = new Set(added.map(({ id }) => id));
    this.#cutter = new AddedTokenCutter(added);
    const { precompiledCharsmap: compiled } = model.normalizer;
    const charsmap = compiled.length > 0 ? new Charsmap(compiled, path) : undefined;
    const userDefined = new PrefixMatcher(
      model.pieces.filter(({ type }) => type === PIECE.userDefined).map(({ piece }) => piece),
    );
    this.#normalizer = new Normalizer(model.normalizer, charsmap, userDefined);
    this.#merger = new Merger(model, userDefined);
    this.#decoder = new PieceDecoder(model, added, {
      atStart: this.#prefixes,
      afterAdded: this.#prefixes && this.#legacy,
    });
  }

  encode(
    text: string,
    { addSpecial = false, literal = false }: EncodeOptions = {},
  ): Int32Array<ArrayBuffer> {
    const { ids } = this.#tokens(text, literal);
    return Int32Array.from(addSpecial ? [...this.#front, ...ids, ...this.#back] : ids);
  }

  decode(ids: ArrayLike<number>, options?: { readonly keepSpecial?: boolean }): string {
    return this.#decoder.decode(ids, options?.keepSpecial === true);
  }

  offsets(text: string, ids: ArrayLike<number>): TokenOffsets {
    const tokens = this.#tokens(text, false);
    const starts = new Int32Array(ids.length);
    const ends = new Int32Array(ids.length);
    let next = 0;
    let end = 0;
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] === tokens.ids[next]) {
        starts[i] = tokens.starts[next]!;
        ends[i] = end = tokens.ends[next]!;
        next++;
      } else if (this.#addedIds.has(ids[i]!)) {
        starts[i] = ends[i] = end;
      } else {
        throw new RangeError(
          `Cannot place token ${i} (id ${ids[i]}) at offset ${end}: ` +
            "these ids are not an encoding of this text",
        );
      }
    }
    return { starts, ends };
  }

  /** The tokens of a text and where in it they came from; `literal`: added tokens are text. */
  #tokens(original: string, literal: boolean): Tokens {
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    // Llama's newer tokenizers write the dummy space themselves, and take any other "▁" for a space.
    const lead = this.#legacy || !this.#prefixes || original === "" ? "" : SPACE;
    const text = this.#legacy ? original : lead + original.replaceAll(SPACE, " ");
    const append = (id: number, start: number, end: number) => {
      ids.push(id);
      starts.push(Math.max(0, start - lead.length));
      ends.push(Math.max(0, end - lead.length));
    };
    const whole = { start: 0, end: text.length, added: undefined };
    for (const { start, end, added } of literal ? [whole] : this.#cutter.cut(text)) {
      if (added === undefined) {
        this.#encodeStretch(text.slice(start, end), start, append);
      } else {
        // Nor do they leave a space alone in front of a special token that begins the text.
        const lone = ids.length === 1 && ids[0] === this.#spaceId;
        if (!this.#legacy && added.special && lone) [ids, starts, ends].forEach((all) => all.pop());
        append(added.id, start, end);
      }
    }
    return { ids, starts, ends };
  }

  /** Appends the tokens of what stands at `offset`, between added tokens. */
  #encodeStretch(
    stretch: string,
    offset: number,
    append: (id: number, start: number, end: number) => void,
  ): void {
    const { text, starts, ends } = this.#normalizer.normalize(stretch.toWellFormed(), {
      prefix: this.#legacy && this.#prefixes,
      keepLeading: !this.#legacy && (stretch.startsWith(SPACE) || stretch.startsWith(" ")),
    });
    const tokens = this.#merger.encode(text);
    tokens.ids.forEach((id, i) => {
      append(id, offset + starts[tokens.starts[i]!]!, offset + ends[tokens.ends[i]! - 1]!);
    });
  }
}
