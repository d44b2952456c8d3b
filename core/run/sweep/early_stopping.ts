/**
 * Giving up hopeless trials, after asynchronous successive halving (Li et al. 2020, "A System for
 * Massively Parallel Hyperparameter Tuning"), in the form that stops trials instead of promoting them.
 *
 * Rungs are at `firstStep`, `reduction` times that, and so on. A trial that comes to a rung is compared
 * with those that came there before it, and goes on if it is among the best `1 / reduction` of them, or
 * the best. Better is what had at least its skip ratio for its target and a lower validation loss, so
 * trials with other budgets do not push each other out.
 */

import fs from "node:fs";
import { join } from "node:path";
import { type Stop } from "../../contracts/launcher.ts";
import { type MetricRow, METRICS_FILE, readMetrics } from "../metrics_csv.ts";
import { type EarlyStopping } from "./sweep_folder.ts";

/** What a trial was worth at a rung. */
export interface Standing {
  /** The skip ratio that it trained for. */
  readonly targetSkip: number;
  /** Validation loss in nats per token. */
  readonly loss: number;
}

/** Whether a trial is to be given up. @param others those at the same rung, without it */
export function isHopeless(
  own: Standing,
  others: readonly Standing[],
  { reduction }: Pick<EarlyStopping, "reduction">,
): boolean {
  const better =
    others.filter(({ targetSkip, loss }) => targetSkip >= own.targetSkip - 1e-9 && loss < own.loss)
      .length;
  return better >= Math.max(1, Math.floor((others.length + 1) / reduction));
}

/** The steps of rungs up to `step`, first to last. */
export function rungsUpTo(step: number, { firstStep, reduction }: EarlyStopping): number[] {
  const rungs = [];
  for (let rung = firstStep; rung <= step; rung *= reduction) rungs.push(Math.ceil(rung));
  return rungs;
}

/** Where a run stood at a rung: at its first evaluation from there on. */
export function standingAt(rows: readonly MetricRow<string>[], rung: number): Standing | undefined {
  const row = rows.find((row) => row.step >= rung && row["validation_loss"] !== undefined);
  return row && { targetSkip: row["target_skip"] ?? 0, loss: row["validation_loss"]! };
}

/** Looks at a trial while it runs. */
export class Judge {
  #judged = 0;

  /**
   * @param folder the trial's own
   * @param others folders of all trials, its own may be among them
   */
  constructor(
    private readonly rule: EarlyStopping,
    private readonly folder: string,
    private readonly others: () => readonly string[],
  ) {}

  /** Why the trial is to be given up; undefined: it is not, so far. */
  verdict(): Stop | undefined {
    const rows = rowsOf(this.folder);
    const evaluated = rows.findLast((row) => row["validation_loss"] !== undefined)?.step ?? 0;
    for (const rung of rungsUpTo(evaluated, this.rule)) {
      if (rung <= this.#judged) continue;
      this.#judged = rung;
      const own = standingAt(rows, rung)!;
      const others = this.others().filter((folder) => folder !== this.folder)
        .map((folder) => standingAt(rowsOf(folder), rung))
        .filter((standing) => standing !== undefined);
      if (!isHopeless(own, others, this.rule)) continue;
      return {
        kind: "hopeless",
        why: `loss ${own.loss.toFixed(4)} at step ${rung}, beside ${others.length} other trials`,
      };
    }
    return undefined;
  }
}

function rowsOf(folder: string): MetricRow<string>[] {
  const path = join(folder, METRICS_FILE);
  return fs.existsSync(path) ? readMetrics(path) : [];
}
