/** Fields of a `config.json`, and what to say of one that is wrong. */

import { z } from "zod";
import { UserError } from "../../../core/contracts/mod.ts";

/** A `config.json` whose fields are yet to be checked. */
export type ConfigFields = Readonly<Record<string, unknown>>;

const WHOLE = "give a positive whole number";
const POSITIVE = "give a positive number";

/** A size or a count. */
export const size = () => z.int(WHOLE).positive(WHOLE);

/** A number above 0. */
export const positive = () => z.number(POSITIVE).positive(POSITIVE);

/** True or false; absent is false. */
export const flag = () => z.boolean("give true or false").default(false);

/**
 * The fields that `schema` asks for; others may hold anything. The schema's messages say what to do,
 * so that one reads `Cannot use a/config.json: "hidden_size" is missing; give a positive ...`.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the first field that is missing, out of range or not supported.
 */
export function readFields<Schema extends z.ZodType>(
  schema: Schema,
  config: ConfigFields,
  source: string,
): z.output<Schema> {
  const result = schema.safeParse(config, { reportInput: true });
  if (result.success) return result.data;
  const { path, input, message } = result.error.issues[0]!;
  const state = input === undefined ? "is missing" : `is ${JSON.stringify(input)}`;
  throw new UserError(`Cannot use ${source}: "${path.join(".")}" ${state}; ${message}`);
}
