/** Figures of what was measured on trained models: speed, and depth by sorts of tokens. */

import type { TopLevelSpec } from "vega-lite";
import { measuresFigure, type RowGroup } from "../../report/measures_figure.ts";
import { speedFigure } from "../../report/speed_figure.ts";
import { type ResultsFolder } from "../results_folder.ts";
import { listed, type Planned, plotEach } from "./plot.ts";
import { type PlotRow, type PlotTable, tablesNamed } from "./tables.ts";

/** Figures of `depth_timing.csv` and `token_categories.csv`. */
export function analysisPlots(results: ResultsFolder): Planned[] {
  const timings = tablesNamed(results, "depth_timing.csv", ["tokens_per_second"]);
  const missing = "no depth_timing.csv";
  const command = "deno task exp4 --checkpoint exp10";
  return [
    ...plotEach(
      { kind: "inference_speed_bar", needs: missing, command },
      timings,
      ({ source }) => `${source}_inference_speed_bar`,
      speedBars,
    ),
    ...plotEach(
      { kind: "speed_against_ideal", needs: missing, command },
      tablesNamed(results, "depth_timing.csv", ["flop_share", "time_share"]),
      ({ source }) => `${source}_speed_against_ideal`,
      idealFigure,
    ),
    ...plotEach(
      { kind: "inference_memory_bar", needs: `${missing} with memory`, command },
      tablesNamed(results, "depth_timing.csv", ["peak_memory_mb"]),
      ({ source }) => `${source}_inference_memory_bar`,
      memoryBars,
    ),
    ...plotEach(
      { kind: "token_categories", needs: "no token_categories.csv", command: "deno task exp19" },
      tablesNamed(results, "token_categories.csv", ["avg_active_layers"]),
      ({ source }) => `${source}_token_categories`,
      categoriesFigure,
    ),
  ];
}

const wayOf = ({ text }: PlotRow) => text("how") ?? "one way";

/** `prefill, batch 1`; in tables of older versions there was one phase. */
function phaseOf({ text }: PlotRow): string {
  const [phase, batch] = [text("phase"), text("batch")];
  return [phase ?? "all", ...batch === undefined ? [] : [`batch ${batch}`]].join(", ");
}

/** A group for each phase, a measure for each batch: speeds relative to the first way, which is dense. */
function speedBars({ source, rows }: PlotTable): TopLevelSpec {
  const batchOf = ({ text }: PlotRow) => text("batch") ?? "";
  const batches = [...new Set(rows.map(batchOf))];
  const phases = [...Map.groupBy(rows, ({ text }) => text("phase") ?? "all")];
  const groups = phases.map(([phase, own]): RowGroup => {
    const speedOf = (way: string, batch: string) =>
      own.find((row) => wayOf(row) === way && batchOf(row) === batch)?.number("tokens_per_second");
    const ways = [...new Set(own.map(wayOf))];
    const firsts = batches.map((batch) => speedOf(ways[0]!, batch));
    const inWords = firsts.map((first) =>
      first === undefined ? "?" : Math.round(first).toLocaleString("en")
    );
    return {
      title: `${phase}: ${ways[0]} at ${listed(inWords)} tokens/s`,
      rows: ways.map((way) => ({
        name: way,
        marked: way === ways[0],
        values: batches.map((batch, b) => {
          const [speed, first] = [speedOf(way, batch), firsts[b]];
          return speed === undefined || !first ? undefined : { value: speed / first };
        }),
      })),
    };
  });
  const measures = batches.map((batch) => ({
    title: `× ${wayOf(rows[0]!)}${batch === "" ? "" : `, batch ${batch}`}`,
    as: "bars" as const,
    digits: 2,
  }));
  return measuresFigure(groups, measures, {
    title: `${source}: speed of running the model with less depth`,
    subtitle: "tokens per second, relative to the way in red",
  });
}

function idealFigure({ source, rows }: PlotTable): TopLevelSpec {
  const points = rows.filter(({ number }) => number("flop_share")! > 0 && number("time_share")! > 0)
    .filter((row) => wayOf(row) !== "dense")
    .map((row) => ({
      kind: row.text("kind") ?? wayOf(row),
      phase: phaseOf(row),
      ideal: 1 / row.number("flop_share")!,
      speedup: 1 / row.number("time_share")!,
    }));
  return speedFigure(points, {
    title: `${source}: speed against the operations saved`,
    subtitle: "dashed: nothing of the saving is lost",
  });
}

function memoryBars({ source, rows }: PlotTable): TopLevelSpec {
  // Each way was measured once, over all phases.
  const ways = [...Map.groupBy(rows, wayOf)];
  return measuresFigure(
    [{
      rows: ways.map(([name, [row]]) => ({
        name,
        values: [{ value: row!.number("peak_memory_mb")! }],
      })),
    }],
    [{ title: "peak memory (MB)", as: "bars", digits: 0 }],
    { title: `${source}: most memory that each way takes` },
  );
}

function categoriesFigure({ source, rows }: PlotTable): TopLevelSpec {
  const named = (row: PlotRow) => {
    const layers = row.number("avg_active_layers");
    const loss = row.number("avg_token_loss");
    const [low, high] = [row.number("active_layers_low"), row.number("active_layers_high")];
    return {
      name: row.text("category") ?? "no name",
      marked: row.text("category") === "all",
      values: [
        layers === undefined ? undefined : { value: layers, low, high },
        loss === undefined ? undefined : { value: loss },
      ],
    };
  };
  // Tables of older versions have one grouping.
  const groups = Map.groupBy(rows, ({ text }) => text("grouping") ?? "");
  const tokens = rows.find(({ text }) => text("category") === "all")?.number("tokens");
  return measuresFigure(
    Array.from(groups, ([grouping, own]) => ({
      ...(grouping === "" || grouping === "all" ? {} : { title: `by ${grouping}` }),
      rows: own.map(named)
        .toSorted((a, b) => (b.values[0]?.value ?? 0) - (a.values[0]?.value ?? 0)),
    })),
    [
      { title: "active layers", as: "dots", digits: 2 },
      { title: "loss of the next token (nats)", as: "bars", digits: 2 },
    ],
    {
      title: `${source}: depth by sort of token`,
      subtitle: tokens === undefined
        ? undefined
        : `${tokens.toLocaleString("en")} tokens; in red: all of them`,
    },
  );
}
