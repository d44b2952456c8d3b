/** The figure of points by two quantities: dots by name, joined or not, in one panel or several. */

import type { TopLevelSpec } from "vega-lite";
import {
  AXIS_ROOM,
  type AxisWords,
  type Caption,
  columnFigure,
  diagonal,
  leftAxis,
  panelWidth,
  roomAround,
  seriesLook,
} from "./column_figure.ts";

/** A point. */
export interface ScatterPoint {
  readonly series: string;
  readonly x: number;
  readonly y: number;
  /** An interval of `y`. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** What its panel is called, where there are several. */
  readonly panel?: string | undefined;
  /** Single values behind it, a small dot each. */
  readonly samples?: readonly { readonly x: number; readonly y: number }[] | undefined;
}

/** What the figure says beside the points. */
export interface ScatterOptions extends Caption {
  readonly x: AxisWords;
  readonly y: AxisWords;
  readonly all?: readonly string[];
  /** The series that the others are compared with. */
  readonly neutral?: string;
  /** Points of a series are joined, in the order of `x`. */
  readonly joined?: boolean;
  readonly logX?: boolean;
  /** Shows the line on which both axes say the same. */
  readonly equal?: boolean;
  /** Where the names of panels stand: above each, or as the title of its axis. */
  readonly panelNames?: "above" | "x" | "y";
}

/** Room between panels for the numbers of an axis, and for its title. */
const GAP = 34;
const TITLED_GAP = 52;

/**
 * Points with a colour and a shape for each series.
 *
 * @throws {RangeError} when there are no points.
 */
export function scatterFigure(
  points: readonly ScatterPoint[],
  options: ScatterOptions,
): TopLevelSpec {
  if (points.length === 0) throw new RangeError("Cannot draw a scatter without points");
  const panels = [...new Set(points.map(({ panel }) => panel))];
  const ofPanel = (name: string | undefined) => points.filter(({ panel }) => panel === name);
  const [name] = panels;
  if (panels.length === 1 && (name === undefined || (options.panelNames ?? "above") !== "above")) {
    const frame = { points, name, isLowest: true, isFirst: true, width: panelWidth(AXIS_ROOM) };
    return columnFigure(options, { ...panelOf(points, options, frame), height: 180 });
  }
  const gap = options.panelNames === "y" ? TITLED_GAP : GAP;
  const width = panelWidth(AXIS_ROOM, Math.min(2, panels.length), gap);
  const rows = Array.from(
    { length: Math.ceil(panels.length / 2) },
    (_, row) => panels.slice(2 * row, 2 * row + 2),
  );
  return columnFigure(options, {
    spacing: 8,
    vconcat: rows.map((names, row) => ({
      spacing: gap,
      bounds: "flush",
      hconcat: names.map((name, column) => ({
        ...panelOf(points, options, {
          points: ofPanel(name),
          name,
          // Nothing stands below the last of each column.
          isLowest: 2 * (row + 1) + column >= panels.length,
          isFirst: column === 0,
          width,
        }),
        height: rows.length === 1 ? 130 : 95,
      })),
    })),
  });
}

/** A panel and its place. */
interface Frame {
  readonly points: readonly ScatterPoint[];
  readonly name?: string | undefined;
  readonly isLowest: boolean;
  readonly isFirst: boolean;
  readonly width: number;
}

function panelOf(
  allPoints: readonly ScatterPoint[],
  options: ScatterOptions,
  { points, name, isLowest, isFirst, width }: Frame,
): object {
  const { x: xWords, y: yWords, all, joined = false, logX = false, equal = false } = options;
  const { panelNames = "above", neutral } = options;
  const xTitle = name !== undefined && panelNames === "x" ? name : isLowest ? xWords.title : null;
  const yTitle = name !== undefined && panelNames === "y" ? name : isFirst ? yWords.title : null;
  const names = [...new Set(allPoints.map(({ series }) => series))];
  const { colour, shape, dash } = seriesLook(names, all, neutral);
  const legend = names.length === 1 ? { legend: null } : {};
  const x = {
    field: "x",
    type: "quantitative",
    scale: logX
      ? { type: "log", nice: false, padding: 6 }
      : { zero: false, nice: true, padding: 6, ...roomAround(points.map((point) => point.x)) },
    axis: {
      title: xTitle,
      // Powers of ten are few where a sweep is short: what was tried is marked instead.
      ...logX
        ? {
          values: [...new Set(allPoints.map((point) => point.x))],
          labelOverlap: "greedy",
          labelSeparation: 4,
        }
        : { tickCount: Math.round(width / 45) },
      ...(xWords.format === undefined ? {} : { format: xWords.format }),
    },
  };
  const heights = points.flatMap(({ y, low, high, samples = [] }) =>
    [y, low, high, ...samples.map((at) => at.y)].filter((height) => height !== undefined)
  );
  const y = (field: string) => ({
    field,
    type: "quantitative",
    scale: { zero: false, nice: true, padding: 6, ...roomAround(heights) },
    axis: { ...leftAxis(yWords), title: yTitle },
  });
  const values = points.map(({ samples: _, ...point }) => point);
  const samples = points.flatMap(({ series, samples = [] }) =>
    samples.length < 2 ? [] : samples.map((at) => ({ series, ...at }))
  );
  const ends = points.flatMap((point) => [point.x, point.y]);
  return {
    ...name !== undefined && panelNames === "above"
      ? { title: { text: name, fontSize: 9, fontWeight: "normal", offset: 4 } }
      : {},
    width,
    data: { values },
    layer: [
      ...equal ? [diagonal(Math.min(...ends), Math.max(...ends))] : [],
      ...joined
        ? [{
          mark: { type: "line" },
          encoding: {
            x,
            y: y("y"),
            color: { ...colour, ...legend },
            strokeDash: { ...dash, ...legend },
          },
        }]
        : [],
      ...samples.length > 0
        ? [{
          data: { values: samples },
          mark: { type: "point", size: 12, opacity: 0.7, strokeWidth: 0.8 },
          encoding: { x, y: y("y"), color: { ...colour, ...legend } },
        }]
        : [],
      ...values.some(({ low }) => low !== undefined)
        ? [{
          transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
          mark: { type: "rule", strokeWidth: 1.1 },
          encoding: { x, y: y("low"), y2: { field: "high" }, color: { ...colour, ...legend } },
        }]
        : [],
      {
        mark: { type: "point", filled: true, opacity: 1 },
        encoding: {
          size: {
            // Seen around one that lies upon it.
            condition: { test: `datum.series === ${JSON.stringify(neutral ?? null)}`, value: 110 },
            value: 42,
          },
          x,
          y: y("y"),
          color: { ...colour, ...legend },
          shape: { ...shape, ...legend },
        },
      },
    ],
  };
}
