// What the page knows and what is ticked; parts of the page hear of changes here.

import { date } from "./format.js";

/** Lines that can be told apart by their colour; after them dashes begin. */
const COLOURS = 7;
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

const listeners = new Map();
/** Place of each ticked run in the row of colours. */
const slots = new Map();

/** The data of the page; `setData` replaces it. */
export let data = {
  root: "",
  readAt: "",
  runs: [],
  rest: { points: [], evaluations: [], notes: [] },
};

/** Calls `listener` after each change of this kind: `data`, `ticks`. */
export function on(kind, listener) {
  listeners.set(kind, [...listeners.get(kind) ?? [], listener]);
}

function tell(kind) {
  for (const listener of listeners.get(kind) ?? []) listener();
}

/** Replaces the data; ticks of runs that are gone go too. */
export function setData(next) {
  data = next;
  nameRuns(next.runs);
  const ids = new Set(next.runs.map(({ id }) => id));
  for (const id of slots.keys()) if (!ids.has(id)) slots.delete(id);
  tell("data");
}

/** Whether a run is ticked. */
export const isTicked = (id) => slots.has(id);

/** The ticked runs, in the order of the data. */
export const tickedRuns = () => data.runs.filter(({ id }) => slots.has(id));

/** Ticks or unticks runs; each keeps its colour for as long as it is ticked. */
export function tick(ids, wanted) {
  for (const id of ids) {
    if (!wanted) slots.delete(id);
    else if (!slots.has(id)) slots.set(id, freeSlot());
  }
  tell("ticks");
}

function freeSlot() {
  const taken = new Set(slots.values());
  let slot = 0;
  while (taken.has(slot)) slot++;
  return slot;
}

/** How a ticked run looks: the class of its colour, its dashes, its sign. */
export function lookOf(id) {
  const slot = slots.get(id);
  if (slot === undefined) return { colour: "series-none", dashes: "" };
  const dashes = DASHES[Math.floor(slot / COLOURS) % DASHES.length];
  return { colour: `series-${slot % COLOURS}`, dashes };
}

/** What a run is called where there is little room: its experiment, and what tells it from others. */
export function nameOf(run) {
  return names.get(run.id) ?? run.experiment;
}

let names = new Map();

/** What a trial of a sweep was given, by the name of its folder; empty for other runs. */
export function settingsOf(run) {
  const folder = run.id.split(/[\\/]/).at(-1);
  return folder.includes("=") ? folder.replaceAll(",", ", ") : "";
}

function nameRuns(runs) {
  const plain = (run) => `${run.experiment} ${settingsOf(run) || `seed ${run.seed}`}`;
  const counts = Map.groupBy(runs, plain);
  names = new Map(
    runs.map((run) => {
      const alone = counts.get(plain(run)).length === 1;
      return [run.id, alone ? plain(run) : `${plain(run)}, ${date(run.startedAt).slice(5)}`];
    }),
  );
}
