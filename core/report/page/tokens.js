// Held-out texts, token by token: how deep each went, and what it cost.

import { byId, el, offer, put } from "./dom.js";
import { fixed } from "./format.js";
import { scaleLegend } from "./heatmaps.js";
import { shade } from "./scales.js";
import { data, nameOf, on } from "./store.js";

/** A loss from which on the colour does not change, in nats. */
const HIGH_LOSS = 4;

const state = { run: null, text: 0, at: 0, key: "" };

/** Prepares the section. */
export function startTokens() {
  byId("token-run").addEventListener("change", () => {
    state.text = state.at = 0;
    drawTokens();
  });
  byId("token-text").addEventListener("change", () => {
    state.text = Number(byId("token-text").value);
    state.at = 0;
    drawTokens();
  });
  for (const radio of document.querySelectorAll('input[name="colour"]')) {
    radio.addEventListener("change", paint);
  }
  const list = byId("token-list");
  list.addEventListener("keydown", key);
  const choose = (event) => {
    const token = event.target.closest("[data-at]");
    if (token) select(Number(token.dataset.at));
  };
  list.addEventListener("pointerover", choose);
  list.addEventListener("click", choose);
  list.addEventListener("focusin", choose);
  on("data", offerRuns);
}

function offerRuns() {
  const runs = data.runs.filter(({ tokens }) => tokens !== null && tokens.sequences.length > 0)
    .reverse();
  const none = runs.length === 0;
  byId("no-tokens").hidden = !none;
  for (const id of ["token-controls", "tokens-scale", "token-box"]) byId(id).hidden = none;
  offer(byId("token-run"), runs.map((run) => [run.id, nameOf(run)]));
  if (!none) drawTokens();
}

function drawTokens() {
  const run = data.runs.find(({ id }) => id === byId("token-run").value);
  if (!run) return;
  const { sequences } = run.tokens;
  state.text = Math.min(state.text, sequences.length - 1);
  const key = `${run.id} ${run.version} ${state.text}`;
  // A live page must not take a token from under the reader.
  if (state.key === key) return;
  Object.assign(state, { run, key });
  put(
    byId("token-text"),
    sequences.map(({ texts }, i) =>
      el(
        "option",
        { value: i, selected: i === state.text },
        `${i + 1}: ${texts.join("").trim().slice(0, 24)}…`,
      )
    ),
  );
  byId("token-text").value = String(state.text);
  const { texts } = sequences[state.text];
  put(byId("token-list"), texts.flatMap((text, at) => piece(text, at)));
  select(Math.min(state.at, texts.length - 1));
  paint();
}

/** A token; where it ends a line the text goes on below. */
function piece(text, at) {
  const shown = text.replaceAll("\r", "").replaceAll("\n", "↵") || "∅";
  const token = el("span", {
    role: "option",
    "data-at": at,
    "aria-selected": "false",
    tabindex: "-1",
    class: "token",
  }, shown);
  return text.includes("\n") ? [token, el("br")] : [token];
}

function current() {
  return state.run.tokens.sequences[state.text];
}

function layersRun(at) {
  return state.run.tokens.anchorLayers +
    [...current().gates[at]].filter((gate) => gate === "1").length;
}

/** Colours the tokens, and says in words what a colour says. */
function paint() {
  if (!state.run) return;
  const { anchorLayers, totalLayers } = state.run.tokens;
  const byLoss = document.querySelector('input[name="colour"]:checked').value === "loss";
  const { texts, losses } = current();
  for (const token of byId("token-list").querySelectorAll("[data-at]")) {
    const at = Number(token.dataset.at);
    const share = byLoss
      ? Math.min(1, (losses[at] ?? 0) / HIGH_LOSS)
      : (layersRun(at) - anchorLayers) / Math.max(1, totalLayers - anchorLayers);
    token.classList.remove(...[...token.classList].filter((name) => name.startsWith("shade-")));
    token.classList.add(`shade-${shade(share)}`);
    token.setAttribute(
      "aria-label",
      `${texts[at]}, ${layersRun(at)} of ${totalLayers} layers, loss ${
        fixed(losses[at] ?? NaN, 2)
      }`,
    );
  }
  put(
    byId("tokens-scale"),
    byLoss
      ? scaleLegend("the next token was certain", `it cost ${HIGH_LOSS} nats or more`)
      : scaleLegend(`${anchorLayers} layers`, `all ${totalLayers}`),
  );
}

function key(event) {
  const { length } = current().texts;
  const to = {
    ArrowLeft: state.at - 1,
    ArrowRight: state.at + 1,
    ArrowUp: lineAway(-1),
    ArrowDown: lineAway(1),
    Home: 0,
    End: length - 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  select(Math.min(length - 1, Math.max(0, to)));
  byId("token-list").querySelector(`[data-at="${state.at}"]`).focus();
}

/** The token above or below the current one, as the text is broken into lines now. */
function lineAway(direction) {
  const tokens = [...byId("token-list").querySelectorAll("[data-at]")];
  const middle = (token) => {
    const { left, width, top } = token.getClientRects()[0];
    return { x: left + width / 2, top };
  };
  const from = middle(tokens[state.at]);
  const others = tokens.map((token, at) => ({ at, ...middle(token) }))
    .filter(({ top }) => direction * (top - from.top) > 2);
  if (others.length === 0) return state.at;
  const line = others.reduce(
    (near, { top }) => direction * (top - near) < 0 ? top : near,
    others[0].top,
  );
  return others.filter(({ top }) => Math.abs(top - line) <= 2)
    .reduce((best, each) => Math.abs(each.x - from.x) < Math.abs(best.x - from.x) ? each : best).at;
}

function select(at) {
  state.at = at;
  for (const token of byId("token-list").querySelectorAll("[data-at]")) {
    const chosen = Number(token.dataset.at) === at;
    token.setAttribute("aria-selected", String(chosen));
    token.tabIndex = chosen ? 0 : -1;
  }
  info(at);
}

function info(at) {
  const { texts, losses, gates } = current();
  const { anchorLayers, totalLayers } = state.run.tokens;
  const layers = Array.from({ length: totalLayers }, (_, layer) => {
    const look = layer < anchorLayers
      ? "always"
      : gates[at][layer - anchorLayers] === "1"
      ? "ran"
      : "skipped";
    return el(
      "li",
      { class: look },
      el("span", {}, String(layer)),
      el("span", { class: "unseen" }, look === "always" ? "always runs" : look),
    );
  });
  const next = texts[at + 1];
  put(
    byId("token-info"),
    el("p", { class: "winner" }, el("code", {}, JSON.stringify(texts[at]))),
    el(
      "p",
      {},
      el("b", {}, `${layersRun(at)} of ${totalLayers}`),
      " layers, ",
      el("b", {}, fixed(losses[at] ?? NaN, 3)),
      " nats for the token after it",
      next === undefined ? null : [": ", el("code", {}, JSON.stringify(next))],
    ),
    el("ol", { class: "stack", "aria-label": "Layers" }, layers),
    el("p", { class: "hint" }, "Filled: it ran. Dashed: it was skipped. Grey: it always runs."),
  );
}
