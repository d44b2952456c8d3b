// The table of runs: sorted, filtered, ticked.

import { announce, byId, el, put } from "./dom.js";
import { date, duration, fixed, loss, NONE, percent } from "./format.js";
import { data, isTicked, lookOf, on, settingsOf, tick } from "./store.js";
import { openDetails, statusBadge } from "./details.js";

const STATUSES = ["finished", "running", "interrupted", "killed"];

/** Of each column: its title, what it sorts by, and what it shows. */
const COLUMNS = [
  { key: "experiment", title: "Experiment", value: (run) => run.experiment },
  { key: "model", title: "Model", value: (run) => run.model },
  { key: "router", title: "Router", value: (run) => run.router },
  { key: "seed", title: "Seed", value: (run) => run.seed, number: true },
  { key: "status", title: "Status", value: (run) => run.status },
  measured("skipRatio", "Skip\nratio", percent),
  measured("activeLayers", "Active\nlayers", (value) => fixed(value, 2)),
  measured("loss", "Loss", loss),
  measured("perplexity", "Perplexity", (value) => fixed(value, 3)),
  measured("flopsShare", "FLOPs", percent, "FLOPs per token, of the base model's"),
  measured("accuracy", "Accuracy", percent, "questions answered right"),
  { key: "collapse", title: "Collapse", value: (run) => run.collapse },
  {
    key: "seconds",
    title: "Duration",
    value: (run) => elapsed(run),
    show: (run) => duration(elapsed(run)),
    number: true,
  },
  {
    key: "startedAt",
    title: "Started",
    value: (run) => run.startedAt,
    show: (run) => date(run.startedAt),
  },
];

function measured(key, title, write, hint) {
  return {
    key,
    title,
    hint,
    value: (run) => run[key],
    show: (run) => write(run[key]),
    number: true,
  };
}

function elapsed(run) {
  if (run.status !== "running") return run.seconds;
  return Math.max(0, (Date.now() - Date.parse(run.startedAt)) / 1000);
}

const order = { key: "startedAt", descending: true };
/** Row of each run, with the version it shows. */
const rows = new Map();
let shownRuns = [];
let body;

/** Builds the table. */
export function startTable() {
  put(
    byId("status"),
    el("option", { value: "" }, "all"),
    STATUSES.map((status) => el("option", { value: status }, status)),
  );
  const all = el("input", {
    type: "checkbox",
    id: "tick-all",
    "aria-label": "Tick all shown runs",
    onchange: (event) => tick(idsShown(), event.target.checked),
  });
  body = el("tbody");
  put(
    byId("table"),
    el("caption", { class: "unseen" }, "Runs"),
    el(
      "thead",
      {},
      el("tr", {}, el("th", { scope: "col", class: "tick" }, all), COLUMNS.map(header)),
    ),
    body,
  );
  byId("filter").addEventListener("input", () => arrange());
  byId("status").addEventListener("change", () => arrange());
  byId("tick-shown").addEventListener("click", () => tick(idsShown(), true));
  byId("tick-none").addEventListener("click", () => tick(data.runs.map(({ id }) => id), false));
  on("data", () => arrange());
  on("ticks", markTicks);
}

function header(column) {
  const sort = () => {
    order.descending = order.key === column.key ? !order.descending : false;
    order.key = column.key;
    arrange();
    announce(
      `sorted by ${column.title.replace("\n", " ")}, ${
        order.descending ? "descending" : "ascending"
      }`,
    );
  };
  return el(
    "th",
    {
      scope: "col",
      "data-key": column.key,
      class: column.number ? "number" : null,
      title: column.hint,
    },
    el(
      "button",
      { type: "button", onclick: sort },
      column.title,
      el("span", { "aria-hidden": "true" }),
    ),
  );
}

const idsShown = () => shownRuns.map(({ id }) => id);

/** Filters and sorts; rows of runs that did not change stay as they are. */
function arrange() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const status = byId("status").value;
  shownRuns = data.runs.filter((run) => {
    if (status !== "" && run.status !== status) return false;
    const text = [
      run.id,
      run.experiment,
      run.model,
      run.data,
      run.router,
      `seed ${run.seed}`,
      run.collapse,
    ]
      .join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const { value } = COLUMNS.find(({ key }) => key === order.key);
  shownRuns.sort((a, b) => compare(value(a), value(b), order.descending));

  const ids = new Set(data.runs.map(({ id }) => id));
  for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
  const focused = document.activeElement;
  put(body, shownRuns.map(rowOf));
  // Moved rows lose the focus that was in them.
  if (focused !== document.activeElement && focused?.isConnected) {
    focused.focus({ preventScroll: true });
  }
  for (const head of byId("table").querySelectorAll("th[data-key]")) {
    const sorted = head.dataset.key === order.key;
    if (sorted) head.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const total = data.runs.length;
  const shown = shownRuns.length === total
    ? `${total} runs`
    : `${shownRuns.length} of ${total} runs`;
  byId("shown").textContent = total === 1 ? "1 run" : shown;
  markTicks();
}

/** Numbers by size, texts by their letters; what is not there comes last either way. */
export function compare(a, b, descending) {
  const missing = (value) =>
    value === null || value === undefined || value === "" || Number.isNaN(value);
  if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
  const sign = descending ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), "en", { numeric: true });
}

function rowOf(run) {
  const known = rows.get(run.id);
  if (known?.version === run.version && run.status !== "running") return known.row;
  const box = el("input", {
    type: "checkbox",
    "aria-label": `Draw ${run.experiment}, ${run.id}`,
    onchange: (event) => tick([run.id], event.target.checked),
  });
  const row = el(
    "tr",
    { "data-run": run.id },
    el("td", { class: "tick" }, el("span", { class: "swatch", "aria-hidden": "true" }), box),
    COLUMNS.map((column) => cell(column, run)),
  );
  const focused = controlsOf(known?.row).indexOf(document.activeElement);
  rows.set(run.id, { version: run.version, row });
  // The new row is not in the document before this is over.
  if (focused >= 0) queueMicrotask(() => controlsOf(row)[focused]?.focus());
  return row;
}

const controlsOf = (row) => row ? [...row.querySelectorAll("input, button")] : [];

function cell(column, run) {
  if (column.key === "experiment") {
    const open = el("button", {
      type: "button",
      class: "link",
      title: run.id,
      onclick: () => openDetails(run.id),
    }, run.experiment);
    const settings = settingsOf(run);
    return el(
      "th",
      { scope: "row" },
      open,
      settings ? el("small", { title: settings }, settings) : null,
    );
  }
  if (column.key === "status") return el("td", {}, statusBadge(run));
  if (column.key === "collapse") {
    const fine = run.collapse === "none" || run.collapse === "";
    return el("td", { class: fine ? "faint" : "warning" }, run.collapse || NONE);
  }
  const text = column.show
    ? column.show(run)
    : String(column.value(run) || (column.number ? 0 : NONE));
  const soFar = run.preliminary && column.number && run[column.key] !== null &&
    ["skipRatio", "activeLayers", "loss", "perplexity"].includes(column.key);
  return el("td", {
    class: [column.number ? "number" : "", text === NONE ? "faint" : "", soFar ? "so-far" : ""]
      .join(" "),
    title: soFar ? "as last evaluated: the run has not ended" : null,
  }, text);
}

function markTicks() {
  for (const [id, { row }] of rows) {
    const ticked = isTicked(id);
    row.querySelector("input").checked = ticked;
    row.classList.toggle("ticked", ticked);
    row.querySelector(".swatch").className = `swatch ${lookOf(id).colour}`;
  }
  const ticked = shownRuns.filter(({ id }) => isTicked(id)).length;
  const all = byId("tick-all");
  all.checked = ticked > 0 && ticked === shownRuns.length;
  all.indeterminate = ticked > 0 && ticked < shownRuns.length;
}
