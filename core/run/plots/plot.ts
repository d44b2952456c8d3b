/** What there is to draw: figures that the results allow, and those that they do not. */

import type { TopLevelSpec } from "vega-lite";

/** A figure that can be drawn. */
export interface Plot {
  /** What sort of figure it is, such as `loss_breakdown`. */
  readonly kind: string;
  /** Name of its files, without an ending: `exp10_loss_breakdown`. */
  readonly name: string;
  readonly draw: () => TopLevelSpec;
}

/** A figure that cannot, and what would change that. */
export interface LeftOut {
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
  /** What to run for it. */
  readonly command: string;
}

/** Either of the two. */
export type Planned = Plot | LeftOut;

/** Whether it can be drawn. */
export function isPlot(planned: Planned): planned is Plot {
  return "draw" in planned;
}

/** A sort of figure, and what there must be for it. */
export interface PlotKind {
  readonly kind: string;
  /** What is missing where there is nothing to draw. */
  readonly needs: string;
  /** What to run for it. */
  readonly command: string;
}

/** A figure for each source; where there is none, the figure that is left out. */
export function plotEach<Source>(
  { kind, needs, command }: PlotKind,
  sources: readonly Source[],
  nameOf: (source: Source) => string,
  draw: (source: Source) => TopLevelSpec,
): Planned[] {
  if (sources.length === 0) return [{ kind, name: kind, reason: needs, command }];
  return sources.map((source) => ({ kind, name: nameOf(source), draw: () => draw(source) }));
}

/** `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** Names in the order that people count in: exp2 before exp10. */
export function byName(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** A text as a part of a file's name. */
export function fileName(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}._]+/gu, "-").replaceAll(/^-+|-+$/g, "");
}
