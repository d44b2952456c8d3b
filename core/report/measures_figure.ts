/** The figure of a table: rows by name, a column of bars or dots for each measure. */

import type { TopLevelSpec } from "vega-lite";
import { axisTitle, type Caption, columnFigure, panelWidth } from "./column_figure.ts";
import { COLOURS, INK } from "./theme.ts";

/** A number, how sure it is, and what it is the mean of. */
export interface Measured {
  readonly value: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** Single values behind it, such as those of seeds: a small circle each, beside dots. */
  readonly samples?: readonly number[] | undefined;
}

/** A row. */
export interface MeasuredRow {
  readonly name: string;
  /** One for each measure, in their order; undefined: not measured. */
  readonly values: readonly (Measured | undefined)[];
  /** Stands out. */
  readonly marked?: boolean;
}

/** A column. */
export interface Measure {
  /** What it is, with the unit. */
  readonly title: string;
  /** Bars begin at zero; dots show differences that bars would hide. */
  readonly as: "bars" | "dots";
  /** Digits of the number beside each; absent: no numbers. */
  readonly digits?: number;
  /** Where its axis has numbers; where they fit unless told. */
  readonly ticks?: readonly number[];
}

/** Rows that belong together. */
export interface RowGroup {
  readonly title?: string;
  readonly rows: readonly MeasuredRow[];
}

const GAP = 14;
const ROW = 15;

/** Width of a letter of a row's name, and of a number beside a bar. */
const LETTER = 5.3;
const MOST_LETTERS = 24;

/**
 * Groups of rows one below the other; in each, the measures side by side over the same rows. Lines
 * from `low` to `high` are intervals, dots samples.
 *
 * @throws {RangeError} when there are no measures, or no row has a value.
 */
export function measuresFigure(
  groups: readonly RowGroup[],
  measures: readonly Measure[],
  caption: Caption,
): TopLevelSpec {
  const rows = groups.flatMap((group) => group.rows);
  if (measures.length === 0 || !rows.some(({ values }) => values.some(Boolean))) {
    throw new RangeError("Cannot draw measures without values");
  }
  const letters = Math.min(MOST_LETTERS, Math.max(...rows.map(({ name }) => name.length)));
  const room = Math.ceil(letters * LETTER) + 8;
  const widths = widthsOf(measures, panelWidth(room) - GAP * (measures.length - 1));
  const domains = measures.map((measure, m) =>
    domainOf(measure, rows.flatMap(({ values }) => values[m] ?? []), widths[m]!)
  );
  return columnFigure(caption, {
    spacing: 6,
    vconcat: groups.map((group, g) => ({
      ...(group.title === undefined
        ? {}
        : { title: { text: group.title, fontSize: 9, fontWeight: "normal", offset: 4 } }),
      spacing: GAP,
      bounds: "flush",
      hconcat: measures.map((measure, m) =>
        panelOf(group.rows, measure, m, {
          width: widths[m]!,
          room,
          domain: domains[m]!,
          isLast: g === groups.length - 1,
        })
      ),
    })),
  });
}

/** Differences between dots take more room to be seen than lengths of bars do. */
const WEIGHTS = { bars: 2, dots: 3 } as const;

function widthsOf(measures: readonly Measure[], together: number): number[] {
  const sum = measures.reduce((total, { as }) => total + WEIGHTS[as], 0);
  return measures.map(({ as }) => Math.floor(together * WEIGHTS[as] / sum));
}

interface Frame {
  readonly width: number;
  readonly room: number;
  readonly domain: readonly [number, number];
  /** Axes stand below the last group only. */
  readonly isLast: boolean;
}

function panelOf(
  rows: readonly MeasuredRow[],
  measure: Measure,
  index: number,
  { width, room, domain, isLast }: Frame,
): object {
  const { as, title, digits, ticks } = measure;
  const names = rows.map(({ name }) => name);
  const present = rows.flatMap(({ name, values, marked = false }) => {
    const own = values[index];
    return own ? [{ name, marked, ...own }] : [];
  });
  const values = present.map(({ samples = [], ...row }) => ({
    ...row,
    // Where the number stands: behind all that is drawn of the row.
    end: Math.max(row.high ?? row.value, ...as === "dots" ? samples : []),
  }));
  const samples = present.flatMap(({ name, samples = [] }) =>
    samples.length < 2 || as === "bars" ? [] : samples.map((sample) => ({ name, sample }))
  );
  const y = {
    field: "name",
    type: "nominal",
    scale: { domain: names },
    axis: index === 0
      ? {
        title: null,
        grid: false,
        labelLimit: room - 6,
        minExtent: room - 4,
        maxExtent: room - 4,
      }
      : { title: null, labels: false, grid: as === "dots" },
  };
  const x = (field: string) => ({
    field,
    type: "quantitative",
    scale: { domain, nice: false, zero: false },
    axis: {
      // Where numbers stand beside the marks, lines would cross them.
      grid: digits === undefined,
      tickCount: Math.max(3, Math.round(width / 45)),
      ...isLast ? { title: axisTitle(title, width) } : { title: null, labels: false },
      ...ticks === undefined ? {} : { values: ticks },
    },
  });
  const colour = {
    condition: { test: "datum.marked", value: COLOURS.vermilion },
    value: COLOURS.blue,
  };
  const hasSpread = values.some(({ low, high }) => low !== undefined && high !== undefined);
  return {
    width,
    height: { step: ROW },
    data: { values },
    encoding: { y },
    layer: [
      ...as === "bars"
        ? [{
          mark: { type: "bar", height: 9 },
          encoding: { x: { ...x("value"), stack: null }, color: colour },
        }]
        : [],
      ...hasSpread
        ? [{
          transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
          mark: { type: "rule", strokeWidth: 1.2, color: INK },
          encoding: { x: x("low"), x2: { field: "high" } },
        }]
        : [],
      ...samples.length > 0
        ? [{
          data: { values: samples },
          mark: { type: "point", size: 14, opacity: 0.9, strokeWidth: 0.8, color: INK },
          encoding: { x: x("sample") },
        }]
        : [],
      ...as === "dots"
        ? [{
          mark: { type: "point", filled: true, size: 34, opacity: 1 },
          encoding: { x: x("value"), color: colour },
        }]
        : [],
      ...digits === undefined ? [] : [{
        mark: { type: "text", align: "left", dx: as === "bars" ? 4 : 7 },
        encoding: { x: x("end"), text: { field: "value", format: `.${digits}f` } },
      }],
    ],
  };
}

/** What an axis reaches over: all values and intervals, and the numbers beside them. */
function domainOf(
  { as, digits }: Measure,
  all: readonly Measured[],
  width: number,
): [number, number] {
  const values = all.flatMap(({ value, low, high, samples = [] }) =>
    [value, low, high, ...samples].filter((x) => x !== undefined)
  );
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // Room for the numbers, as a share of the panel.
  const longest = Math.max(...all.map(({ value }) => value.toFixed(digits ?? 0).length));
  const numbers = digits === undefined ? 0 : Math.min(0.6, (longest * LETTER + 10) / width);
  if (as === "bars") return [Math.min(0, low), (high > 0 ? high : 1) / (1 - numbers) * 1.02];
  const spread = high - low || Math.abs(high) * 0.1 || 1;
  const edge = 0.08 * spread;
  return [low - edge, low - edge + (spread + 2 * edge) / (1 - numbers)];
}
