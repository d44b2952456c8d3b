/**
 * Reading SentencePiece's `tokenizer.model`: a protocol buffer with the pieces of a vocabulary and
 * how text is normalized before it is cut into them.
 *
 * Field numbers and defaults are those of
 * https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto; fields that
 * only training needs are left out, which the wire format allows.
 */

import fs from "node:fs";
import protobuf from "protobufjs";
import { UserError } from "../../contracts/errors.ts";
import { explainFailure } from "../failures.ts";

const SCHEMA = `
  syntax = "proto2";
  message ModelProto {
    repeated SentencePiece pieces = 1;  optional TrainerSpec trainerSpec = 2;
    optional NormalizerSpec normalizerSpec = 3;  optional NormalizerSpec denormalizerSpec = 5;
  }
  message SentencePiece {
    optional string piece = 1;  optional float score = 2;  optional int32 type = 3 [default = 1];
  }
  message TrainerSpec {
    optional int32 modelType = 3 [default = 1];  optional bool treatWhitespaceAsSuffix = 24;
    optional bool byteFallback = 35;
    optional string bosPiece = 46 [default = "<s>"];
    optional string eosPiece = 47 [default = "</s>"];
    optional string padPiece = 48 [default = "<pad>"];
  }
  message NormalizerSpec {
    optional bytes precompiledCharsmap = 2;  optional bool addDummyPrefix = 3 [default = true];
    optional bool removeExtraWhitespaces = 4 [default = true];
    optional bool escapeWhitespaces = 5 [default = true];
  }
`;

/** What a piece is for, by SentencePiece's numbers. */
export const PIECE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 };

/** Kinds of model, by SentencePiece's numbers. */
const BPE = 2;
const MODEL_TYPES: Readonly<Record<number, string>> = { 1: "unigram", 3: "word", 4: "char" };

/** One entry of the vocabulary; its id is its place in the list. */
export interface Piece {
  readonly piece: string;
  /** Of two neighbouring pairs the one whose union scores higher is merged first. */
  readonly score: number;
  /** One of {@link PIECE}. */
  readonly type: number;
}

/** How text is normalized before it is cut into pieces. */
export interface NormalizerSpec {
  /** Replacements of characters, compiled; empty: none. */
  readonly precompiledCharsmap: Uint8Array;
  /** True when a text gets a space in front. */
  readonly addDummyPrefix: boolean;
  /** True when spaces at both ends are dropped, and of several inside one is kept. */
  readonly removeExtraWhitespaces: boolean;
  /** True when a space becomes "▁". */
  readonly escapeWhitespaces: boolean;
}

/** A byte-pair-encoding model of SentencePiece's. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[];
  readonly ids: ReadonlyMap<string, number>;
  readonly normalizer: NormalizerSpec;
  readonly unknownId: number;
  /** The ids of the 256 bytes, which spell characters that no piece has; `undefined`: none do. */
  readonly byteIds: readonly number[] | undefined;
  /** The control pieces that begin a text, end it and fill up a batch, if there are such. */
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
}

/** A decoded file; what it leaves out has the schema's default. */
interface ModelProto {
  readonly pieces: readonly Piece[];
  readonly trainerSpec: {
    readonly modelType: number;
    readonly treatWhitespaceAsSuffix: boolean;
    readonly byteFallback: boolean;
    readonly bosPiece: string;
    readonly eosPiece: string;
    readonly padPiece: string;
  };
  readonly normalizerSpec: NormalizerSpec;
  readonly denormalizerSpec: NormalizerSpec;
}

const schema = protobuf.parse(SCHEMA, { keepCase: true }).root;
const messageType = (name: string) => schema.lookupType(name);

/**
 * Reads a `tokenizer.model`.
 *
 * @throws {UserError} when the file is missing or broken, or its model is not byte-pair encoding.
 */
export function readSentencePieceModel(path: string): SentencePieceModel {
  const broken = (what: string) => new UserError(`Cannot read the tokenizer ${path}: ${what}`);
  const { pieces, trainerSpec, normalizerSpec, denormalizerSpec } = decode(path);
  if (pieces.length === 0) throw broken("it has no pieces; download it again");
  if (trainerSpec.modelType !== BPE) {
    const type = MODEL_TYPES[trainerSpec.modelType] ?? trainerSpec.modelType;
    throw broken(`its model is ${type}; only byte-pair encoding (BPE) is read`);
  }
  if (trainerSpec.treatWhitespaceAsSuffix) {
    throw broken("it puts spaces after words (treat_whitespace_as_suffix), which is not handled");
  }
  if (denormalizerSpec.precompiledCharsmap.length > 0) {
    throw broken("it rewrites decoded text (denormalizer_spec), which is not handled");
  }
  const ids = new Map<string, number>();
  pieces.forEach(({ piece }, id) => {
    if (piece === "") throw broken(`its piece ${id} is empty; download it again`);
    if (ids.has(piece)) {
      throw broken(`it has the piece ${JSON.stringify(piece)} twice; download it again`);
    }
    ids.set(piece, id);
  });
  const unknownId = pieces.findIndex(({ type }) => type === PIECE.unknown);
  if (unknownId < 0) throw broken("it has no piece for the unknown; download it again");
  const control = (piece: string) => {
    const id = ids.get(piece);
    return id !== undefined && pieces[id]!.type === PIECE.control ? id : undefined;
  };
  return {
    pieces,
    ids,
    normalizer: normalizerSpec,
    unknownId,
    byteIds: trainerSpec.byteFallback
      ? Array.from({ length: 256 }, (_, byte) => {
        const id = ids.get(bytePiece(byte));
        if (id !== undefined && pieces[id]!.type === PIECE.byte) return id;
        throw broken(`it has no piece ${bytePiece(byte)}; download it again`);
      })
      : undefined,
    bosId: control(trainerSpec.bosPiece),
    eosId: control(trainerSpec.eosPiece),
    padId: control(trainerSpec.padPiece),
  };
}

function decode(path: string): ModelProto {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    throw explainFailure(error, "read the tokenizer", path);
  }
  try {
    const decoded = messageType("ModelProto").decode(bytes) as Partial<ModelProto>;
    const defaults = (type: string): unknown => messageType(type).create();
    return {
      pieces: decoded.pieces ?? [],
      trainerSpec: decoded.trainerSpec ?? defaults("TrainerSpec"),
      normalizerSpec: decoded.normalizerSpec ?? defaults("NormalizerSpec"),
      denormalizerSpec: decoded.denormalizerSpec ?? defaults("NormalizerSpec"),
    } as ModelProto;
  } catch {
    throw new UserError(
      `Cannot read the tokenizer ${path}: it is not a SentencePiece model; download it again`,
    );
  }
}

function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
