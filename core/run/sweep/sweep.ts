/**
 * A sweep: one experiment at many settings, and which of the outcomes are worth having.
 *
 *   <out>/trials/<settings>/     each trial's run
 *   <out>/trials.csv             a row for each, with the frontier marked
 *   <out>/pareto.svg, .png       the picture
 */

import { join } from "node:path";
import { csvFormat } from "d3-dsv";
import { UserError } from "../../contracts/errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { writeFigure } from "../../report/figures.ts";
import { paretoFigure } from "../../report/pareto_figure.ts";
import { formatDuration } from "../progress.ts";
import { formatTable } from "../table.ts";
import { commonArgs, seedsOf, type SweepOptions } from "./command.ts";
import { onFrontier, rankCorrelation } from "./frontier.ts";
import { failureIn, runTold, setArgs, startOver } from "./study.ts";
import { type EarlyStopping } from "./sweep_folder.ts";
import { type Trial } from "./trial.ts";

/** What a sweep tries. */
export interface Sweep {
  readonly name: string;
  /** Path of the experiment's script. */
  readonly script: string;
  /** Values to try for each setting; all combinations are run. */
  readonly grid: Readonly<Record<string, readonly number[]>>;
  /** Further options of every trial. */
  readonly args: readonly string[];
  /** When trials are given up before their end; never unless told. */
  readonly earlyStopping?: EarlyStopping;
}

/** A finished trial in numbers. */
interface SweepRow {
  readonly settings: Readonly<Record<string, number>>;
  readonly skipRatio: number;
  readonly loss: number;
  readonly perplexity: number;
  readonly flopsPerToken: number;
  readonly activeLayers: number;
  readonly collapse: string;
  readonly seconds: number;
}

/** All combinations of a grid's values, the last setting changing fastest. */
function combinations(grid: Sweep["grid"]): Record<string, number>[] {
  return Object.entries(grid).reduce<Record<string, number>[]>(
    (rows, [key, values]) =>
      rows.flatMap((row) => values.map((value) => ({ ...row, [key]: value }))),
    [{}],
  );
}

const shortName = (key: string) => key.slice(key.lastIndexOf(".") + 1);

function trialsOf(sweep: Sweep, options: SweepOptions): { trial: Trial; settings: Row }[] {
  return combinations({ ...sweep.grid, seed: seedsOf(options) }).map((settings) => {
    const words = Object.entries(settings).map(([key, value]) => `${shortName(key)}=${value}`);
    const trial = {
      name: words.join(" "),
      script: sweep.script,
      folder: join(options.out, "trials", words.join(",")),
      args: [
        ...sweep.args,
        ...commonArgs(options),
        ...setArgs(Object.entries(settings).map(([key, value]) => `${key}=${value}`)),
      ],
    };
    return { trial, settings };
  });
}

type Row = Readonly<Record<string, number>>;

/**
 * Runs a sweep and prints what came out.
 *
 * @throws {UserError} when a trial failed twice, after everything else is done and written.
 */
export async function runSweep(sweep: Sweep, options: SweepOptions): Promise<void> {
  startOver(options);
  const trials = trialsOf(sweep, options);
  const started = performance.now();
  const { earlyStopping } = sweep;
  const outcomes = await runTold(trials.map(({ trial }) => trial), { ...options, earlyStopping });
  const rows = outcomes.flatMap((outcome, i) =>
    "record" in outcome ? [toRow(trials[i]!.settings, outcome.record.final)] : []
  ).toSorted((a, b) => a.skipRatio - b.skipRatio);
  const files = rows.length === 0 ? undefined : await write(sweep, options.out, rows);
  const lines = files
    ? [
      "",
      sweepTable(rows),
      "",
      orderLine(rows),
      "",
      `trials   ${files.csv}`,
      `figure   ${files.svg}, ${files.png}`,
    ]
    : [];
  const givenUp =
    outcomes.filter((outcome) => "stopped" in outcome && outcome.stopped.kind === "hopeless")
      .length;
  if (givenUp > 0) lines.push(`given up ${givenUp} of ${outcomes.length} trials, as hopeless`);
  lines.push(`time     ${formatDuration((performance.now() - started) / 1000)}`);
  console.log(lines.join("\n"));
  const failure = failureIn(outcomes);
  if (failure !== undefined) throw new UserError(failure);
}

function toRow(settings: Row, final: Readonly<Record<string, unknown>>): SweepRow {
  const number = (key: string, absent = NaN) =>
    typeof final[key] === "number" ? final[key] : absent;
  return {
    settings,
    skipRatio: number("skipRatio", 0),
    loss: number("loss"),
    perplexity: number("perplexity"),
    flopsPerToken: number("flopsPerToken"),
    activeLayers: number("activeLayers"),
    collapse: String(final["collapse"] ?? ""),
    seconds: number("wallSeconds"),
  };
}

async function write(sweep: Sweep, out: string, rows: readonly SweepRow[]) {
  const frontier = onFrontier(rows);
  const csv = join(out, "trials.csv");
  const cells = rows.map(({ settings, skipRatio, loss, ...row }, i) => ({
    ...Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [snake(shortName(key)), value]),
    ),
    "skip_ratio": skipRatio,
    "active_layers": row.activeLayers,
    "flops_per_token": row.flopsPerToken,
    "validation_loss": loss,
    perplexity: row.perplexity,
    collapse: row.collapse,
    frontier: frontier[i] ? 1 : 0,
    "wall_seconds": row.seconds.toFixed(1),
  }));
  writeFileAtomic(csv, csvFormat(cells) + "\n");
  const points = rows.map(({ skipRatio, loss }, i) => ({
    skipRatio,
    loss,
    frontier: frontier[i]!,
  }));
  const figure = await writeFigure(join(out, "pareto"), paretoFigure(points, sweep.name));
  return { csv, ...figure };
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function sweepTable(rows: readonly SweepRow[]): string {
  const frontier = onFrontier(rows);
  const keys = Object.keys(rows[0]!.settings);
  return formatTable(
    [
      ...keys.map((key) => ({ title: shortName(key) })),
      { title: "skip ratio", digits: 3 },
      { title: "active layers", digits: 2 },
      { title: "loss", digits: 4 },
      { title: "perplexity", digits: 3 },
      { title: "collapse" },
      { title: "frontier" },
    ],
    rows.map((row, i) => [
      ...keys.map((key) => row.settings[key]),
      row.skipRatio,
      row.activeLayers,
      row.loss,
      row.perplexity,
      row.collapse,
      frontier[i] ? "yes" : "",
    ]),
  );
}

function orderLine(rows: readonly SweepRow[]): string {
  const count = onFrontier(rows).filter(Boolean).length;
  const correlation = rankCorrelation(rows);
  const first = `${count} of ${rows.length} trials are on the frontier.`;
  if (rows.length < 3 || Number.isNaN(correlation)) return first;
  return `${first} Rank correlation of skip ratio and loss: ${correlation.toFixed(2)} ` +
    "(1: more skip always costs more).";
}
