/** What a comparison says of a router, in plain words. */

import {
  type Comparison,
  type ComparisonRow,
  CONTROLS,
  type Interval,
  pairedDifference,
  rowOf,
  type Way,
} from "../eval/mod.ts";
import { type ExperimentConfig } from "./config_schema.ts";
import { missedTarget } from "./final_evaluation.ts";
import { nameOf } from "./final_tables.ts";
import { type Parts } from "./parts.ts";

/** In plain words, whether the router earns its place; undefined for a router that reads nothing. */
export function verdict(
  comparison: Comparison,
  { student }: Parts,
  config: ExperimentConfig,
): string | undefined {
  const { rows, information } = comparison;
  if (information === undefined) return undefined;
  const routed = rowOf(comparison, "routed");
  const { collapse, entropy, skipRatio } = routed.statistics!;
  const target = missedTarget(config, skipRatio);
  const over = (row: ComparisonRow) => pairedDifference(row.result, routed.result);
  const shuffled = over(rowOf(comparison, "shuffled"));
  const best = rows.filter(({ way }) => CONTROLS.includes(way))
    .reduce((a, b) => a.result.loss <= b.result.loss ? a : b);
  const lines = [
    student.router.router.causal === false
      ? "The gates were decided with the whole sequence in view, later tokens included: losses under " +
        "them are lower than a model could reach that writes the text itself."
      : undefined,
    collapse === "none"
      ? undefined
      : `The router has collapsed (${collapse}): it treats all tokens alike.`,
    target === undefined
      ? undefined
      : `The router skips ${percent(skipRatio)} where it was meant to skip ${percent(target)}.`,
    `Shuffling the gates costs ${showInterval(shuffled)} nats per token: what the router reads ` +
    `${shuffled.low > 0 ? "matters" : "makes no difference that this text could show"}.`,
    shuffled.low > 0 ? tableLine(comparison, shuffled.value) : undefined,
    `Of what skips as much without the router, "${nameOf(best.way, student).trim()}" does best: ` +
    `${betterBy(over(best))}.`,
    `Gates carry ${information.toFixed(3)} bits about the token, beyond the layer; one decision ` +
    `has an entropy of ${entropy.toFixed(3)} bits at full noise.`,
  ];
  return lines.filter((line) => line !== undefined).join("\n");
}

/** How much of what the router reads is the token itself, or its position. */
function tableLine({ rows }: Comparison, shuffledCost: number): string | undefined {
  const loss = (way: Way) => rows.find((row) => row.way === way)?.result.loss;
  const [routed, token, position] = (["routed", "by-token", "by-position"] as const).map(loss);
  if (token === undefined || position === undefined) return undefined;
  const share = (other: number) => percent(Math.max(0, 1 - (other - routed!) / shuffledCost));
  return `A table of the router's mean answers by token would keep ${
    share(token)
  } of that, one by ` +
    `position ${share(position)}; the rest is context.`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}

function betterBy(difference: Interval): string {
  const { value, low, high } = difference;
  if (low > 0) return `the router is better by ${showInterval(difference)} nats`;
  if (high >= 0) return `there is no clear difference (${showInterval(difference)} nats)`;
  return `it beats the router by ${showInterval({ value: -value, low: -high, high: -low })} nats`;
}

function showInterval({ value, low, high }: Interval): string {
  return `${value.toFixed(3)} (95%: ${low.toFixed(3)} to ${high.toFixed(3)})`;
}
