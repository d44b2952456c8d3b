/** What Python does with text, where JavaScript does something else. */

/** What Python takes for white space, in the brackets of a regular expression. */
export const PYTHON_SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const LEADING = new RegExp(`^[${PYTHON_SPACE}]+`, "u");
const TRAILING = new RegExp(`[${PYTHON_SPACE}]+$`, "u");
const RUNS = new RegExp(`[${PYTHON_SPACE}]+`, "gu");

/** `text.strip()` */
export function strip(text: string): string {
  return rstrip(text.replace(LEADING, ""));
}

/** `text.rstrip()` */
export function rstrip(text: string): string {
  return text.replace(TRAILING, "");
}

/** `len(text)`: code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** `len(re.split(r"\s+", text))`: pieces between runs of white space, empty ones at the ends too. */
export function piecesBetweenSpace(text: string): number {
  return 1 + (text.match(RUNS)?.length ?? 0);
}

/** `text.capitalize()`: the first code point in upper case, the others in lower case. */
export function capitalize(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

/** `str(value)` of a float or a bool. */
export function pythonText(value: number | boolean): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const text = power < 0
    ? value.toFixed(-power + Math.max(0, digits.replace(/[-.]/g, "").length - 1))
    : String(value);
  return Number.isInteger(value) ? `${text}.0` : text;
}
