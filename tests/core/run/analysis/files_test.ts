/** The files of an analysis. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { csvParse } from "d3-dsv";
import { drawAnalysis } from "../../../../core/run/analysis/figures.ts";
import { isAnalysisFile, writeAnalysis } from "../../../../core/run/analysis/files.ts";
import { analysisOf } from "./analysis_support.ts";

/** A folder for a test, removed after it. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "dlr_analysis_" });

  table(name: string) {
    return csvParse(Deno.readTextFileSync(join(this.path, `${name}.csv`)));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("every table has its rows, with empty cells for what there is not", () => {
  using folder = new Folder();
  writeAnalysis(folder.path, analysisOf(), {});
  const categories = folder.table("token_categories");
  // The first columns are those of before there were intervals.
  assert.deepEqual(categories.columns.slice(0, 5), [
    "category",
    "tokens",
    "avg_active_layers",
    "avg_token_loss",
    "high_loss_fraction",
  ]);
  assert.deepEqual({ ...categories[0] }, {
    category: "all",
    tokens: "10",
    "avg_active_layers": "3.5",
    "avg_token_loss": "2",
    "high_loss_fraction": "0.25",
    grouping: "all",
    "active_layers_low": "3",
    "active_layers_high": "4",
    difference: "",
    "difference_low": "",
    "difference_high": "",
  });
  assert.deepEqual(categories.map(({ difference }) => difference), [
    "",
    "-1",
    "-1",
    "1.5",
    "2",
    "0.25",
  ]);
  assert.deepEqual(folder.table("depth_by_position").map(({ position }) => position), [
    "0–7",
    "8–15",
  ]);
  assert.deepEqual({ ...folder.table("depth_by_layer")[1] }, {
    layer: "3",
    "active_share": "1",
    "active_share_low": "",
    "active_share_high": "",
    "activity_entropy": "0",
    "decision_entropy": "",
    flag: "always-on",
  });
  const cells = folder.table("layers_by_kind");
  assert.equal(cells.length, 12);
  assert.deepEqual([cells[3]!["category"], cells[3]!["layer"], cells[3]!["active_share"]], [
    "high loss",
    "3",
    "1",
  ]);
  assert.deepEqual(
    folder.table("gate_variance").map((
      row,
    ) => [row["factor"], row["explained"], row["beyond_layer"]]),
    [["layer", "0.5", ""], ["token", "0.75", "0.25"], ["position", "0.49", "-0.01"]],
  );
  assert.deepEqual(
    folder.table("depth_loss_correlation").map((
      row,
    ) => [row["layer"], row["given"], row["spearman"]])
      .slice(2, 6),
    [["", "token", "-0.08"], ["2", "nothing", "0.4"], ["2", "text", "0.2"], ["3", "nothing", ""]],
  );
});

Deno.test("the whole is in one file, with what it is about", () => {
  using folder = new Folder();
  writeAnalysis(folder.path, analysisOf(), { run: "here" });
  const whole = JSON.parse(Deno.readTextFileSync(join(folder.path, "analysis.json")));
  assert.deepEqual(whole, { run: "here", ...analysisOf() });
});

Deno.test("a table without rows is not written, and none of an earlier analysis stays", () => {
  using folder = new Folder();
  writeAnalysis(folder.path, analysisOf(), {});
  const names = writeAnalysis(folder.path, analysisOf({ gateVariance: [] }), {});
  assert.ok(!names.includes("gate_variance.csv"));
  assert.deepEqual(
    Array.from(Deno.readDirSync(folder.path), ({ name }) => name).toSorted(),
    names.toSorted(),
  );
});

Deno.test("all that an analysis leaves is known as its own, and nothing else is", async () => {
  using folder = new Folder();
  writeAnalysis(folder.path, analysisOf(), {});
  const figures = await drawAnalysis(folder.path, analysisOf(), "exp10");
  assert.deepEqual(figures, ["depth_by_kind.png", "depth_by_position.png", "layers_by_kind.png"]);
  const left = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assert.equal(left.length, 6 + 1 + 9);
  assert.deepEqual(left.filter((name) => !isAnalysisFile(name)), []);
  for (const name of ["run.json", "analysis.csv", "depth_by_kind", "my_depth_by_kind.png"]) {
    assert.ok(!isAnalysisFile(name), name);
  }
});
