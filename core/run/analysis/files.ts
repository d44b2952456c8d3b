/** The files of an analysis: tables as CSV, everything as JSON. */

import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { type Estimate, type GroupDepth, type RoutingAnalysis } from "../../eval/mod.ts";
import { removeQuietly, writeFileAtomic } from "../../io/mod.ts";

/** Figures, without an ending. */
export const ANALYSIS_FIGURES = ["depth_by_kind", "depth_by_position", "layers_by_kind"] as const;

const TABLES = [
  "token_categories",
  "depth_by_position",
  "depth_by_layer",
  "layers_by_kind",
  "gate_variance",
  "depth_loss_correlation",
] as const;

type Table = typeof TABLES[number];

/** Everything that an analysis found. */
const WHOLE = "analysis.json";

/** Whether an analysis leaves a file of this name. */
export function isAnalysisFile(name: string): boolean {
  return name === WHOLE || TABLES.some((table) => name === `${table}.csv`) ||
    ANALYSIS_FIGURES.some((figure) =>
      [".svg", ".png", ".vl.json"].some((ending) => name === figure + ending)
    );
}

/**
 * Writes the tables and `analysis.json`, which has all of them.
 *
 * @param about what was analysed, for `analysis.json`
 * @returns their names
 * @throws {UserError} when they cannot be written.
 */
export function writeAnalysis(
  folder: string,
  analysis: RoutingAnalysis,
  about: Readonly<Record<string, unknown>>,
): string[] {
  const rows = analysisRows(analysis);
  const [full, empty] = [
    TABLES.filter((table) => rows[table].length > 0),
    TABLES.filter((table) => rows[table].length === 0),
  ];
  // One of an earlier analysis would seem to be of this one.
  for (const table of empty) removeQuietly(join(folder, `${table}.csv`));
  const tables = full.map((table) => {
    writeFileAtomic(join(folder, `${table}.csv`), csvFormat(rows[table]) + "\n");
    return `${table}.csv`;
  });
  writeFileAtomic(join(folder, WHOLE), JSON.stringify({ ...about, ...analysis }, null, 1) + "\n");
  return [...tables, WHOLE];
}

type Row = Record<string, string | number | undefined>;

/** A number and its interval in columns; empty where there is none. */
function columns(name: string, estimate: Estimate | undefined): Row {
  const { value, low, high } = estimate ?? {};
  return { [name]: value, [`${name}_low`]: low, [`${name}_high`]: high };
}

const groupColumns = ({ tokens, activeLayers, loss, highLossShare }: GroupDepth) => ({
  tokens,
  "avg_active_layers": activeLayers.value,
  "avg_token_loss": loss,
  "high_loss_fraction": highLossShare,
});

const intervalColumns = ({ activeLayers, difference }: GroupDepth) => ({
  "active_layers_low": activeLayers.low,
  "active_layers_high": activeLayers.high,
  ...columns("difference", difference),
});

/** The rows of each table. */
function analysisRows(analysis: RoutingAnalysis): Record<Table, Row[]> {
  const { kinds, positions, layers, gateVariance, depthLoss, anchorLayers } = analysis;
  return {
    "token_categories": kinds.map((row) => ({
      category: row.group,
      ...groupColumns(row),
      grouping: row.grouping,
      ...intervalColumns(row),
    })),
    "depth_by_position": positions.map((row) => ({
      position: row.group,
      ...groupColumns(row),
      ...intervalColumns(row),
    })),
    "depth_by_layer": layers.map((row) => ({
      layer: row.layer,
      ...columns("active_share", row.activity),
      "activity_entropy": row.activityEntropy,
      "decision_entropy": row.decisionEntropy,
      flag: row.flag,
    })),
    "layers_by_kind": kinds.flatMap(({ grouping, group, tokens, layerActivity }) =>
      layerActivity.map((share, layer) => ({
        grouping,
        category: group,
        tokens,
        layer: anchorLayers + layer,
        "active_share": share,
      }))
    ),
    "gate_variance": gateVariance.map((row) => ({
      factor: row.factor,
      groups: row.groups,
      "covered_fraction": row.covered,
      ...columns("explained", row.share),
      ...columns("beyond_layer", row.beyondLayer),
    })),
    "depth_loss_correlation": depthLoss.map((row) => ({
      loss: row.loss,
      layer: row.layer,
      given: row.given,
      ...columns("pearson", row.pearson),
      ...columns("spearman", row.spearman),
    })),
  };
}
