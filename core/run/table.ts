/** Plain-text tables for terminals: aligned by what is seen, not by the number of code units. */

/** What a cell may hold; `undefined` and `null` show as a dash. */
export type Cell = string | number | null | undefined;

/** One column of a table. */
export interface Column {
  readonly title: string;
  /** Decimals of numbers; default: as many as JavaScript prints. */
  readonly digits?: number;
  /** Default: numbers to the right, and everything else to the left. */
  readonly align?: "left" | "right";
}

const ABSENT = "–";
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Characters that terminals draw two columns wide: East Asian scripts, full-width forms, emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Emoji}\u{fe0f}|[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{33ff}\u{3400}-\u{4dbf}\u{4e00}-\u{9fff}\u{a000}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}])/u;

/** Columns that a terminal takes to draw `text`; combining marks take none of their own. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

function show(cell: Cell, digits: number | undefined): string {
  if (cell === undefined || cell === null) return ABSENT;
  if (typeof cell === "string") return cell;
  return digits === undefined ? String(cell) : cell.toFixed(digits);
}

function pad(text: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? space + text : text + space;
}

/**
 * A table with a line under its titles, columns two spaces apart, without trailing spaces.
 *
 * @throws {RangeError} when a row has more or fewer cells than there are columns.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): string {
  for (const row of rows) {
    if (row.length !== columns.length) {
      throw new RangeError(
        `Cannot format a table: a row has ${row.length} cells for ${columns.length} columns`,
      );
    }
  }
  const shown = columns.map((column, index) => {
    const cells = rows.map((row) => row[index]);
    const texts = cells.map((cell) => show(cell, column.digits));
    // Text in one cell, such as "none" among numbers, does not turn the column around.
    const numeric = cells.some((cell) => typeof cell === "number");
    return {
      title: column.title,
      texts,
      align: column.align ?? (numeric ? "right" : "left"),
      width: Math.max(...[column.title, ...texts].map(displayWidth)),
    };
  });
  const line = (pick: (column: (typeof shown)[number]) => string) =>
    shown.map((column) => pad(pick(column), column.width, column.align)).join("  ").trimEnd();
  return [
    line(({ title }) => title),
    shown.map(({ width }) => "─".repeat(width)).join("  "),
    ...rows.map((_, index) => line(({ texts }) => texts[index]!)),
  ].join("\n");
}
