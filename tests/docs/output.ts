/** Comparing what a command printed with what a document shows. */

/**
 * The shown lines that were not printed, in their order: numbers may be others, and so may the space
 * between words. A line of dots stands for any lines.
 */
export function missingIn(shown: string, printed: string): string[] {
  const lines = printed.split("\n").map((line) => line.trim());
  let from = 0;
  return shown.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !/^(…|\.\.\.)$/.test(line))
    .filter((line) => {
      const pattern = asPattern(line);
      const at = lines.findIndex((other, i) => i >= from && pattern.test(other));
      if (at < 0) return true;
      from = at + 1;
      return false;
    });
}

/** A line as a pattern: any number for a number, any space for a space, rules of any length. */
export function asPattern(line: string): RegExp {
  const NUMBER = /\d+(?:[.,]\d+)*(?:e[+-]?\d+)?/;
  const parts = line.split(new RegExp(`(${NUMBER.source}|\\s+|─+)`));
  const source = parts.map((part) => {
    if (/^\s+$/.test(part)) return "\\s+";
    if (/^─+$/.test(part)) return "─+";
    if (new RegExp(`^${NUMBER.source}$`).test(part)) return NUMBER.source;
    return part.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  });
  return new RegExp(`^${source.join("")}$`);
}
