/** Pieces back to text. */

import type { AddedPiece } from "./added_tokens.ts";
import { PIECE, type SentencePieceModel } from "./model_file.ts";
import { SPACE } from "./normalizer.ts";

/** Where encoding put dummy spaces, which decoding takes away again. */
export interface DummySpaces {
  /** True when there is one in front. */
  readonly atStart: boolean;
  /** True when there is one after every added token. */
  readonly afterAdded: boolean;
}

/** Turns ids into text. */
export class PieceDecoder {
  readonly #model: SentencePieceModel;
  readonly #spaces: DummySpaces;
  /** The tokens that stand for no text, or for one that is not made of pieces. */
  readonly #added: ReadonlyMap<number, Pick<AddedPiece, "content" | "special">>;
  readonly #byteOf: ReadonlyMap<number, number>;

  constructor(model: SentencePieceModel, added: readonly AddedPiece[], spaces: DummySpaces) {
    this.#model = model;
    this.#spaces = spaces;
    this.#byteOf = new Map(model.byteIds?.map((id, byte) => [id, byte]));
    const control = model.pieces.flatMap(({ piece: content, type }, id) =>
      type === PIECE.control || type === PIECE.unknown ? [{ id, content, special: true }] : []
    );
    this.#added = new Map([...control, ...added].map((token) => [token.id, token]));
  }

  /** The text of `ids`; ids that the model does not have are taken for the unknown token. */
  decode(ids: ArrayLike<number>, keepSpecial: boolean): string {
    const { pieces, unknownId, normalizer: { removeExtraWhitespaces } } = this.#model;
    let text = "";
    let bytes: number[] = [];
    let dropsSpace = this.#spaces.atStart || removeExtraWhitespaces;
    for (let i = 0; i < ids.length; i++) {
      const known = ids[i]! in pieces || this.#added.has(ids[i]!);
      const id = known ? ids[i]! : unknownId;
      const added = this.#added.get(id);
      const byte = this.#byteOf.get(id);
      if (added === undefined && byte !== undefined) {
        bytes.push(byte);
        dropsSpace = false;
        continue;
      }
      text += decodeBytes(bytes);
      bytes = [];
      if (added !== undefined) {
        if (added.special && !keepSpecial) continue;
        text += added.content;
        dropsSpace = this.#spaces.afterAdded;
        continue;
      }
      const { piece } = pieces[id]!;
      const rest = dropsSpace && piece.startsWith(SPACE) ? piece.slice(1) : piece;
      // Where extra spaces are dropped, all of those in front are extra.
      dropsSpace &&= removeExtraWhitespaces && rest === "";
      text += rest.replaceAll(SPACE, " ");
    }
    return text + decodeBytes(bytes);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The characters of bytes; each byte that belongs to none is U+FFFD, as in SentencePiece. */
function decodeBytes(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!;
    const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    try {
      text += decoder.decode(Uint8Array.from(bytes.slice(at, at + length)));
      at += length;
    } catch {
      text += "\ufffd";
      at++;
    }
  }
  return text;
}
