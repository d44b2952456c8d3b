/** The page around generate.js. */

import { generate, loadTokenizer, Model } from "./generate.js";

const of = (id) => document.getElementById(id);
let opened; // what the addresses lead to
let running = false;

/** Opens what the addresses lead to, once, and shows what can be chosen with it. */
function open() {
  const addresses = [of("model").value.trim(), of("tokenizer").value.trim()];
  if (opened?.key === addresses.join("\n")) return opened.parts;
  opened?.parts.then(({ model }) => model.release(), () => {});
  const own = { key: addresses.join("\n"), parts: load(...addresses) };
  opened = own;
  say("Loading the model …");
  own.parts.then(({ model }) => {
    if (opened === own) show(model);
  }, (error) => {
    if (opened !== own) return;
    opened = undefined;
    sayError(error);
  });
  return own.parts;
}

async function load(address, tokenizerAddress) {
  const [model, tokenizer] = await Promise.all([
    Model.load(address),
    tokenizerAddress ? loadTokenizer(tokenizerAddress) : idsAsText,
  ]);
  return { model, tokenizer };
}

function show(model) {
  of("depth").hidden = !model.hasThreshold;
  of("legend").hidden = model.routedLayers === 0;
  of("least").textContent = `${model.layers - model.routedLayers} layers`;
  of("all").textContent = `${model.layers} layers`;
  say("");
}

/** For models without a tokenizer. */
const idsAsText = {
  encode: (text) => text.split(/[\s,]+/).filter(Boolean).map(Number),
  decode: (tokens) => tokens.join(" "),
  isEnd: () => false,
};

/** What is added to the threshold; the ends of the slider mean all there is. */
function shiftOf({ value, min, max }) {
  if (value === min) return 1e9;
  return value === max ? -1e9 : -Number(value);
}

async function go() {
  const { model, tokenizer } = await open();
  const prompt = tokenizer.encode(of("prompt").value);
  if (prompt.some((token) => !Number.isInteger(token))) {
    throw new Error("Without a tokenizer the prompt is token ids, with spaces between them");
  }
  const tokens = [...prompt];
  let shown = tokenizer.decode(tokens);
  of("text").replaceChildren(shown);
  const counts = { made: 0, layers: 0, from: 0, at: performance.now() };
  const options = {
    maxTokens: of("most").valueAsNumber,
    shift: model.hasThreshold ? shiftOf(of("shift")) : 0,
    isEnd: tokenizer.isEnd,
  };
  for await (const { token, layers } of generate(model, prompt, options)) {
    tokens.push(token);
    const text = tokenizer.decode(tokens);
    // A token may hold part of a letter only: the next one shows it.
    const piece = text.endsWith("\uFFFD") ? "" : text.slice(shown.length);
    if (piece) shown = text;
    of("text").append(spanOf(model, piece, token, layers));
    counts.from ||= performance.now(); // reading the prompt is not counted
    counts.layers += layers;
    counts.made++;
    if (performance.now() - counts.at > 50) {
      say(summary(counts, model));
      await new Promise((resolve) => setTimeout(resolve)); // lets the page be drawn
      counts.at = performance.now();
      if (!running) break;
    }
  }
  say(summary(counts, model));
}

/** What was made, in words. */
function summary({ made, layers, from }, model) {
  if (made === 0) return "The model ends the text here.";
  const speed = 1000 * (made - 1) / (performance.now() - from);
  const tokens = `${made} tokens${made > 1 ? `, ${speed.toFixed(1)} a second` : ""}`;
  return `${tokens}, ${(layers / made).toFixed(2)} of ${model.layers} layers a token`;
}

function spanOf(model, piece, token, layers) {
  const span = document.createElement("span");
  const always = model.layers - model.routedLayers;
  const share = model.routedLayers === 0 ? 1 : (layers - always) / model.routedLayers;
  span.className = model.routedLayers === 0 ? "" : "token";
  span.textContent = piece;
  span.title = `${layers} of ${model.layers} layers`;
  Object.assign(span.dataset, { layers, token });
  span.style.setProperty("--share", share);
  return span;
}

function say(message) {
  of("numbers").textContent = message;
}

function sayError({ message }) {
  say(message);
}

/** While it runs the model stays, and nothing is read out until it is done. */
function setRunning(value) {
  running = value;
  of("go").textContent = value ? "Stop" : "Continue the text";
  for (const id of ["model", "tokenizer"]) of(id).disabled = value;
  for (const id of ["text", "numbers"]) of(id).ariaBusy = String(value);
}

of("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (running) return running = false;
  setRunning(true);
  await go().catch(sayError);
  setRunning(false);
});
of("shift").addEventListener("input", ({ target }) => {
  const shift = shiftOf(target);
  target.ariaValueText = shift === 0 ? "as calibrated" : shift > 0 ? "fewer" : "more";
});
of("counted").addEventListener("change", ({ target }) => {
  of("text").classList.toggle("counted", target.checked);
});
for (const id of ["model", "tokenizer"]) {
  of(id).addEventListener("change", () => open());
}
open();
