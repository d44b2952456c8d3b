/** What values of plugins may have to be. */

/** Some text. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** A list of texts, which may be empty ones. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

/** A whole number that is not below `least`. */
export function isCount(value: unknown, least = 0): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least;
}

/** An object with keys, such as a row of a table. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
