/** What figures of a column share, and how wide their texts are. */

import assert from "node:assert/strict";
import { axisTitle, panelWidth, seriesLook, wrapped } from "../../../core/report/column_figure.ts";
import { textWidths } from "../../../core/report/fonts.ts";

Deno.test("texts are broken between words, and no word is lost or cut", () => {
  assert.deepEqual(wrapped("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrapped("a_word_that_is_too_long for it", 6), [
    "a_word_that_is_too_long",
    "for it",
  ]);
  assert.equal(axisTitle("short", 200), "short");
  assert.deepEqual(axisTitle("validation loss (nats per token)", 90), [
    "validation loss",
    "(nats per token)",
  ]);
});

Deno.test("panels share the width of a column", () => {
  assert.equal(2 * panelWidth(46, 2, 20) + 20, panelWidth(46));
});

Deno.test("a series looks the same in all figures, and no two of many look alike", () => {
  const all = Array.from({ length: 20 }, (_, i) => `exp${i}`);
  const lookOf = (present: readonly string[], name: string) => {
    const { colour, dash, shape } = seriesLook(present, all);
    const at = colour.scale.domain.indexOf(name);
    return JSON.stringify([colour, dash, shape].map(({ scale }) => scale.range[at]));
  };
  assert.equal(lookOf(["exp3", "exp9"], "exp9"), lookOf(all, "exp9"));
  assert.equal(new Set(all.map((name) => lookOf(all, name))).size, all.length);
  assert.deepEqual(seriesLook(["exp9", "exp3"], all).colour.legend.values, ["exp3", "exp9"]);
});

Deno.test("what others are compared with is grey, and takes no colour from them", () => {
  const { colour } = seriesLook(["base", "exp1"], ["exp1"], "base");
  assert.deepEqual(colour.scale.domain, ["exp1", "base"]);
  assert.equal(colour.scale.range[0], seriesLook(["exp1"]).colour.scale.range[0]);
  assert.equal(colour.scale.range[1], "#888888");
});

Deno.test("texts are as wide as their letters, bold ones wider, and cut ones as their limit", async () => {
  const widthOf = await textWidths();
  // Advance widths of DejaVu Sans at 2048 units to the em: i 569, m 1995, space 651.
  assert.ok(Math.abs(widthOf({ fontSize: 2048 }, "im i") - (569 + 1995 + 651 + 569)) < 1e-6);
  assert.ok(
    widthOf({ fontSize: 10, fontWeight: "bold" }, "loss") > widthOf({ fontSize: 10 }, "loss"),
  );
  assert.equal(widthOf({ fontSize: 10, limit: 12 }, "validation"), 12);
  assert.equal(widthOf({ fontSize: 10 }, undefined), 0);
});
