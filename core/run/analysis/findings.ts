/** What an analysis found, in sentences. */

import { type Estimate, type RoutingAnalysis } from "../../eval/mod.ts";

/** Share of variance from which a router is called a fixed pattern. */
const FIXED = 0.95;

/** One sentence or two for each question. */
export function analysisFindings(analysis: RoutingAnalysis): string[] {
  return [
    collapseFinding(analysis),
    layersFinding(analysis),
    varianceFinding(analysis),
    kindsFinding(analysis),
    ...lossFindings(analysis),
  ].filter((finding) => finding !== undefined);
}

const percent = (share: number) => `${(100 * share).toFixed(0)}%`;

/** `0.12 (95%: 0.10 to 0.14)` */
function shown({ value, low, high }: Estimate, digits = 3): string {
  const size = value.toFixed(digits);
  return low === undefined || high === undefined
    ? size
    : `${size} (95%: ${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

/** Above or below 0, or neither for sure; undefined where there is no interval. */
function sign({ low, high }: Estimate): -1 | 0 | 1 | undefined {
  if (low === undefined || high === undefined) return undefined;
  return low > 0 ? 1 : high < 0 ? -1 : 0;
}

function collapseFinding({ collapse, skipRatio, decisionEntropy }: RoutingAnalysis): string {
  const entropy = decisionEntropy === undefined
    ? ""
    : ` One decision has an entropy of ${decisionEntropy.toFixed(3)} bits at full noise.`;
  switch (collapse) {
    case "all-run":
      return `Every layer runs for nearly every token (${percent(skipRatio)} are skipped): ` +
        `collapsed, if the router was to skip any.${entropy}`;
    case "all-skip":
      return `Collapsed: nearly nothing runs beyond the anchor layers (${percent(skipRatio)} are ` +
        `skipped).${entropy}`;
    case "fixed-pattern":
      return `A fixed pattern: each layer treats nearly all tokens alike (${percent(skipRatio)} ` +
        `are skipped).${entropy}`;
    case "none":
      return `Not collapsed: ${percent(skipRatio)} of what may be skipped is.${entropy}`;
  }
}

function layersFinding({ layers }: RoutingAnalysis): string | undefined {
  const list = (flag: string) =>
    layers.filter((layer) => layer.flag === flag).map(({ layer }) => layer).join(", ");
  const [dead, always] = [list("dead"), list("always-on")];
  if (dead === "" && always === "") return undefined;
  return [
    ...(dead === "" ? [] : [`Dead (fewer than 2% of the tokens run them): layers ${dead}.`]),
    ...(always === "" ? [] : [`Always on (more than 98% do): layers ${always}.`]),
  ].join(" ");
}

function varianceFinding({ gateVariance }: RoutingAnalysis): string | undefined {
  const [layer, ...factors] = gateVariance;
  if (layer === undefined) return undefined;
  const alone = Math.max(0, Math.min(1, layer.share.value));
  if (alone >= FIXED) {
    return `Which layer it is explains ${percent(alone)} of what the gates differ in: the router ` +
      "has learned which layers to run, and treats tokens alike.";
  }
  const rest = factors.map(({ factor, beyondLayer }) =>
    `${factor} ${percent(Math.max(0, beyondLayer!.value) / (1 - alone))}`
  );
  return `Which layer it is explains ${percent(alone)} of what the gates differ in. Of the rest, ` +
    `groups explain: ${rest.join(", ")}; what none explains is context or chance.`;
}

function kindsFinding({ kinds }: RoutingAnalysis): string | undefined {
  const named = (way: 1 | -1) =>
    kinds.filter(({ grouping, difference }) =>
      ["text", "label"].includes(grouping) && difference !== undefined && sign(difference) === way
    ).toSorted((a, b) => way * (b.difference!.value - a.difference!.value)).slice(0, 3)
      .map(({ grouping, group, difference }) =>
        `${grouping === "label" ? `before ${group}` : group} ` +
        `(${way > 0 ? "+" : "−"}${Math.abs(difference!.value).toFixed(2)})`
      ).join(", ");
  const [deep, shallow] = [named(1), named(-1)];
  if (deep === "" && shallow === "") return undefined;
  return [
    ...(deep === "" ? [] : [`More layers than all others get: ${deep}.`]),
    ...(shallow === "" ? [] : [`Fewer: ${shallow}.`]),
  ].join(" ");
}

/** Whether harder tokens get more layers, over all and among those that are alike. */
function lossFindings({ depthLoss }: RoutingAnalysis): string[] {
  const losses = [...new Set(depthLoss.map(({ loss }) => loss))];
  return losses.flatMap((loss) => {
    const rows = depthLoss.filter((row) => row.loss === loss && row.layer === undefined);
    const compared = [
      { where: "over all tokens", row: rows.find(({ given }) => given === "nothing") },
      {
        where: "at equal kind",
        row: rows.findLast(({ given }) => !["nothing", "token"].includes(given)),
      },
      { where: "at equal token", row: rows.find(({ given }) => given === "token") },
    ].flatMap(({ where, row }) => row?.spearman ? [{ where, spearman: row.spearman }] : []);
    if (compared.length === 0) return [];
    const numbers = compared.map(({ where, spearman }) => `${shown(spearman)} ${where}`);
    const words = compared.flatMap(({ where, spearman }) => {
      const way = sign(spearman);
      return way === undefined ? [] : [`${howMany(way, spearman.value)} ${where}`];
    });
    const which = loss === "routed" ? "routed loss" : "loss at full depth";
    const verdict = words.length > 0
      ? `Harder tokens get ${words.join(", ")}.`
      : "Sequences are too few to tell more.";
    return [`Rank correlation of depth with the ${which}: ${numbers.join(", ")}. ${verdict}`];
  });
}

/** A correlation below this in size is a slight one. */
const SLIGHT = 0.1;

function howMany(way: -1 | 0 | 1, correlation: number): string {
  if (way === 0) return "neither more layers nor fewer";
  const slightly = Math.abs(correlation) < SLIGHT ? "slightly " : "";
  return `${slightly}${way > 0 ? "more" : "fewer"} layers`;
}
