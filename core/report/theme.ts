/** How all figures look: one font, quiet axes, and colours that colour-blind readers can tell. */

import type { Config } from "vega-lite";

/** Both the browser and the PNG renderer must find this font, or text widths are wrong. */
export const FONT = "DejaVu Sans";

/**
 * Okabe and Ito, "Color Universal Design" (2008): eight colours that remain distinct under the
 * common kinds of colour blindness. Yellow is left out, as it is too faint for lines on white.
 */
export const COLOURS = {
  blue: "#0072b2",
  vermilion: "#d55e00",
  green: "#009e73",
  purple: "#cc79a7",
  sky: "#56b4e9",
  orange: "#e69f00",
  black: "#000000",
} as const;

/** Colour of texts and rules. */
export const INK = "#333333";
const FAINT = "#e4e4e4";

/** The font, and what a browser without it takes instead. */
const FONTS = `${FONT}, Verdana, sans-serif`;

/** Settings of Vega-Lite that every figure shares; a figure's own `config` wins over them. */
export const THEME: Config = {
  background: "#ffffff",
  font: FONTS,
  padding: 12,
  view: { stroke: null },
  title: { anchor: "start", color: INK, fontSize: 14, fontWeight: "bold", offset: 12 },
  axis: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    titlePadding: 8,
    labelPadding: 4,
    gridColor: FAINT,
    domainColor: INK,
    tickColor: INK,
    tickSize: 4,
  },
  axisY: { domain: false, ticks: false, tickCount: 5 },
  axisX: { grid: false },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
    symbolStrokeWidth: 2.5,
    symbolSize: 160,
    rowPadding: 4,
    labelLimit: 240,
  },
  line: { strokeWidth: 1.8 },
  rule: { color: INK },
  range: {
    category: [
      COLOURS.blue,
      COLOURS.vermilion,
      COLOURS.green,
      COLOURS.purple,
      COLOURS.sky,
      COLOURS.orange,
      COLOURS.black,
    ],
  },
};

/** Width of a figure that fits a column of a paper, 3.4 inches at 96 units to the inch. */
export const COLUMN_WIDTH = 326;

/** The theme at the width of a column: smaller letters (6 to 7 points), legends below. */
export const COLUMN_THEME: Config = {
  ...THEME,
  padding: 5,
  title: {
    ...THEME.title,
    fontSize: 10,
    offset: 8,
    frame: "bounds",
    subtitleFontSize: 8,
    subtitleColor: INK,
    subtitlePadding: 3,
  },
  axis: {
    ...THEME.axis,
    labelFontSize: 8.5,
    titleFontSize: 9,
    titlePadding: 5,
    labelPadding: 3,
    tickSize: 3,
  },
  // The first and the last number stand below their ticks, not pushed inwards.
  axisX: { ...THEME.axisX, labelFlush: false },
  legend: {
    ...THEME.legend,
    // Several legends stand one below the other.
    ...{ layout: { bottom: { anchor: "start", direction: "vertical", margin: 4 } } } as object,
    orient: "bottom",
    direction: "horizontal",
    columns: 3,
    columnPadding: 8,
    labelFontSize: 8.5,
    titleFontSize: 9,
    symbolSize: 60,
    symbolStrokeWidth: 2,
    rowPadding: 2,
    offset: 6,
    padding: 0,
    titlePadding: 3,
    labelLimit: 150,
  },
  line: { strokeWidth: 1.4 },
  text: { fontSize: 8, color: INK, font: FONTS },
};
