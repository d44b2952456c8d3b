// Loss against what is skipped: a picture, and the best for a budget.

import { byId, el, hideTip, offer, onWidth, put, showTip, svg } from "./dom.js";
import { fixed, loss, percent } from "./format.js";
import { extent, linear } from "./scales.js";
import { axes } from "./curves.js";
import { openDetails } from "./details.js";
import { bestWithin, frontierOf, pointsOf } from "./frontier_points.js";
import { data, isTicked, lookOf, nameOf, on, tick } from "./store.js";

const FRONTIER_MARGIN = { top: 28, right: 18, bottom: 34, left: 56 };
/** How near to a point the pointer has to be, in pixels. */
const REACH = 28;
const KINDS = {
  run: "a run, at its own point",
  budget: "the same checkpoint at a budget",
  trial: "a row of a table",
};

const view = { width: 0, points: [], drawn: [], axis: "skipRatio" };

/** Prepares the section. */
export function startFrontier() {
  const chart = byId("frontier-chart");
  onWidth(chart, (width) => {
    view.width = width;
    drawFrontier();
  });
  chart.addEventListener("pointermove", pointAt);
  chart.addEventListener("pointerleave", hideTip);
  byId("group").addEventListener("change", drawFrontier);
  byId("budget").addEventListener("input", drawFrontier);
  for (const radio of document.querySelectorAll('input[name="axis"]')) {
    radio.addEventListener("change", () => {
      // What was best stays in reach: skipping 30 % is not 70 % of the FLOPs.
      const value = view.best?.[radio.value];
      drawFrontier();
      if (Number.isFinite(value)) byId("budget").value = String(Math.round(100 * value));
      drawFrontier();
    });
  }
  put(
    byId("frontier-legend"),
    Object.entries(KINDS).map(([kind, text]) =>
      el(
        "li",
        {},
        svg(
          "svg",
          { viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" },
          mark(kind, 7, 7, "mark"),
        ),
        text,
      )
    ),
    el(
      "li",
      {},
      svg(
        "svg",
        { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" },
        svg("path", { d: "M1 4H23", class: "frontier-line" }),
      ),
      "no other is better in both",
    ),
  );
  on("data", () => {
    offerGroups();
    drawFrontier();
  });
  on("ticks", drawFrontier);
}

function offerGroups() {
  const all = pointsOf(data);
  const counts = new Map();
  for (const { group } of all) counts.set(group, (counts.get(group) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  offer(byId("group"), sorted.map(([group, count]) => [group, `${group} (${count} points)`]));
  view.all = all;
}

function drawFrontier() {
  view.axis = document.querySelector('input[name="axis"]:checked').value;
  const { axis } = view;
  const group = byId("group").value;
  view.points = (view.all ?? []).filter((point) =>
    point.group === group && Number.isFinite(point[axis])
  );
  view.range = rangeOf(view.points, axis);
  const slider = byId("budget");
  // The slider stands under the picture: its ends are those of the axis.
  slider.min = String(Math.round(100 * Math.min(...view.range)));
  slider.max = String(Math.round(100 * Math.max(...view.range)));
  slider.classList.toggle("reversed", axis === "flopsShare");
  const budget = Number(slider.value) / 100;
  const best = bestWithin(view.points, axis, budget);
  view.best = best;
  const says = axis === "skipRatio"
    ? `skip at least ${percent(budget, 0)}`
    : `at most ${percent(budget, 0)} of the FLOPs`;
  byId("budget-value").textContent = says;
  slider.setAttribute("aria-valuetext", says);
  put(byId("best"), best ? readout(best) : nothing(says));
  if (view.width > 0) picture(budget, best);
}

/**
 * The axis, in whole percents, to the last point that can be afforded; fewer FLOPs to the right, so
 * that better is the same corner.
 */
function rangeOf(points, axis) {
  if (points.length === 0) return [0, 1];
  const percents = points.map((point) => Math.round(100 * point[axis]));
  const [low, high] = [Math.min(...percents), Math.max(...percents)];
  const range = axis === "skipRatio" ? [0, Math.max(high, 10)] : [high, Math.min(low, high - 10)];
  return range.map((value) => value / 100);
}

function picture(budget, best) {
  const { points, axis, width } = view;
  const height = Math.round(Math.min(420, Math.max(280, width * 0.55)));
  const { left, right, top, bottom } = FRONTIER_MARGIN;
  const chart = byId("frontier-chart");
  if (points.length === 0) {
    const text = axis === "skipRatio" ? "Nothing finished yet." : "No run here knows its FLOPs.";
    put(chart, el("p", { class: "hint" }, text));
    return;
  }
  const xs = view.range;
  const ys = extent(points.map((point) => point.loss), 0.08);
  const x = linear(xs, [left, width - right]);
  const y = linear(ys, [height - bottom, top]);
  const frontier = frontierOf(points, axis);
  const onFrontier = new Set(frontier);
  const place = Math.min(width - right, Math.max(left, x(budget)));
  // What the reader ticked is drawn last, on top.
  const sorted = points.toSorted((a, b) => Number(ticked(a)) - Number(ticked(b)));
  view.drawn = points.map((point) => ({ point, x: x(point[axis]), y: y(point.loss) }));
  const title = axis === "skipRatio" ? "skip ratio" : "FLOPs of the base model's";
  const write = (value) => percent(value, 0);
  put(
    chart,
    svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        width,
        height,
        role: "img",
        "aria-label":
          `Validation loss against ${title}: ${points.length} points, ${frontier.length} on the frontier`,
      },
      svg("rect", {
        x: left,
        y: top,
        width: Math.max(0, place - left),
        height: height - top - bottom,
        class: "beyond",
      }),
      axes(
        x,
        y,
        xs[0] < xs[1] ? xs : xs.toReversed(),
        ys,
        width,
        height,
        FRONTIER_MARGIN,
        title,
        write,
      ),
      svg("text", { x: 4, y: 12, class: "axis-title" }, "validation loss (nats per token)"),
      svg("path", {
        d: path(frontier.map((point) => [x(point[axis]), y(point.loss)])),
        class: "frontier-line",
      }),
      checkpoints(points).map((own) =>
        svg("path", {
          d: path(own.map((point) => [x(point[axis]), y(point.loss)])),
          class: `checkpoint ${lookOf(own[0].run.id).colour}`,
        })
      ),
      sorted.map((point) =>
        mark(
          point.kind,
          x(point[axis]),
          y(point.loss),
          `mark ${point.run ? lookOf(point.run.id).colour : "series-none"} ${
            onFrontier.has(point) ? "front" : ""
          }`,
        )
      ),
      svg("path", { d: `M${place} ${top}V${height - bottom}`, class: "budget-line" }),
      best
        ? svg("circle", { cx: x(best[axis]), cy: y(best.loss), r: 9, class: "best-ring" })
        : null,
    ),
  );
}

const ticked = ({ run }) => run !== null && isTicked(run.id);

/** The points of each ticked checkpoint that was measured at several budgets, in their order. */
function checkpoints(points) {
  const byRun = Map.groupBy(points.filter(ticked), ({ run }) => run.id);
  return [...byRun.values()].filter((own) => own.length > 1)
    .map((own) => own.toSorted((a, b) => a.skipRatio - b.skipRatio));
}

const path = (places) =>
  places.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** A circle for a run, a diamond for a budget of it, a triangle for a row of a table. */
function mark(kind, x, y, look) {
  if (kind === "run") return svg("circle", { cx: x, cy: y, r: 5, class: look });
  const shape = kind === "budget" ? "M0 -5L5 0L0 5L-5 0Z" : "M0 -5.5L5 4L-5 4Z";
  return svg("path", {
    d: shape,
    transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    class: look,
  });
}

function title({ run, label }) {
  return [run ? nameOf(run) : "", label].filter(Boolean).join(" ");
}

function readout(best) {
  const { run } = best;
  const facts = [
    ["loss", loss(best.loss), "nats per token"],
    ["perplexity", fixed(best.perplexity, 3), ""],
    ["skip ratio", percent(best.skipRatio), ""],
    ["FLOPs", percent(best.flopsShare), "of the base model's"],
    ["questions", percent(best.accuracy), "answered right"],
  ];
  const base = run?.ways.find(({ way }) => way === "base")?.perplexity;
  if (base) facts.splice(2, 0, ["× base", fixed(best.perplexity / base, 3), "perplexity"]);
  return [
    el("p", { class: "eyebrow" }, "Best within the budget"),
    el("p", { class: "winner" }, title(best)),
    el(
      "dl",
      { class: "numbers" },
      facts.map(([term, value, unit]) =>
        el(
          "div",
          {},
          el("dt", {}, term),
          el("dd", {}, value, unit ? el("small", {}, ` ${unit}`) : null),
        )
      ),
    ),
    run === null ? null : el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", onclick: () => openDetails(run.id) }, "Details"),
      el(
        "button",
        { type: "button", onclick: () => tick([run.id], !isTicked(run.id)) },
        isTicked(run.id) ? "Untick" : "Tick",
      ),
    ),
  ];
}

function nothing(says) {
  return [
    el("p", { class: "eyebrow" }, "Best within the budget"),
    el("p", { class: "winner" }, "Nothing here"),
    el("p", { class: "hint" }, `No point does that: ${says}.`),
  ];
}

function pointAt(event) {
  const { left, top, width } = byId("frontier-chart").getBoundingClientRect();
  const scale = view.width / width;
  const [px, py] = [(event.clientX - left) * scale, (event.clientY - top) * scale];
  let found = null;
  let least = REACH;
  for (const drawn of view.drawn) {
    const far = Math.hypot(drawn.x - px, drawn.y - py);
    if (far < least) [found, least] = [drawn.point, far];
  }
  if (!found) return hideTip();
  showTip(
    [
      el("b", {}, title(found)),
      `loss ${loss(found.loss)}, perplexity ${fixed(found.perplexity, 3)}`,
      `skip ratio ${percent(found.skipRatio)}, FLOPs ${percent(found.flopsShare)}`,
    ],
    event.clientX,
    event.clientY,
  );
}
