/** Reading JSON files that a user may have got wrong. */

import fs from "node:fs";
import { UserError } from "../contracts/errors.ts";
import { explainFailure } from "./failures.ts";

/** A JSON object whose fields are yet to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The JSON value in a file.
 *
 * @param what what the file is, for messages: `"the model's configuration"`
 * @throws {UserError} when the file is not there, cannot be read or is not JSON.
 */
export function readJson(path: string, what: string): unknown {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (error) {
    throw explainFailure(error, `read ${what}`, path);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
    throw new UserError(`Cannot read ${what} ${path}: it is not valid JSON (${reason})`);
  }
}

/**
 * The JSON object in a file; otherwise as {@link readJson}.
 *
 * @throws {UserError} also when the file holds another kind of value.
 */
export function readJsonObject(path: string, what: string): JsonObject {
  const value = readJson(path, what);
  if (!isJsonObject(value)) {
    throw new UserError(`Cannot read ${what} ${path}: it should hold a JSON object, { ... }`);
  }
  return value;
}
