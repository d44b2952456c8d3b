// All about one run, in a dialog.

import { byId, el, put } from "./dom.js";
import { date, duration, fixed, loss, NONE, percent, wayName } from "./format.js";
import { data } from "./store.js";

/** Prepares the dialog. */
export function startDetails() {
  byId("close-details").addEventListener("click", () => byId("details").close());
  byId("details").addEventListener("click", (event) => {
    // A click on the dialog itself is one beside its contents.
    if (event.target === byId("details")) byId("details").close();
  });
}

/** Shows the run with this id. */
export function openDetails(id) {
  const run = data.runs.find((each) => each.id === id);
  if (!run) return;
  byId("details-title").textContent = `${run.experiment}, seed ${run.seed}`;
  put(byId("details-body"), facts(run), ways(run), budgets(run), configuration(run));
  byId("details").showModal();
}

function facts(run) {
  const took = run.seconds === null ? NONE : duration(run.seconds);
  const entries = [
    ["Status", statusBadge(run)],
    ["Folder", el("code", {}, run.id)],
    ["Command", el("code", {}, run.commandLine || NONE)],
    ["Compared with", run.group],
    ["Steps", run.steps ? `${run.step} of ${run.steps}` : String(run.step)],
    ["Started, took", `${date(run.startedAt)}, ${took}`],
    ["Machine", run.machine || NONE],
    ["Commit", el("code", {}, run.commit || NONE)],
  ];
  return el(
    "dl",
    { class: "facts" },
    entries.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]),
  );
}

function ways({ ways: all }) {
  if (all.length === 0) return null;
  const base = all.find(({ way }) => way === "base")?.perplexity;
  return numbersTable(
    "The same data in every way of running it",
    ["validation", "loss", "× base", "skip ratio", "FLOPs", "questions"],
    all.map((row) => [
      wayName(row.way),
      loss(row.loss),
      fixed(row.perplexity / base, 3),
      percent(row.skipRatio),
      percent(row.flopsShare),
      percent(row.accuracy),
    ]),
  );
}

function budgets({ budgets: all }) {
  if (all.length === 0) return null;
  return numbersTable(
    "This checkpoint at other budgets",
    ["budget", "skip ratio", "FLOPs", "loss", "perplexity"],
    all.map((row) => [
      percent(row.budget, 0),
      percent(row.skipRatio),
      percent(row.flopsShare),
      loss(row.loss),
      fixed(row.perplexity, 3),
    ]),
  );
}

function numbersTable(caption, titles, rows) {
  return el(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          titles.map((title, i) => el("th", { scope: "col", class: i ? "number" : null }, title)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map(([first, ...others]) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, first),
            others.map((text) => el("td", { class: "number" }, text)),
          )
        ),
      ),
    ),
  );
}

function configuration({ config }) {
  return el(
    "details",
    {},
    el("summary", {}, "Configuration"),
    el(
      "pre",
      { tabindex: "0", role: "region", "aria-label": "Configuration" },
      JSON.stringify(config, null, 2),
    ),
  );
}

/** What state a run is in, with how far it has come where it has not ended. */
export function statusBadge(run) {
  const share = run.steps ? Math.min(1, run.step / run.steps) : 0;
  const ended = run.status === "finished";
  return el(
    "span",
    { class: `badge ${run.status}`, title: run.steps ? `step ${run.step} of ${run.steps}` : null },
    run.status,
    ended ? "" : ` ${Math.floor(100 * share)} %`,
  );
}
