// Making elements. Data only ever becomes text or an attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** An HTML element; `on…` attributes are listeners, `null` and `false` ones are left out. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Puts these children in place of those that are there. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(3).filter((child) => child !== null));
}

/** Offers `[value, text]` pairs; a choice that is still there stays, and equal offers change nothing. */
export function offer(select, pairs) {
  const key = JSON.stringify(pairs);
  if (select.dataset.offered === key) return;
  select.dataset.offered = key;
  const before = select.value;
  put(select, pairs.map(([value, text]) => el("option", { value }, text)));
  if (pairs.some(([value]) => value === before)) select.value = before;
}

/** Says something to those who hear the page. */
export function announce(text) {
  byId("announce").textContent = text;
}

/** Calls `draw` with the width of an element, now and whenever it changes. */
export function onWidth(element, draw) {
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const now = Math.floor(contentRect.width);
    if (now === width || now === 0) return;
    width = now;
    draw(now);
  }).observe(element);
}

const tip = {
  show(lines, x, y) {
    const box = byId("tip");
    put(box, lines.map((line) => typeof line === "string" ? el("div", {}, line) : line));
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    const left = x + 14 + width > innerWidth - 8 ? x - 14 - width : x + 14;
    const top = Math.min(Math.max(8, y - height / 2), innerHeight - height - 8);
    box.style.transform = `translate(${Math.round(Math.max(8, left))}px, ${Math.round(top)}px)`;
  },
  hide() {
    byId("tip").hidden = true;
  },
};

/** The box beside the pointer: lines at a place of the window. */
export const { show: showTip, hide: hideTip } = tip;
