/** An analysis as tables for a terminal. The files have some columns and rows more. */

import { type Estimate, type GroupDepth, type RoutingAnalysis } from "../../eval/mod.ts";
import { formatTable } from "../table.ts";

/** The tables, one after the other. */
export function analysisTables(analysis: RoutingAnalysis): string {
  const { kinds, gateVariance } = analysis;
  const labels = kinds.filter(({ grouping }) => grouping === "label");
  return [
    depthTable("tokens read", kinds.filter(({ grouping }) => grouping !== "label")),
    ...(labels.length > 0 ? [depthTable("token to predict", deepestFirst(labels))] : []),
    depthTable("position", analysis.positions),
    layerTable(analysis),
    ...(gateVariance.length > 0 ? [varianceTable(analysis)] : []),
    depthLossTable(analysis),
    layerLossTable(analysis),
  ].join("\n\n");
}

function deepestFirst(rows: readonly GroupDepth[]): GroupDepth[] {
  return rows.toSorted((a, b) => b.activeLayers.value - a.activeLayers.value);
}

/** `0.12 to 0.34`; undefined without an interval. */
function range(estimate: Estimate | undefined, digits: number): string | undefined {
  const { low, high } = estimate ?? {};
  if (low === undefined || high === undefined) return undefined;
  return `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
}

const interval = { title: "95%", align: "right" } as const;

/** Sorts by text go by depth; what comes before them stays there. */
function depthTable(title: string, rows: readonly GroupDepth[]): string {
  const [sorts, others] = [
    rows.filter(({ grouping }) => grouping === "text"),
    rows.filter(({ grouping }) => grouping !== "text"),
  ];
  return formatTable(
    [
      { title },
      { title: "tokens" },
      { title: "active layers", digits: 3 },
      interval,
      { title: "less all others", digits: 3, align: "right" },
      interval,
      { title: "loss of the next", digits: 3 },
      { title: "among the hardest tenth", digits: 3 },
    ],
    [...others, ...deepestFirst(sorts)].map((row) => [
      row.group,
      row.tokens,
      row.activeLayers.value,
      range(row.activeLayers, 3),
      row.difference?.value,
      range(row.difference, 3),
      row.loss,
      row.highLossShare,
    ]),
  );
}

function layerTable({ layers }: RoutingAnalysis): string {
  return formatTable(
    [
      { title: "layer" },
      { title: "active share", digits: 3 },
      interval,
      { title: "entropy of that, bits", digits: 3 },
      { title: "of a decision, bits", digits: 3, align: "right" },
      { title: "" },
    ],
    layers.map(({ layer, activity, activityEntropy, decisionEntropy, flag }) => [
      layer,
      activity.value,
      range(activity, 3),
      activityEntropy,
      decisionEntropy,
      flag === "none" ? "" : flag,
    ]),
  );
}

function varianceTable({ gateVariance }: RoutingAnalysis): string {
  return formatTable(
    [
      { title: "gates by" },
      { title: "groups" },
      { title: "variance explained", digits: 3 },
      interval,
      { title: "beyond the layer", digits: 3, align: "right" },
      interval,
    ],
    gateVariance.map(({ factor, groups, share, beyondLayer }) => [
      factor === "layer" ? "layer" : `layer and ${factor}`,
      groups,
      share.value,
      range(share, 3),
      beyondLayer?.value,
      range(beyondLayer, 3),
    ]),
  );
}

/** Depth against the loss of the next token. */
function depthLossTable({ depthLoss }: RoutingAnalysis): string {
  return formatTable(
    [
      { title: "depth and" },
      { title: "at equal" },
      { title: "Pearson", digits: 3, align: "right" },
      interval,
      { title: "Spearman", digits: 3, align: "right" },
      interval,
    ],
    depthLoss.filter(({ layer }) => layer === undefined).map(
      ({ loss, given, pearson, spearman }) => [
        loss === "routed" ? "routed loss" : "loss at full depth",
        given === "nothing" ? "" : given,
        pearson?.value,
        range(pearson, 3),
        spearman?.value,
        range(spearman, 3),
      ],
    ),
  );
}

/** Rank correlation of each layer's gate with the routed loss, over all tokens and at equal kind. */
function layerLossTable({ depthLoss, layers }: RoutingAnalysis): string {
  const ofLayers = depthLoss.filter(({ layer, loss }) => layer !== undefined && loss === "routed");
  const kinds = [...new Set(ofLayers.map(({ given }) => given))];
  return formatTable(
    [
      { title: "layer and routed loss" },
      ...kinds.flatMap((given) => [
        {
          title: given === "nothing" ? "Spearman" : `at equal ${given}`,
          digits: 3,
          align: "right" as const,
        },
        interval,
      ]),
    ],
    layers.map(({ layer }) => [
      layer,
      ...kinds.flatMap((given) => {
        const row = ofLayers.find((one) => one.layer === layer && one.given === given);
        return [row?.spearman?.value, range(row?.spearman, 3)];
      }),
    ]),
  );
}
