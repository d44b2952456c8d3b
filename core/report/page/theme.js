// Light, dark, or as the system says.

import { byId } from "./dom.js";

const THEMES = ["auto", "light", "dark"];
const KEY = "dlr-theme";

/** Prepares the button, and takes up what was chosen the last time. */
export function startTheme() {
  let theme = remembered();
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    byId("theme").textContent = `Theme: ${theme}`;
  };
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remember(theme);
    show();
  });
  show();
}

// A page from a file may have no storage.
function remembered() {
  try {
    const theme = localStorage.getItem(KEY);
    return THEMES.includes(theme) ? theme : "auto";
  } catch {
    return "auto";
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then it is for this visit only.
  }
}
