/** `deno task report`: the HTML file, and the texts whose tokens it shows. */

import fs from "node:fs";
import { join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { reportPage } from "../../report/page.ts";
import { type PageRun } from "../../report/page_data.ts";
import { type Plugins } from "../plugins/plugins.ts";
import { isTrial } from "../results_folder.ts";
import { CHECKPOINTS_FOLDER } from "../train_run.ts";
import { PageSource } from "./page_source.ts";

/** What was typed. */
export interface ReportOptions {
  /** Folder of results. */
  readonly results: string;
  /** The file to write; absent: `report.html` in the folder. */
  readonly out?: string | undefined;
  /** Runs to trace: folders or experiments, or `newest` or `none`. */
  readonly tokens: readonly string[];
  readonly quiet?: true | undefined;
}

/**
 * Writes the report.
 *
 * @returns the path of the file
 * @throws {UserError} when a run that was named cannot be traced, or the file cannot be written.
 */
export async function writeReport(options: ReportOptions, plugins: Plugins): Promise<string> {
  const { results, out = join(results, "report.html"), quiet = false } = options;
  const source = new PageSource(results);
  await traceRuns(options, source.read().runs, plugins, quiet);
  const data = source.read();
  writeFileAtomic(out, await reportPage(data));
  const { runs, rest: { points, notes } } = data;
  const tables = points.length === 0 ? "" : `, ${points.length} rows of tables`;
  if (!quiet) { for (const note of notes) console.error(`left out: ${note}`); }
  console.log(`report   ${out} (${runs.length} runs${tables})`);
  return out;
}

/** Writes the `tokens.json` of runs that are named, or of the newest routed run where it has none. */
async function traceRuns(
  { results, tokens }: ReportOptions,
  runs: readonly PageRun[],
  plugins: Plugins,
  quiet: boolean,
): Promise<void> {
  if (tokens.includes("none")) return;
  const isDefault = tokens.length === 0;
  const wanted = isDefault
    ? newestRouted(runs.map((run) => ({ run, folder: join(results, run.id) })))
    : tokens.map((name) => folderOf(name, results, runs));
  if (wanted.length === 0) return;
  // Only now: a report of what is there should not wait for a backend.
  const { openFinishedRun } = await import("../finished_run.ts");
  const { traceTokens, writeTokenTrace } = await import("../token_trace.ts");
  for (const folder of wanted) {
    try {
      await using finished = await openFinishedRun(folder, plugins, {}, quiet);
      const path = writeTokenTrace(folder, await traceTokens(finished));
      if (!quiet) console.error(`tokens   ${path}`);
    } catch (error) {
      // A report should come out although a checkpoint is gone, unless its tokens were asked for.
      if (!isDefault || !(error instanceof UserError)) throw error;
      if (!quiet) console.error(`no tokens of ${folder}: ${error.message}`);
    }
  }
}

/** The folder of the newest routed run that still has its checkpoint, unless it is traced already. */
function newestRouted(all: readonly { run: PageRun; folder: string }[]): string[] {
  const newest = all.findLast(({ run: { id, status, finalActivity }, folder }) =>
    status === "finished" && !isTrial(id) && finalActivity !== null &&
    fs.existsSync(join(folder, CHECKPOINTS_FOLDER))
  );
  return newest === undefined || newest.run.tokens ? [] : [newest.folder];
}

/** A folder as it is; an experiment's newest finished run in the folder of results. */
function folderOf(name: string, results: string, runs: readonly PageRun[]): string {
  const named = runs.find(({ id }) => id === name || join(results, id) === join(name)) ??
    runs.findLast(({ id, experiment, status }) =>
      experiment === name && status === "finished" && !isTrial(id)
    );
  if (named) return join(results, named.id);
  throw new UserError(
    `--tokens ${name}: ${results} holds no such folder and no finished run of such an experiment`,
  );
}
