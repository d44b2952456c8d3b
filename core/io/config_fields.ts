/** Fields of a `config.json`, and what to say of one that is wrong. */

import { z } from "zod";
import { UserError } from "../contracts/errors.ts";
import { type Schema } from "../contracts/schema.ts";

/** A `config.json` whose fields are yet to be checked. */
export type ConfigFields = Readonly<Record<string, unknown>>;

/** A field: what it may hold. */
export interface ConfigField<T = unknown> extends Schema<T> {
  /** The same, or absent. */
  optional(): ConfigField<T | undefined>;
  /** The same, or null. */
  nullable(): ConfigField<T | null>;
  /** The same, or null, or absent. */
  nullish(): ConfigField<T | null | undefined>;
  /** The same, and `value` where it is absent. */
  default(value: T): ConfigField<T>;
}

/** A field that holds a number. */
export interface NumberField extends ConfigField<number> {
  /** The same, and a multiple of `step`. @param message what to do where it is not */
  multipleOf(step: number, message: string): NumberField;
}

/** What a field holds once it was checked. */
export type FieldValue<Field extends Schema> = ReturnType<Field["parse"]>;

const WHOLE = "give a positive whole number";
const POSITIVE = "give a positive number";
const SHARE = "give a number above 0 and up to 1";

/** A size or a count. */
export const size = (): NumberField => z.int(WHOLE).positive(WHOLE);

/** A number above 0. */
export const positive = (): NumberField => z.number(POSITIVE).positive(POSITIVE);

/** A part of a whole, above 0 and up to 1. */
export const share = (): NumberField => z.number(SHARE).positive(SHARE).max(1, SHARE);

/** True or false. @param absent what it is where it is not given */
export const flag = (absent = false): ConfigField<boolean> =>
  z.boolean("give true or false").default(absent);

/** One of a few words. */
export const oneOf = <const Word extends string>(words: readonly Word[]): ConfigField<Word> =>
  z.enum(words, supported(words));

/** One of a few words for each of several things. */
export const listOf = <const Word extends string>(words: readonly Word[]): ConfigField<Word[]> =>
  z.array(z.enum(words, supported(words)), `give a list of ${words.join(", ")}`);

function supported(words: readonly string[]): string {
  return words.length === 1
    ? `only "${words[0]}" is supported`
    : `supported are ${words.join(", ")}`;
}

/** A field as a schema of zod's, to be a part of another. */
export function asZod<T>(schema: Schema<T>): z.ZodType<T> {
  return schema as unknown as z.ZodType<T>;
}

/**
 * The fields that are asked for; others may hold anything. Their messages say what to do, so that one
 * reads `Cannot use a/config.json: "hidden_size" is missing; give a positive ...`.
 *
 * @param fields what each may hold, by name
 * @param source the file, for messages
 * @throws {UserError} naming the first field that is missing, out of range or not supported.
 */
export function readFields<Fields extends Readonly<Record<string, Schema>>>(
  fields: Fields,
  config: ConfigFields,
  source: string,
): { readonly [Name in keyof Fields]: FieldValue<Fields[Name]> } {
  const schema = z.object(fields as unknown as Readonly<Record<string, z.ZodType>>);
  const result = schema.safeParse(config, { reportInput: true });
  if (result.success) return result.data as { [Name in keyof Fields]: FieldValue<Fields[Name]> };
  const { path, input, message } = result.error.issues[0]!;
  const state = input === undefined ? "is missing" : `is ${JSON.stringify(input)}`;
  throw new UserError(`Cannot use ${source}: "${path.join(".")}" ${state}; ${message}`);
}
