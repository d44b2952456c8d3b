/** Alignment of plain-text tables. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { displayWidth, formatTable } from "../../../core/run/table.ts";

Deno.test("numbers stand to the right, text to the left, absent values are dashes", () => {
  const table = formatTable(
    [{ title: "model" }, { title: "perplexity", digits: 2 }, { title: "skip" }],
    [["base", 22.5, undefined], ["routed, ours", 123.456, "none"], ["x", null, 0.3]],
  );
  assert.deepEqual(table.split("\n"), [
    "model         perplexity  skip",
    "────────────  ──────────  ────",
    "base               22.50     –",
    "routed, ours      123.46  none",
    "x                      –   0.3",
  ]);
});

Deno.test("widths are those of a terminal: wide characters take two columns, accents none", () => {
  assert.equal(displayWidth("abc"), 3);
  assert.equal(displayWidth("层路由"), 6);
  assert.equal(displayWidth("e\u0301"), 1);
  assert.equal(displayWidth("😀"), 2);
  assert.equal(displayWidth("1–2 µ"), 5);
});

Deno.test("every column starts at the same place in every line", () => {
  const cell = fc.oneof(fc.string({ unit: "grapheme", maxLength: 8 }), fc.integer());
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, fc.constant("|")), { minLength: 1 }), (rows) => {
      const lines = formatTable([{ title: "a" }, { title: "|" }], rows).split("\n");
      const [titles, , ...body] = lines;
      const place = (line: string) => displayWidth(line.slice(0, line.lastIndexOf("|")));
      for (const line of body) assert.equal(place(line), place(titles!));
    }),
    { seed: 3 },
  );
});

Deno.test("a row of another length is refused", () => {
  assert.throws(() => formatTable([{ title: "a" }], [[1, 2]]), RangeError);
});
