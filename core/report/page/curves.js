// Learning curves of the ticked runs: a panel for each chosen metric.

import { byId, el, hideTip, onWidth, put, showTip, svg } from "./dom.js";
import { METRIC_ORDER, metricName, short } from "./format.js";
import { extent, linear, nearest, smooth, ticks } from "./scales.js";
import { data, lookOf, nameOf, on, tickedRuns } from "./store.js";

const HEIGHT = 230;
const MARGIN = { top: 12, right: 14, bottom: 30, left: 52 };
/** Curves with fewer points, such as evaluations, are drawn as they are, with marks. */
const FEW = 40;
/** More names than this do not fit beside the pointer. */
const MOST_NAMES = 12;

const chosen = new Set(["train_loss", "validation_loss", "skip_ratio", "temperature"]);

/** Prepares the panels. */
export function startCurves() {
  const range = byId("smoothing");
  const say = () => {
    document.querySelector('output[for="smoothing"]').textContent = range.value === "0"
      ? "off"
      : range.value;
  };
  range.addEventListener("input", () => {
    say();
    drawPanels();
  });
  say();
  on("data", () => {
    offerMetrics();
    drawPanels();
  });
  on("ticks", drawPanels);
}

function offerMetrics() {
  const columns = new Set(data.runs.flatMap(({ curves }) => curves.map(({ column }) => column)));
  const rank = (column) => {
    const at = METRIC_ORDER.indexOf(column);
    return at < 0 ? METRIC_ORDER.length : at;
  };
  const sorted = [...columns].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const offered = byId("metrics");
  const key = sorted.join("\n");
  if (offered.dataset.key === key) return;
  offered.dataset.key = key;
  put(
    offered,
    sorted.map((column) =>
      el(
        "label",
        { class: "chip" },
        el("input", {
          type: "checkbox",
          checked: chosen.has(column),
          onchange: (event) => {
            if (event.target.checked) chosen.add(column);
            else chosen.delete(column);
            drawPanels();
          },
        }),
        metricName(column),
      )
    ),
  );
}

/** Panels by column; kept, so that their widths stay watched. */
const panels = new Map();

function drawPanels() {
  const runs = tickedRuns();
  put(byId("curves-legend"), runs.map(legendEntry));
  const columns = [...byId("metrics").dataset.key?.split("\n") ?? []].filter((column) =>
    chosen.has(column) && runs.some(({ curves }) => curves.some((curve) => curve.column === column))
  );
  for (const column of columns) if (!panels.has(column)) panels.set(column, new Panel(column));
  const wanted = columns.map((column) => panels.get(column).element);
  const there = [...byId("panels").children];
  if (wanted.length === 0) {
    const text = runs.length === 0
      ? "Tick runs in the table to see their curves."
      : "The ticked runs have no values of these metrics yet.";
    put(byId("panels"), el("p", { class: "hint" }, text));
  } else if (wanted.length !== there.length || wanted.some((element, i) => element !== there[i])) {
    put(byId("panels"), wanted);
  }
  for (const column of columns) panels.get(column).show(runs);
}

/** A line as it is drawn, and what it is called. */
export function legendEntry(run) {
  const { colour, dashes } = lookOf(run.id);
  const line = svg("svg", {
    viewBox: "0 0 24 8",
    width: 24,
    height: 8,
    "aria-hidden": "true",
    class: colour,
  }, svg("path", { d: "M1 4H23", "stroke-dasharray": dashes || null, class: "line" }));
  return el("li", {}, line, nameOf(run));
}

class Panel {
  constructor(column) {
    this.column = column;
    this.picture = el("div", {
      class: "plot",
      role: "img",
      tabindex: "0",
      onkeydown: (event) => this.#key(event),
      onblur: () => this.#point(null),
      onpointermove: (event) => this.#pointer(event),
      onpointerdown: (event) => this.#pointer(event),
      onpointerleave: () => this.#point(null),
    });
    this.says = el("p", { class: "unseen", role: "status" });
    this.element = el(
      "figure",
      {},
      el("figcaption", {}, metricName(column)),
      this.picture,
      this.says,
    );
    this.series = [];
    this.width = 0;
    this.at = null;
    onWidth(this.picture, (width) => {
      this.width = width;
      this.#draw();
    });
  }

  show(runs) {
    const reach = Number(byId("smoothing").value);
    this.series = runs.flatMap((run) => {
      const curve = run.curves.find(({ column }) => column === this.column);
      if (!curve) return [];
      const few = curve.steps.length < FEW;
      const smoothed = few || reach === 0 ? curve.values : smooth(curve.values, reach);
      return [{ run, ...lookOf(run.id), ...curve, smoothed, few }];
    });
    this.picture.setAttribute(
      "aria-label",
      `${metricName(this.column)} over optimizer steps, ${this.series.length} runs; ` +
        "left and right arrow keys read the values",
    );
    this.#draw();
  }

  #draw() {
    if (this.width === 0 || this.series.length === 0) return;
    const { left, right, top, bottom } = MARGIN;
    const lastStep = Math.max(1, ...this.series.map(({ steps }) => steps.at(-1) ?? 0));
    // Single steps may shoot far out of the picture: what is drawn thick decides.
    const [low, high] = extent(this.series.flatMap(({ smoothed }) => smoothed));
    this.x = linear([0, lastStep], [left, this.width - right]);
    this.y = linear([low, high], [HEIGHT - bottom, top]);
    this.cursor = svg("g", { class: "cursor", visibility: "hidden" });
    const clip = `clip-${this.column.replaceAll(/\W/g, "_")}`;
    put(
      this.picture,
      svg(
        "svg",
        {
          viewBox: `0 0 ${this.width} ${HEIGHT}`,
          width: this.width,
          height: HEIGHT,
          "aria-hidden": "true",
        },
        svg(
          "clipPath",
          { id: clip },
          svg("rect", {
            x: left,
            y: top - 4,
            width: Math.max(0, this.width - left - right + 4),
            height: HEIGHT - top - bottom + 8,
          }),
        ),
        axes(this.x, this.y, [0, lastStep], [low, high], this.width, HEIGHT, MARGIN, "step"),
        svg("g", { "clip-path": `url(#${clip})` }, this.series.map((line) => this.#line(line))),
        this.cursor,
      ),
    );
    if (this.at !== null) this.#point(this.at);
  }

  #line({ colour, dashes, steps, values, smoothed, few }) {
    const path = (ys) =>
      ys.map((y, i) => `${i ? "L" : "M"}${this.x(steps[i]).toFixed(1)} ${this.y(y).toFixed(1)}`)
        .join("");
    return svg(
      "g",
      { class: colour },
      values === smoothed ? null : svg("path", { d: path(values), class: "line raw" }),
      svg("path", { d: path(smoothed), class: "line", "stroke-dasharray": dashes || null }),
      few
        ? smoothed.map((y, i) => svg("circle", { cx: this.x(steps[i]), cy: this.y(y), r: 2.6 }))
        : null,
    );
  }

  #pointer(event) {
    if (!this.x || this.series.length === 0) return;
    const { left, width } = this.picture.getBoundingClientRect();
    const last = Math.max(...this.series.map(({ steps }) => steps.at(-1) ?? 0));
    const toStep = linear([this.x(0), this.x(last)], [0, last]);
    this.#point(toStep((event.clientX - left) * this.width / width), event);
  }

  #key(event) {
    const steps = this.series.reduce(
      (longest, line) => line.steps.length > longest.length ? line.steps : longest,
      [],
    );
    if (steps.length === 0) return;
    const now = this.at === null ? steps.length : nearest(steps, this.at);
    const to = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      PageUp: now - 10,
      PageDown: now + 10,
      Home: 0,
      End: steps.length - 1,
    }[event.key];
    if (event.key === "Escape") this.#point(null);
    if (to === undefined) return;
    event.preventDefault();
    this.#point(steps[Math.min(steps.length - 1, Math.max(0, to))], undefined, true);
  }

  /** Shows the values at a step; `null` shows none. */
  #point(step, event, spoken = false) {
    this.at = step;
    if (step === null || !this.cursor) {
      this.cursor?.setAttribute("visibility", "hidden");
      hideTip();
      return;
    }
    const found = this.series.map((line) => {
      const at = nearest(line.steps, step);
      return { ...line, step: line.steps[at], value: line.smoothed[at] };
    });
    const near = found.reduce((best, each) =>
      Math.abs(each.step - step) < Math.abs(best.step - step) ? each : best
    );
    put(
      this.cursor,
      svg("path", {
        d: `M${this.x(near.step).toFixed(1)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}`,
        class: "rule",
      }),
      found.map(({ colour, step: at, value }) =>
        svg("circle", { cx: this.x(at), cy: this.y(value), r: 4, class: `dot ${colour}` })
      ),
    );
    this.cursor.setAttribute("visibility", "visible");
    const sorted = found.toSorted((a, b) => b.value - a.value);
    const lines = sorted.slice(0, MOST_NAMES).map(({ run, colour, value }) =>
      el(
        "div",
        { class: "tip-line" },
        el("span", { class: `swatch ${colour}` }),
        el("b", {}, short(value)),
        ` ${nameOf(run)}`,
      )
    );
    const more = sorted.length - lines.length;
    const box = this.picture.getBoundingClientRect();
    showTip(
      [`step ${near.step}`, ...lines, ...(more > 0 ? [`and ${more} more`] : [])],
      event?.clientX ?? box.left + this.x(near.step) * box.width / this.width,
      event?.clientY ?? box.top + box.height / 2,
    );
    if (spoken) {
      this.says.textContent = `step ${near.step}: ` +
        sorted.slice(0, MOST_NAMES).map(({ run, value }) => `${nameOf(run)} ${short(value)}`).join(
          ", ",
        );
    }
  }
}

/** Grid lines with numbers, and a title under the horizontal axis. */
export function axes(
  x,
  y,
  [xLow, xHigh],
  [yLow, yHigh],
  width,
  height,
  margin,
  title,
  writeX = short,
  writeY = short,
) {
  const { left, right, top, bottom } = margin;
  return svg(
    "g",
    { class: "axes" },
    ticks(yLow, yHigh, Math.max(2, (height - top - bottom) / 45)).map((value) => [
      svg("path", { d: `M${left} ${y(value).toFixed(1)}H${width - right}`, class: "grid" }),
      svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, writeY(value)),
    ]),
    svg("path", { d: `M${left} ${height - bottom}H${width - right}`, class: "base" }),
    ticks(xLow, xHigh, Math.max(2, (width - left - right) / 80)).map((value) =>
      svg("text", { x: x(value), y: height - bottom + 16, "text-anchor": "middle" }, writeX(value))
    ),
    svg(
      "text",
      { x: width - right, y: height - 2, "text-anchor": "end", class: "axis-title" },
      title,
    ),
  );
}
