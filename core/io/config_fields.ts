/** Fields of a `config.json`, and what to say of one that is wrong. */

import { z } from "zod";
import { UserError } from "../contracts/errors.ts";

/** A `config.json` whose fields are yet to be checked. */
export type ConfigFields = Readonly<Record<string, unknown>>;

/** A field: what it may hold. It can be made optional: `size().nullish()`, `positive().default(1)`. */
export type ConfigField<T = unknown> = z.ZodType<T>;

const WHOLE = "give a positive whole number";
const POSITIVE = "give a positive number";
const SHARE = "give a number above 0 and up to 1";

/** A size or a count. */
export const size = (): z.ZodInt => z.int(WHOLE).positive(WHOLE);

/** A number above 0. */
export const positive = (): z.ZodNumber => z.number(POSITIVE).positive(POSITIVE);

/** A part of a whole, above 0 and up to 1. */
export const share = (): z.ZodNumber => z.number(SHARE).positive(SHARE).max(1, SHARE);

/** True or false. @param absent what it is where it is not given */
export const flag = (absent = false): z.ZodDefault<z.ZodBoolean> =>
  z.boolean("give true or false").default(absent);

/** One of a few words. */
export const oneOf = <const Word extends string>(
  words: readonly Word[],
): z.ZodEnum<{ [W in Word]: W }> =>
  z.enum(
    words,
    words.length === 1 ? `only "${words[0]}" is supported` : `supported are ${words.join(", ")}`,
  ) as z.ZodEnum<{ [W in Word]: W }>;

/** One of a few words for each of several things. */
export const listOf = <const Word extends string>(
  words: readonly Word[],
): z.ZodArray<z.ZodEnum<{ [W in Word]: W }>> =>
  z.array(oneOf(words), `give a list of ${words.join(", ")}`);

/**
 * The fields that are asked for; others may hold anything. Their messages say what to do, so that one
 * reads `Cannot use a/config.json: "hidden_size" is missing; give a positive ...`.
 *
 * @param fields what each may hold, by name
 * @param source the file, for messages
 * @throws {UserError} naming the first field that is missing, out of range or not supported.
 */
export function readFields<Fields extends Readonly<Record<string, ConfigField>>>(
  fields: Fields,
  config: ConfigFields,
  source: string,
): { readonly [Name in keyof Fields]: z.output<Fields[Name]> } {
  const result = z.object(fields).safeParse(config, { reportInput: true });
  if (result.success) return result.data as { [Name in keyof Fields]: z.output<Fields[Name]> };
  const { path, input, message } = result.error.issues[0]!;
  const state = input === undefined ? "is missing" : `is ${JSON.stringify(input)}`;
  throw new UserError(`Cannot use ${source}: "${path.join(".")}" ${state}; ${message}`);
}
