// How many tokens ran each layer: at the end of each run, and over its steps.

import { byId, el, hideTip, onWidth, put, showTip, svg } from "./dom.js";
import { percent } from "./format.js";
import { shade, SHADES } from "./scales.js";
import { lookOf, nameOf, on, tickedRuns } from "./store.js";

/** More pictures than this are a wall. */
const MOST_MAPS = 8;
const MAP_MARGIN = { top: 6, right: 8, bottom: 24, left: 40 };

/** Prepares the section. */
export function startHeatmaps() {
  put(byId("layers-scale"), scaleLegend("no token ran it", "every token did"));
  on("data", drawLayers);
  on("ticks", drawLayers);
}

/** The colours of a scale, with what its ends mean. */
export function scaleLegend(low, high) {
  return [
    el("span", {}, low),
    el(
      "span",
      { class: "ramp", "aria-hidden": "true" },
      Array.from({ length: SHADES }, (_, i) => el("span", { class: `shade-${i}` })),
    ),
    el("span", {}, high),
  ];
}

function drawLayers() {
  const runs = tickedRuns();
  finalTable(runs.filter(({ finalActivity }) => finalActivity !== null));
  const withActivity = runs.filter(({ activity }) =>
    activity !== null && activity.steps.length > 0
  );
  for (const id of maps.keys()) if (!withActivity.some((run) => run.id === id)) maps.delete(id);
  const shown = withActivity.slice(0, MOST_MAPS);
  for (const run of shown) {
    if (!maps.has(run.id)) maps.set(run.id, new HeatMap());
    maps.get(run.id).show(run);
  }
  const more = withActivity.length - shown.length;
  put(
    byId("heatmaps"),
    shown.map(({ id }) => maps.get(id).element),
    more > 0
      ? el("p", { class: "hint" }, `${more} more ticked runs are not drawn over their steps.`)
      : null,
    shown.length === 0
      ? el("p", { class: "hint" }, "Tick runs with a router to see which layers they run.")
      : null,
  );
}

const maps = new Map();

function finalTable(runs) {
  const table = byId("final-activity");
  if (runs.length === 0) {
    put(table);
    return;
  }
  const layersOf = (run) => (run.anchorLayers ?? 0) + run.finalActivity.length;
  const layers = Math.max(...runs.map(layersOf));
  put(
    table,
    el("caption", {}, "In the final evaluation, in percent"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Run"),
        Array.from(
          { length: layers },
          (_, layer) => el("th", { scope: "col", class: "layer" }, String(layer)),
        ),
      ),
    ),
    el(
      "tbody",
      {},
      runs.map((run) =>
        el(
          "tr",
          {},
          el(
            "th",
            { scope: "row" },
            el("span", { class: `swatch ${lookOf(run.id).colour}`, "aria-hidden": "true" }),
            nameOf(run),
          ),
          Array.from({ length: layers }, (_, layer) => finalCell(run, layer)),
        )
      ),
    ),
  );
}

function finalCell(run, layer) {
  const anchors = run.anchorLayers ?? 0;
  if (layer < anchors) return el("td", { class: "layer anchor", title: "always runs" }, "all");
  const share = run.finalActivity[layer - anchors];
  if (share === undefined) return el("td", { class: "layer" }, "");
  return el("td", { class: `layer shade-${shade(share)}` }, String(Math.round(100 * share)));
}

class HeatMap {
  constructor() {
    this.picture = el("div", {
      class: "plot",
      role: "img",
      tabindex: "0",
      onkeydown: (event) => this.#key(event),
      onpointermove: (event) => this.#pointer(event),
      onpointerdown: (event) => this.#pointer(event),
      onpointerleave: () => this.#point(null),
      onblur: () => this.#point(null),
    });
    this.caption = el("figcaption");
    this.says = el("p", { class: "unseen", role: "status" });
    this.element = el("figure", {}, this.caption, this.picture, this.says);
    this.width = 0;
    this.at = null;
    onWidth(this.picture, (width) => {
      this.width = width;
      this.#draw();
    });
  }

  show(run) {
    const changed = this.run?.version !== run.version;
    this.run = run;
    put(
      this.caption,
      el("span", { class: `swatch ${lookOf(run.id).colour}`, "aria-hidden": "true" }),
      nameOf(run),
    );
    this.picture.setAttribute(
      "aria-label",
      `Share of tokens by layer and step of ${nameOf(run)}; arrow keys read the values`,
    );
    if (changed) this.#draw();
  }

  #draw() {
    if (this.width === 0 || !this.run) return;
    const { steps, layers, shares } = this.run.activity;
    const { left, right, top, bottom } = MAP_MARGIN;
    const rowHeight = Math.max(6, Math.min(20, 220 / layers.length));
    const height = top + bottom + rowHeight * layers.length;
    const cell = (this.width - left - right) / steps.length;
    Object.assign(this, { rowHeight, cell });
    this.cursor = svg("rect", {
      class: "cell-cursor",
      width: cell,
      height: rowHeight,
      visibility: "hidden",
    });
    // The first layers at the bottom, as data goes up through them.
    const rowTop = (row) => top + (layers.length - 1 - row) * rowHeight;
    this.rowTop = rowTop;
    const everyLayer = Math.ceil(14 / rowHeight);
    const everyStep = Math.max(1, Math.ceil(56 / cell));
    put(
      this.picture,
      svg(
        "svg",
        {
          viewBox: `0 0 ${this.width} ${height}`,
          width: this.width,
          height,
          "aria-hidden": "true",
        },
        shares.map((column, i) =>
          column.map((share, row) =>
            share === null ? null : svg("rect", {
              x: (left + i * cell).toFixed(2),
              y: rowTop(row),
              width: (cell + 0.4).toFixed(2),
              height: rowHeight + 0.4,
              class: `shade-${shade(share)}`,
            })
          )
        ),
        svg(
          "g",
          { class: "axes" },
          layers.map((layer, row) =>
            row % everyLayer === 0
              ? svg("text", {
                x: left - 8,
                y: rowTop(row) + rowHeight / 2 + 4,
                "text-anchor": "end",
              }, String(layer))
              : null
          ),
          steps.map((step, i) =>
            (steps.length - 1 - i) % everyStep === 0
              ? svg(
                "text",
                { x: left + (i + 0.5) * cell, y: height - 8, "text-anchor": "middle" },
                String(step),
              )
              : null
          ),
          svg("text", { x: 4, y: height - 8, class: "axis-title" }, "step"),
        ),
        this.cursor,
      ),
    );
    this.#point(this.at);
  }

  #pointer(event) {
    const box = this.picture.getBoundingClientRect();
    const { steps, layers } = this.run.activity;
    const column = Math.floor((event.clientX - box.left - MAP_MARGIN.left) / this.cell);
    const row = layers.length - 1 -
      Math.floor((event.clientY - box.top - MAP_MARGIN.top) / this.rowHeight);
    const inside = column >= 0 && column < steps.length && row >= 0 && row < layers.length;
    this.#point(inside ? { column, row } : null, event);
  }

  #key(event) {
    const { steps, layers } = this.run.activity;
    const { column, row } = this.at ?? { column: steps.length - 1, row: 0 };
    const to = {
      ArrowLeft: { column: column - 1, row },
      ArrowRight: { column: column + 1, row },
      ArrowUp: { column, row: row + 1 },
      ArrowDown: { column, row: row - 1 },
    }[event.key];
    if (event.key === "Escape") this.#point(null);
    if (!to) return;
    event.preventDefault();
    const within = (value, count) => Math.min(count - 1, Math.max(0, value));
    const at = this.at
      ? { column: within(to.column, steps.length), row: within(to.row, layers.length) }
      : { column, row };
    this.#point(at, undefined, true);
  }

  #point(at, event, spoken = false) {
    this.at = at;
    if (at === null || !this.cursor) {
      this.cursor?.setAttribute("visibility", "hidden");
      hideTip();
      return;
    }
    const { steps, layers, shares } = this.run.activity;
    const x = MAP_MARGIN.left + at.column * this.cell;
    const text = `step ${steps[at.column]}, layer ${layers[at.row]}: ${
      percent(shares[at.column]?.[at.row])
    }`;
    this.cursor.setAttribute("x", x);
    this.cursor.setAttribute("y", this.rowTop(at.row));
    this.cursor.setAttribute("visibility", "visible");
    const box = this.picture.getBoundingClientRect();
    showTip(
      [text],
      event?.clientX ?? box.left + x,
      event?.clientY ?? box.top + this.rowTop(at.row),
    );
    if (spoken) this.says.textContent = text;
  }
}
