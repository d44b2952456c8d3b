/** Trials in tables, where the runs that they came from are not in the folder any more. */

import { dirname, sep } from "node:path";
import { type PagePoint, type PageRun } from "../../report/page_data.ts";
import { type ResultTable } from "../results_folder.ts";

/** Columns that say how a trial came out. All others say which one it is. */
const OUTCOMES: ReadonlySet<string> = new Set([
  "skip_ratio",
  "active_layers",
  "flops_per_token",
  "relative_flops",
  "validation_loss",
  "perplexity",
  "question_accuracy",
  "collapse",
  "flag",
  "frontier",
  "wall_seconds",
]);

/** Rows with a loss and a skip ratio, but for those that are runs or budgets of runs in the folder. */
export function pagePoints(tables: readonly ResultTable[], runs: readonly PageRun[]): PagePoint[] {
  const known = new Set(runs.flatMap((run) => [run, ...run.budgets]).map(signature));
  const points: PagePoint[] = [];
  for (const { path, rows } of tables) {
    const { group, base } = originOf(path, runs);
    for (const row of rows) {
      const skipRatio = numberIn(row["skip_ratio"]);
      const loss = numberIn(row["validation_loss"]);
      if (skipRatio === null || loss === null) continue;
      const flops = numberIn(row["flops_per_token"]);
      const share = flops === null || base === null ? null : flops / base;
      const point = {
        group,
        source: path,
        label: Object.entries(row).filter(([key, value]) => !OUTCOMES.has(key) && value)
          .map(([key, value]) => `${key} ${value}`).join(", "),
        skipRatio,
        loss,
        perplexity: numberIn(row["perplexity"]) ?? Math.exp(loss),
        flopsShare: numberIn(row["relative_flops"]) ?? share,
        accuracy: numberIn(row["question_accuracy"]),
      };
      if (known.has(signature(point))) continue;
      known.add(signature(point));
      points.push(point);
    }
  }
  return points;
}

/** Equal for what is one measurement, written down twice. */
function signature({ skipRatio, loss }: Pick<PagePoint, "skipRatio" | "loss">): string {
  return `${skipRatio?.toFixed(8)} ${loss?.toFixed(8)}`;
}

/**
 * What a table's trials may be compared with: the runs below its folder, or the one it is in. Where
 * there are none a table stands for itself, as nothing says what model it is of.
 */
function originOf(path: string, runs: readonly PageRun[]) {
  const folder = dirname(path);
  const near = runs.filter(({ id }) =>
    id === folder || id.startsWith(folder + sep) || folder.startsWith(id + sep)
  );
  const groups = new Set(near.map(({ group }) => group));
  const [group] = groups;
  if (group === undefined || groups.size > 1) return { group: `the table ${path}`, base: null };
  return { group, base: near.find(({ baseFlops }) => baseFlops !== null)?.baseFlops ?? null };
}

function numberIn(cell: string | undefined): number | null {
  const value = Number(cell);
  return cell === undefined || cell.trim() === "" || !Number.isFinite(value) ? null : value;
}
