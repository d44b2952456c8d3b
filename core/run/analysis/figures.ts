/** Draws an analysis. */

import { join } from "node:path";
import { type GroupDepth, type RoutingAnalysis } from "../../eval/mod.ts";
import {
  depthByKindFigure,
  depthByPositionFigure,
  type KindPanel,
  layersByKindFigure,
} from "../../report/analysis_figures.ts";
import { writeFigure } from "../../report/figures.ts";
import { ANALYSIS_FIGURES } from "./files.ts";

/** What the panels call the ways to tell kinds apart. */
const PANELS = [
  { title: "hard and rare tokens", groupings: ["loss", "frequency"] },
  { title: "by the text of the token read", groupings: ["text"] },
  { title: "by what it takes to predict the next token", groupings: ["label"] },
] as const;

/**
 * Writes the figures into a folder.
 *
 * @returns the names of the bitmaps
 * @throws {UserError} when they cannot be written.
 */
export async function drawAnalysis(
  folder: string,
  analysis: RoutingAnalysis,
  name: string,
): Promise<string[]> {
  const { kinds, positions, anchorLayers } = analysis;
  const overall = kinds[0]!.activeLayers.value;
  const panels = <Kind>(kindOf: (row: GroupDepth) => Kind): KindPanel<Kind>[] =>
    PANELS.map(({ title, groupings }) => ({
      title,
      kinds: kinds.filter(({ grouping }) => groupings.some((one) => one === grouping))
        .toSorted((a, b) => b.activeLayers.value - a.activeLayers.value).map(kindOf),
    }));
  const [byKind, byPosition, layers] = ANALYSIS_FIGURES;
  const specs = {
    [byKind]: depthByKindFigure(
      panels(({ group, tokens, activeLayers }) => ({ kind: group, tokens, ...activeLayers })),
      overall,
      `${name}: active layers by kind of token`,
    ),
    [byPosition]: depthByPositionFigure(
      positions.map(({ group, activeLayers }) => ({ position: middle(group), ...activeLayers })),
      overall,
      `${name}: active layers by position`,
    ),
    [layers]: layersByKindFigure(
      panels(({ group, tokens, layerActivity }) => ({
        kind: group,
        tokens,
        activity: layerActivity,
      })),
      anchorLayers,
      `${name}: which kind of token runs which layer`,
    ),
  };
  for (const figure of ANALYSIS_FIGURES) await writeFigure(join(folder, figure), specs[figure]);
  return ANALYSIS_FIGURES.map((figure) => `${figure}.png`);
}

/** The middle of a stretch of positions, `0–7`. */
function middle(stretch: string): number {
  const ends = stretch.split("–").map(Number);
  return (ends[0]! + ends.at(-1)!) / 2;
}
