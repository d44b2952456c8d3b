// The page: takes the data out of the document and starts each part.

import { startCurves } from "./curves.js";
import { startDetails } from "./details.js";
import { byId, el, put } from "./dom.js";
import { date, loss, percent } from "./format.js";
import { startFrontier } from "./frontier.js";
import { startHeatmaps } from "./heatmaps.js";
import { startLive } from "./live.js";
import { startTable } from "./runs_table.js";
import { data, on, setData, settingsOf, tick, tickedRuns } from "./store.js";
import { startTasks } from "./tasks.js";
import { startTheme } from "./theme.js";
import { startTokens } from "./tokens.js";

/** Runs that are ticked at first: the newest that have something to draw. */
const TICKED_AT_FIRST = 4;

startTheme();
startTable();
startDetails();
startCurves();
startFrontier();
startHeatmaps();
startTokens();
startTasks();
on("data", frame);

const { live, ...given } = JSON.parse(byId("data").textContent);
setData(given);
if (tickedRuns().length === 0) tickNewest();
if (live) {
  startLive();
  // A run that begins on an empty page, or beside old ones, should be seen.
  const seen = new Set(given.runs.map(({ id }) => id));
  on("data", () => {
    const fresh = data.runs.filter(({ id }) => !seen.has(id)).map(({ id }) => id);
    for (const id of fresh) seen.add(id);
    if (fresh.length > 0) queueMicrotask(() => tick(fresh, true));
  });
}

/** What is running, and the newest finished run of each of the last experiments; trials of sweeps,
 * of which there are many alike, only where there is nothing else. */
function tickNewest() {
  const drawable = data.runs.filter(({ curves }) => curves.length > 0);
  const running = drawable.filter(({ status }) => status === "running");
  const finished = drawable.filter(({ status }) => status === "finished");
  const single = finished.filter((run) => settingsOf(run) === "");
  const newest = new Map(
    (single.length > 0 ? single : finished).map((run) => [run.experiment, run]),
  );
  const last = [...newest.values()].sort((a, b) => a.startedAt < b.startedAt ? -1 : 1)
    .slice(-TICKED_AT_FIRST);
  tick([...running, ...last].map(({ id }) => id), true);
}

/** What stands around the sections: the numbers on top, notes, the line at the bottom. */
function frame() {
  const { runs, rest, root, readAt } = data;
  const none = runs.length === 0 && rest.points.length === 0 && rest.evaluations.length === 0;
  byId("empty").hidden = !none;
  for (const id of ["summary", "runs", "curves", "frontier", "layers", "tokens", "sections"]) {
    byId(id).hidden = none;
  }
  for (const place of document.querySelectorAll("[data-root]")) place.textContent = root;
  put(
    byId("summary"),
    tiles(runs).map(([term, value, more]) =>
      el(
        "div",
        { class: "tile" },
        el("p", { class: "eyebrow" }, term),
        el("p", { class: "value" }, value),
        el("p", { class: "more" }, more),
      )
    ),
  );
  byId("notes").hidden = rest.notes.length === 0;
  const count = rest.notes.length;
  byId("notes").querySelector("summary").textContent = count === 1
    ? "1 file could not be read"
    : `${count} files could not be read`;
  put(byId("notes").querySelector("ul"), rest.notes.map((note) => el("li", {}, note)));
  put(byId("made"), "Read from ", el("code", {}, root), ` on ${date(readAt)}.`);
  document.title = `dlr: ${root}`;
}

function tiles(runs) {
  const count = (status) => runs.filter((run) => run.status === status).length;
  const finished = runs.filter(({ status }) => status === "finished");
  const states = ["running", "interrupted", "killed"].filter(count).map((status) =>
    `${count(status)} ${status}`
  );
  const cost = (run) => {
    const base = run.ways.find(({ way }) => way === "base")?.perplexity;
    return base && run.perplexity && run.skipRatio > 0.01 ? run.perplexity / base : null;
  };
  const routed = finished.filter((run) => cost(run) !== null);
  const deepest =
    routed.filter((run) => cost(run) <= 1.02).toSorted((a, b) => b.skipRatio - a.skipRatio)[0];
  const newest = runs.at(-1);
  return [
    ["Runs", String(runs.length), [`${finished.length} finished`, ...states].join(", ")],
    ...(deepest
      ? [[
        "Skipped within 2 % of the base",
        percent(deepest.skipRatio),
        `${deepest.experiment}, perplexity × ${cost(deepest).toFixed(3)}`,
      ]]
      : []),
    ...(newest
      ? [[
        "Newest",
        newest.experiment,
        `${newest.status}, loss ${loss(newest.loss)}, ${percent(newest.skipRatio)} skipped`,
      ]]
      : []),
  ];
}
