/** Looking at figures. */

import assert from "node:assert/strict";
import type { TopLevelSpec } from "vega-lite";
import { renderSvg } from "../../../core/report/figures.ts";
import { COLUMN_WIDTH } from "../../../core/report/theme.ts";

/** The figure as SVG; whatever Vega complains about fails the test. */
export function drawn(spec: TopLevelSpec): Promise<string> {
  return renderSvg(spec, (message) => assert.fail(`Vega warns: ${message}`));
}

/** As {@link drawn}, of a figure that has to fit a column of a paper. */
export async function drawnInColumn(spec: TopLevelSpec): Promise<string> {
  const svg = await drawn(spec);
  const [, width, height] = /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.map(Number);
  assert.ok(width! <= COLUMN_WIDTH + 14, `${width} is wider than a column`);
  assert.ok(height! > 40);
  return svg;
}

/** All texts of a picture, in order. */
export function texts(svg: string): string[] {
  return Array.from(svg.matchAll(/<t(?:ext|span)[^>]*>([^<]+)</g), ([, text]) => text!);
}

/** Asserts that a picture has all of these texts. */
export function assertSays(svg: string, ...wanted: readonly string[]): void {
  const all = texts(svg);
  for (const text of wanted) assert.ok(all.includes(text), `no "${text}" in ${all.join(" | ")}`);
}

/** How many marks of a kind a picture has: `point`, `bar`, `line mark`, `rule`. */
export function markCount(svg: string, kind: string): number {
  return svg.match(new RegExp(`aria-roledescription="${kind}"`, "g"))?.length ?? 0;
}

/** Every row of data anywhere in a specification. */
export function dataOf(spec: unknown): Record<string, unknown>[] {
  if (typeof spec !== "object" || spec === null) return [];
  return Object.entries(spec).flatMap(([key, value]) =>
    key === "data" && value && typeof value === "object" && "values" in value
      // Vega marks the rows that it has drawn.
      ? JSON.parse(JSON.stringify(value.values)) as Record<string, unknown>[]
      : dataOf(value)
  );
}
