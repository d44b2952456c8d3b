/** What figures of a column's width share: their frame, their widths, and how series look. */

import type { TopLevelSpec } from "vega-lite";
import { COLOURS, COLUMN_THEME, COLUMN_WIDTH } from "./theme.ts";

/** What a figure says of itself. */
export interface Caption {
  readonly title: string;
  /** What a reader must know beside the axes: seeds, intervals, what was left out. */
  readonly subtitle?: string | undefined;
}

/** An axis in words. */
export interface AxisWords {
  /** What it measures, with the unit. */
  readonly title: string;
  /** How its numbers are written, as d3-format has it: `.0%`. */
  readonly format?: string | undefined;
}

/** Letters of a line of the title, and of the subtitle, that fit the column. */
const TITLE_LETTERS = 51;
const SUBTITLE_LETTERS = 75;

/** Width of a letter of an axis' title. */
const AXIS_LETTER = 4.9;

/** Room for the numbers of a vertical axis. */
const NUMBER_ROOM = 26;

/** Room for its title, too. */
export const AXIS_ROOM = NUMBER_ROOM + 20;

/** Room to the right of panels, into which the last number of an axis may stand. */
const RIGHT_ROOM = 14;

/** Width of a panel that has `room` for labels on its left, beside the edges. */
export function panelWidth(room: number, panels = 1, gap = 0): number {
  return Math.floor((COLUMN_WIDTH - room - RIGHT_ROOM - gap * (panels - 1)) / panels);
}

/** A whole figure of a column's width. */
export function columnFigure({ title, subtitle }: Caption, content: object): TopLevelSpec {
  return {
    title: {
      text: wrapped(title, TITLE_LETTERS),
      ...(subtitle === undefined ? {} : { subtitle: wrapped(subtitle, SUBTITLE_LETTERS) }),
    },
    ...content,
    config: COLUMN_THEME,
    // The types of composed figures are too deep for the compiler to match with content in parts.
  } as unknown as TopLevelSpec;
}

/** Lines of at most `letters`, broken between words. */
export function wrapped(text: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** The title of an axis of this width, in as many lines as it needs. */
export function axisTitle(title: string, width: number): string | string[] {
  const lines = wrapped(title, Math.floor(width / AXIS_LETTER));
  return lines.length === 1 ? title : lines;
}

/** A vertical axis whose panels begin at the same place. */
export function leftAxis({ title, format }: AxisWords): object {
  return {
    title,
    minExtent: NUMBER_ROOM,
    maxExtent: NUMBER_ROOM,
    ...(format === undefined ? {} : { format }),
  };
}

/** What others are compared with. */
const GREY = "#888888";

/** Colours first, then dashes: so many series can be told apart. */
const DASHES: readonly (readonly number[])[] = [[1, 0], [5, 2], [1.5, 1.5]];
const SHAPES: readonly string[] = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
];

/**
 * How series look: a colour, a dash and a shape each, the same in all figures that are given the same
 * `all`. More than seven share colours, and differ in dash or shape.
 *
 * @param present those that the legend names
 * @param neutral the one that others are compared with: grey
 */
export function seriesLook(
  present: readonly string[],
  all: readonly string[] = present,
  neutral?: string,
) {
  const named = new Set([...all, ...present].filter((name) => name !== neutral));
  const names = [...named, ...neutral === undefined ? [] : [neutral]];
  const colours = Object.values(COLOURS);
  const range = <T>(of: (index: number) => T, ofNeutral: T) => ({
    domain: names,
    range: names.map((name, i) => name === neutral ? ofNeutral : of(i)),
  });
  const values = names.filter((name) => present.includes(name));
  const legend = { title: null, values, symbolOpacity: 1, columns: legendColumns(values) };
  const encoded = { field: "series", type: "nominal" } as const;
  const dashAt = (i: number) => DASHES[Math.floor(i / colours.length) % DASHES.length]!;
  return {
    colour: { ...encoded, scale: range((i) => colours[i % colours.length]!, GREY), legend },
    dash: { ...encoded, scale: range(dashAt, DASHES[0]), legend },
    shape: { ...encoded, scale: range((i) => SHAPES[i % SHAPES.length]!, "circle"), legend },
  };
}

/** As many columns as the longest name leaves room for. */
function legendColumns(names: readonly string[]): number {
  const longest = Math.max(...names.map((name) => name.length));
  return Math.max(1, Math.min(4, Math.floor((COLUMN_WIDTH - AXIS_ROOM) / (longest * 4.9 + 26))));
}

/**
 * What a scale reaches over where all values are one, which would leave it nothing: a twentieth to
 * either side. Nothing otherwise.
 */
export function roomAround(values: readonly number[]): { domain?: [number, number] } {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low < high || values.length === 0) return {};
  const room = Math.abs(low) / 20 || 1;
  return { domain: [low - room, low + room] };
}

/** A line on which both axes say the same, from `low` to `high`. */
export function diagonal(low: number, high: number): object {
  return {
    data: { values: [{ a: low }, { a: high }] },
    mark: { type: "line", strokeDash: [4, 4], strokeWidth: 1, color: GREY },
    encoding: {
      x: { field: "a", type: "quantitative" },
      y: { field: "a", type: "quantitative" },
    },
  };
}
