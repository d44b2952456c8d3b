/** Figures of which layers run: over the steps of a run, and at the end of several. */

import type { TopLevelSpec } from "vega-lite";
import { AXIS_ROOM, type Caption, columnFigure, leftAxis, panelWidth } from "./column_figure.ts";
import { COLOURS } from "./theme.ts";

/** Share of tokens, 0 to 1, that ran a layer at a step. */
export interface LayerShare {
  readonly step: number;
  readonly layer: number;
  readonly share: number;
}

/**
 * A field for each layer and evaluation: the darker, the more tokens ran the layer.
 *
 * @throws {RangeError} when there are no shares.
 */
export function layerHeatmap(shares: readonly LayerShare[], caption: Caption): TopLevelSpec {
  if (shares.length === 0) throw new RangeError("Cannot draw layers without shares");
  const layers = new Set(shares.map(({ layer }) => layer)).size;
  const steps = new Set(shares.map(({ step }) => step)).size;
  const width = panelWidth(AXIS_ROOM);
  return columnFigure(caption, {
    width,
    height: Math.max(90, Math.min(260, 16 * layers)),
    data: { values: shares.map((at) => ({ ...at })) },
    mark: { type: "rect" },
    encoding: {
      x: {
        field: "step",
        type: "ordinal",
        title: "optimizer step",
        axis: { labelAngle: 0, labelOverlap: true, ticks: false, domain: false },
        scale: { paddingInner: steps > 40 ? 0 : 0.03 },
      },
      y: {
        field: "layer",
        type: "ordinal",
        sort: "descending",
        axis: { ...leftAxis({ title: "layer" }), labelOverlap: true, ticks: false, domain: false },
        scale: { paddingInner: layers > 30 ? 0 : 0.06 },
      },
      color: {
        field: "share",
        type: "quantitative",
        scale: { domain: [0, 1], scheme: "blues" },
        legend: {
          title: "tokens that run the layer",
          format: ".0%",
          gradientLength: 120,
          gradientThickness: 8,
          tickCount: 3,
        },
      },
    },
  });
}

/** Which layers a model runs. */
export interface LayerProfile {
  readonly name: string;
  /** The first layers, which all tokens run. */
  readonly anchorLayers: number;
  /** Share of tokens that run each further layer. */
  readonly shares: readonly number[];
}

/**
 * A row of bars for each model, a bar for each layer; those that always run are grey.
 *
 * @throws {RangeError} when there are no models, or one has no layers.
 */
export function layerProfiles(profiles: readonly LayerProfile[], caption: Caption): TopLevelSpec {
  if (profiles.length === 0 || profiles.some(({ shares }) => shares.length === 0)) {
    throw new RangeError("Cannot draw profiles without layers");
  }
  const most = Math.max(
    ...profiles.map(({ anchorLayers, shares }) => anchorLayers + shares.length),
  );
  const domain = Array.from({ length: most }, (_, layer) => layer);
  return columnFigure(caption, {
    spacing: 6,
    vconcat: profiles.map(({ name, anchorLayers, shares }, index) => ({
      title: { text: name, fontSize: 9, fontWeight: "normal", offset: 4 },
      width: panelWidth(AXIS_ROOM),
      height: 44,
      data: {
        values: [
          ...Array.from(
            { length: anchorLayers },
            (_, layer) => ({ layer, share: 1, always: true }),
          ),
          ...shares.map((share, i) => ({ layer: anchorLayers + i, share, always: false })),
        ],
      },
      mark: { type: "bar" },
      encoding: {
        x: {
          field: "layer",
          type: "ordinal",
          scale: { domain, paddingInner: 0.2 },
          axis: {
            labelAngle: 0,
            labelOverlap: true,
            ticks: false,
            ...index === profiles.length - 1 ? { title: "layer" } : { title: null, labels: false },
          },
        },
        y: {
          field: "share",
          type: "quantitative",
          scale: { domain: [0, 1] },
          axis: { ...leftAxis({ title: "tokens", format: ".0%" }), values: [0, 0.5, 1] },
        },
        color: {
          condition: { test: "datum.always", value: "#bbbbbb" },
          value: COLOURS.blue,
        },
      },
    })),
  });
}
