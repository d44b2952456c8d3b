/** The figures of a routing analysis: depth by kind and by position, and which kind runs what. */

import type { TopLevelSpec } from "vega-lite";
import { COLOURS } from "./theme.ts";

/** A mean over tokens, with its 95% interval where there is one. */
export interface DepthPoint {
  readonly value: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** Tokens of a kind. */
export interface KindDepth extends DepthPoint {
  readonly kind: string;
  readonly tokens: number;
}

/** Kinds that are told apart in one way. */
export interface KindPanel<Kind> {
  readonly title: string;
  readonly kinds: readonly Kind[];
}

const WIDTH = 560;

/** Height of a row of kinds. */
const ROW = 22;

/** Room for the names of kinds left of every panel, so that the panels' left edges agree. */
const LABEL_ROOM = 90;

/** Between panels, with room for their titles. */
const SPACING = 34;

/** The title of a panel, above its left edge. */
const panelTitle = (text: string) => ({
  text,
  fontSize: 11,
  fontWeight: "normal",
  anchor: "start",
  frame: "group",
  offset: 6,
});

/**
 * Active layers of each kind, deepest first, with intervals; a dashed line marks the mean over all
 * tokens.
 *
 * @param overall that mean
 * @throws {RangeError} when there are no kinds.
 */
export function depthByKindFigure(
  panels: readonly KindPanel<KindDepth>[],
  overall: number,
  title: string,
): TopLevelSpec {
  const shown = panels.filter(({ kinds }) => kinds.length > 0);
  if (shown.length === 0) throw new RangeError("Cannot draw depth by kind without kinds");
  const ends = shown.flatMap(({ kinds }) =>
    kinds.flatMap(({ value, low = value, high = value }) => [low, high])
  );
  const [least, most] = [Math.min(overall, ...ends), Math.max(overall, ...ends)];
  // Dots at either end keep clear of the frame, and of the names beside it.
  const margin = 0.03 * (most - least) || 0.5;
  const domain = [least - margin, most + margin];
  const x = (field: string, last: boolean) => ({
    field,
    type: "quantitative",
    scale: { domain, nice: false, zero: false },
    axis: {
      grid: true,
      labelFlush: false,
      title: last ? "active layers (95% interval; dashed: all tokens)" : null,
      labels: last,
      ticks: last,
    },
  });
  return {
    title,
    spacing: SPACING,
    bounds: "flush",
    vconcat: shown.map(({ title, kinds }, index) => {
      const last = index === shown.length - 1;
      const y = {
        field: "kind",
        type: "nominal",
        sort: { field: "value", order: "descending" },
        axis: { title: null, grid: false, minExtent: LABEL_ROOM, labelLimit: LABEL_ROOM + 60 },
      };
      return {
        title: panelTitle(title),
        width: WIDTH,
        height: { step: ROW },
        data: {
          values: kinds.map(({ kind, tokens, value, low = value, high = value }) => ({
            kind,
            tokens,
            value,
            low,
            high,
          })),
        },
        layer: [
          {
            data: { values: [{ overall }] },
            mark: { type: "rule", strokeDash: [5, 4], strokeWidth: 1 },
            encoding: { x: x("overall", last) },
          },
          {
            mark: { type: "rule", color: COLOURS.blue, strokeWidth: 2.5 },
            encoding: { y, x: x("low", last), x2: { field: "high" } },
          },
          {
            mark: { type: "point", filled: true, size: 55, opacity: 1, color: COLOURS.blue },
            encoding: { y, x: x("value", last) },
          },
        ],
      };
    }),
    // The types of a concatenation are too deep for the compiler to match with panels in parts.
  } as unknown as TopLevelSpec;
}

/** Tokens of a stretch of positions. */
export interface PositionDepth extends DepthPoint {
  /** The middle of the stretch. */
  readonly position: number;
}

/**
 * Active layers over the position in the sequence, with a band for the interval.
 *
 * @throws {RangeError} when there are no positions.
 */
export function depthByPositionFigure(
  points: readonly PositionDepth[],
  overall: number,
  title: string,
): TopLevelSpec {
  if (points.length === 0) throw new RangeError("Cannot draw depth by position without positions");
  const x = {
    field: "position",
    type: "quantitative",
    title: "position in the sequence (dashed: all tokens)",
    axis: { labelFlush: false },
    scale: { zero: true, nice: true },
  } as const;
  const y = (field: string) => ({
    field,
    type: "quantitative",
    title: "active layers (95% interval)",
    scale: { zero: false, nice: true },
  } as const);
  return {
    title,
    width: WIDTH,
    height: 220,
    data: {
      values: points.map(({ position, value, low = value, high = value }) => ({
        position,
        value,
        low,
        high,
      })),
    },
    layer: [
      {
        mark: { type: "area", color: COLOURS.blue, opacity: 0.18 },
        encoding: { x, y: y("low"), y2: { field: "high" } },
      },
      {
        data: { values: [{ overall }] },
        mark: { type: "rule", strokeDash: [5, 4], strokeWidth: 1 },
        encoding: { y: y("overall") },
      },
      {
        mark: {
          type: "line",
          color: COLOURS.blue,
          point: { filled: true, size: 40, color: COLOURS.blue },
        },
        encoding: { x, y: y("value") },
      },
    ],
  };
}

/** Which layers tokens of a kind run. */
export interface KindLayers {
  readonly kind: string;
  readonly tokens: number;
  /** Share of the tokens that run each routable layer. */
  readonly activity: readonly number[];
}

/** More columns than this are too narrow for a number in each. */
const MOST_NUMBERS = 16;

/** Above this share the ground is dark. */
const DARK = 0.55;

/**
 * A map of kinds and layers, coloured by the share of tokens that run the layer.
 *
 * @param firstLayer number of the first routable layer
 * @throws {RangeError} when there are no kinds.
 */
export function layersByKindFigure(
  panels: readonly KindPanel<KindLayers>[],
  firstLayer: number,
  title: string,
): TopLevelSpec {
  const shown = panels.filter(({ kinds }) => kinds.length > 0);
  if (shown.length === 0) throw new RangeError("Cannot draw layers by kind without kinds");
  const layers = shown[0]!.kinds[0]!.activity.length;
  return {
    title,
    spacing: SPACING,
    bounds: "flush",
    vconcat: shown.map(({ title, kinds }, index) => {
      const last = index === shown.length - 1;
      const x = {
        field: "layer",
        type: "ordinal",
        axis: {
          title: last ? "layer" : null,
          labels: last,
          ticks: last,
          domain: false,
          labelAngle: 0,
          labelOverlap: true,
        },
      };
      const y = {
        field: "kind",
        type: "nominal",
        sort: kinds.map(({ kind }) => kind),
        axis: { title: null, minExtent: LABEL_ROOM, labelLimit: LABEL_ROOM + 60 },
      };
      return {
        title: panelTitle(title),
        width: WIDTH,
        height: { step: ROW },
        data: {
          values: kinds.flatMap(({ kind, tokens, activity }) =>
            activity.map((share, layer) => ({ kind, tokens, layer: firstLayer + layer, share }))
          ),
        },
        encoding: { x, y },
        layer: [
          {
            mark: { type: "rect", stroke: "#ffffff", strokeWidth: 1 },
            encoding: {
              color: {
                field: "share",
                type: "quantitative",
                scale: { domain: [0, 1], scheme: "blues" },
                legend: { title: "share that runs it", format: ".0%", gradientLength: 90 },
              },
            },
          },
          ...(layers > MOST_NUMBERS ? [] : [{
            mark: { type: "text", fontSize: 10 },
            encoding: {
              text: { field: "share", type: "quantitative", format: ".0%" },
              color: {
                condition: { test: `datum.share > ${DARK}`, value: "#ffffff" },
                value: "#333333",
              },
            },
          }]),
        ],
      };
    }),
  } as unknown as TopLevelSpec;
}
