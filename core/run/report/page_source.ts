/** A folder of results as the HTML report shows it, read as often as wanted. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import {
  type PageData,
  type PageEvaluation,
  type PageRun,
  type PageStatus,
  type PageTokens,
  type PageVersions,
} from "../../report/page_data.ts";
import { type EvaluationResult, ResultsReader, type RunResult } from "../results_folder.ts";
import { isOpen } from "../run_lock.ts";
import { readTokenTrace, TOKENS_FILE } from "../token_trace.ts";
import { pagePoints } from "./page_points.ts";
import { type Around, pageRun, versionOf } from "./page_run.ts";

interface Known {
  readonly around: Around;
  readonly page: PageRun;
}

interface KnownTokens {
  readonly stamp: string;
  readonly tokens: PageTokens | null;
  readonly note?: string;
}

/** Reads a folder again and again; what did not change is neither read nor made anew. */
export class PageSource {
  readonly #reader: ResultsReader;
  readonly #runs = new WeakMap<RunResult, Known>();
  readonly #tokens = new Map<string, KnownTokens>();

  /** @param root a folder; one that does not exist is empty. */
  constructor(readonly root: string) {
    this.#reader = new ResultsReader(root);
  }

  /**
   * What is there now.
   *
   * @throws {UserError} where a folder may not be read.
   */
  read(): PageData {
    const { runs: results, tables, evaluations, notes } = this.#reader.read();
    const allNotes = [...notes];
    const runs = results.map((result) => this.#run(result, allNotes));
    const rest = {
      points: pagePoints(tables, runs),
      evaluations: evaluations.map(pageEvaluation),
      notes: allNotes,
    };
    return {
      root: this.root,
      readAt: new Date().toISOString(),
      runs,
      rest: { ...rest, version: versionOf(rest) },
    };
  }

  #run(result: RunResult, notes: string[]): PageRun {
    const folder = join(this.root, result.folder);
    const { tokens, note } = this.#tokensIn(folder);
    if (note !== undefined) notes.push(note);
    const status = statusOf(result, folder);
    const known = this.#runs.get(result);
    if (known?.around.status === status && known.around.tokens === tokens) return known.page;
    const around = { status, tokens };
    const page = pageRun(result, around);
    this.#runs.set(result, { around, page });
    return page;
  }

  #tokensIn(folder: string): KnownTokens {
    const path = join(folder, TOKENS_FILE);
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    const stamp = stat ? `${stat.mtimeMs} ${stat.size}` : "absent";
    const before = this.#tokens.get(folder);
    if (before?.stamp === stamp) return before;
    const now = stat ? { stamp, ...readTokens(folder) } : { stamp, tokens: null };
    this.#tokens.set(folder, now);
    return now;
  }
}

/** The versions of what is on a page. */
export function pageVersions({ root, readAt, runs, rest }: PageData): PageVersions {
  return {
    root,
    readAt,
    runs: runs.map(({ id, version }) => [id, version] as const),
    rest: rest.version,
  };
}

function statusOf({ record }: RunResult, folder: string): PageStatus {
  return record.status === "running" && !isOpen(folder) ? "killed" : record.status;
}

function readTokens(folder: string): Omit<KnownTokens, "stamp"> {
  try {
    const { anchorLayers, totalLayers, sequences } = readTokenTrace(folder);
    return { tokens: { anchorLayers, totalLayers, sequences } };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { tokens: null, note: error.message };
  }
}

function pageEvaluation({ label, folder, results }: EvaluationResult): PageEvaluation {
  const scores = Object.entries(results).flatMap(([task, metrics]) =>
    Object.entries(metrics ?? {}).flatMap(([key, value]) => {
      const [metric = "", filter = "none"] = key.split(",");
      if (typeof value !== "number" || !key.includes(",") || metric.endsWith("_stderr")) return [];
      return [{ task, metric: filter === "none" ? metric : `${metric} (${filter})`, value }];
    })
  );
  return { label, folder, scores };
}
