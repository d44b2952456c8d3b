/** docs/figures.md against the figures that there are. */

import assert from "node:assert/strict";
import { plannedPlots } from "../../core/run/plots/plot_results.ts";
import { selectRuns } from "../../core/run/plots/selected_runs.ts";
import { readResults } from "../../core/run/results_folder.ts";
import { inFolder } from "../core/io/support.ts";
import { fieldsUnder, page } from "./pages.ts";

Deno.test("docs/figures.md lists every figure that can be drawn, and no other", () =>
  inFolder((folder) => {
    // Without results every figure is left out, and said to be.
    const nothing = readResults(folder);
    const kinds = plannedPlots(nothing, selectRuns(nothing)).map(({ kind }) => kind);
    const listed = fieldsUnder(page("docs/figures.md"), "The figures")
      .map((name) => name.replace(/^\*_/, ""));
    assert.deepEqual([...new Set(listed)].toSorted(), [...new Set(kinds)].toSorted());
  }));
