/** What is said about an analysis. */

import assert from "node:assert/strict";
import { type RoutingAnalysis } from "../../../../core/eval/mod.ts";
import { analysisFindings } from "../../../../core/run/analysis/findings.ts";
import { analysisTables } from "../../../../core/run/analysis/tables.ts";
import { analysisOf, group } from "./analysis_support.ts";

const said = (differs: Partial<RoutingAnalysis> = {}) => analysisFindings(analysisOf(differs));

Deno.test("collapse is told in words, with the entropy where there is any", () => {
  assert.match(said()[0]!, /^Not collapsed: 25% .*entropy of 0\.500 bits/);
  assert.match(said({ collapse: "all-run" })[0]!, /^Every layer runs .* collapsed, if/);
  assert.match(said({ collapse: "all-skip" })[0]!, /^Collapsed: nearly nothing runs/);
  assert.match(said({ collapse: "fixed-pattern" })[0]!, /^A fixed pattern/);
  const { decisionEntropy: _, ...without } = analysisOf();
  assert.doesNotMatch(analysisFindings(without)[0]!, /entropy/);
});

Deno.test("layers that treat all tokens alike are listed", () => {
  assert.match(said().join("\n"), /^Always on .*: layers 3\.$/m);
  const [layer] = analysisOf().layers;
  const layers = [2, 3, 4].map((number) => ({
    ...layer!,
    layer: number,
    flag: number === 4 ? "none" as const : "dead" as const,
  }));
  assert.match(said({ layers }).join("\n"), /^Dead .*: layers 2, 3\.$/m);
  assert.doesNotMatch(said({ layers: layers.slice(2) }).join("\n"), /Dead|Always/);
});

Deno.test("a fixed pattern is told from a router that looks at tokens", () => {
  assert.match(
    said().join("\n"),
    /explains 50% of what the gates differ in\. Of the rest, .*token 50%, position 0%/,
  );
  const fixed = said({
    gateVariance: [{ factor: "layer", groups: 1, covered: 1, share: { value: 0.97 } }],
  });
  assert.match(fixed.join("\n"), /explains 97% .*treats tokens alike/);
  assert.doesNotMatch(said({ gateVariance: [] }).join("\n"), /differ in/);
});

Deno.test("kinds are named where their difference is sure, the largest first", () => {
  const finding = said().find((one) => one.startsWith("More layers"));
  assert.equal(
    finding,
    "More layers than all others get: before fact (+2.00), numeric (+1.50). Fewer: word (−1.00).",
  );
  const unsure = [group("all", "all", 3, 0), group("text", "word", 3, 0.2)];
  assert.ok(!said({ kinds: unsure }).some((one) => /More layers|Fewer/.test(one)));
});

Deno.test("whether hard tokens get more is said over all, at equal kind and at equal token", () => {
  const finding = said().find((one) => one.startsWith("Rank correlation"))!;
  assert.match(finding, /routed loss: 0\.300 \(95%: 0\.250 to 0\.350\) over all tokens, 0\.020 /);
  assert.match(
    finding,
    /Harder tokens get more layers over all tokens, neither more layers nor fewer at equal kind, slightly fewer layers at equal token\.$/,
  );
  assert.ok(
    !said({ depthLoss: [{ loss: "routed", given: "nothing" }] })
      .some((one) => one.startsWith("Rank")),
  );
});

Deno.test("without intervals nothing is said to be more or less", () => {
  const { depthLoss, kinds } = analysisOf();
  const plain = said({
    depthLoss: depthLoss.map(({ loss, given }) => ({ loss, given, spearman: { value: 0.5 } })),
    kinds: kinds.map((row) => ({ ...row, difference: { value: 2 } })),
  }).join("\n");
  assert.match(plain, /0\.500 over all tokens.*too few to tell/);
  assert.doesNotMatch(plain, /Harder tokens|More layers/);
});

Deno.test("tables show every group, deepest sorts first, and dashes for what there is not", () => {
  const lines = analysisTables(analysisOf()).split("\n");
  const at = (start: RegExp) => lines.findIndex((line) => start.test(line));
  assert.ok(at(/^all /) < at(/^high loss/) && at(/^high loss/) < at(/^numeric/));
  assert.ok(at(/^numeric/) < at(/^word/) && at(/^word/) < at(/^fact/));
  assert.match(lines[at(/^all /)]!, /^all +10 +3\.500 +3\.000 to 4\.000 +– +– +2\.000 +0\.250$/);
  assert.match(lines[at(/^layer and token/)]!, /40 +0\.750 +0\.700 to 0\.800 +0\.250 /);
  assert.match(lines[at(/^ +3 +–/)]!, /^ +3 +– +– +– +–$/);
  assert.match(analysisTables(analysisOf()), /Spearman +95% +at equal text +95%/);
  const { gateVariance: _, ...rest } = analysisOf();
  assert.doesNotMatch(analysisTables({ ...rest, gateVariance: [] }), /variance explained/);
});
