// What models scored on tasks.

import { byId, el, put } from "./dom.js";
import { fixed } from "./format.js";
import { data, on } from "./store.js";

/** Prepares the section, which is there only where something was evaluated. */
export function startTasks() {
  on("data", () => {
    const { evaluations } = data.rest;
    byId("tasks").hidden = evaluations.length === 0;
    document.querySelector('nav a[href="#tasks"]').hidden = evaluations.length === 0;
    const rows = new Map();
    evaluations.forEach(({ scores }, column) => {
      for (const { task, metric, value } of scores) {
        const name = `${task} · ${metric}`;
        if (!rows.has(name)) rows.set(name, new Array(evaluations.length).fill(NaN));
        rows.get(name)[column] = value;
      }
    });
    put(
      byId("task-table"),
      el("caption", { class: "unseen" }, "Scores on tasks"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col" }, "Task"),
          evaluations.map(({ label, folder }) =>
            el("th", { scope: "col", class: "number", title: folder }, label)
          ),
        ),
      ),
      el(
        "tbody",
        {},
        [...rows].map(([name, values]) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, name),
            values.map((value) => el("td", { class: "number" }, fixed(value, 4))),
          )
        ),
      ),
    );
  });
}
