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

const INK = "#333333";
const FAINT = "#e4e4e4";

/** Settings of Vega-Lite that every figure shares; a figure's own `config` wins over them. */
export const THEME: Config = {
  background: "#ffffff",
  font: FONT,
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
