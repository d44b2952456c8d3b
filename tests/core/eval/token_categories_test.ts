/** Sorts of tokens, and averages over them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  categoryRows,
  type ProcessedToken,
  type TokenCategory,
  tokenCategory,
} from "../../../core/eval/mod.ts";

/** Texts of each sort, as they stand at the start of a word. */
const EXAMPLES: Readonly<Record<Exclude<TokenCategory, "subword">, readonly string[]>> = {
  "whitespace": ["", " ", "\n", "\t \n", "\u00a0"],
  "punctuation": [".", " ,", "--", "…", "€", "=", " “", "@-@"],
  "numeric": ["7", " 2026", "½", "٣", "Ⅳ"],
  "stop word": ["the", " The", " WHERE", "i", " I", "of"],
  "word": ["fox", " Fox", "naïve", " 層", "therefore", "3rd", "it's", " x2", "e.g."],
};

for (const [category, texts] of Object.entries(EXAMPLES)) {
  Deno.test(`${category}: ${texts.map((text) => JSON.stringify(text)).join(" ")}`, () => {
    for (const text of texts) assert.equal(tokenCategory(text, false), category, text);
  });
}

Deno.test("what goes on with a word is a part of it, were it a stop word alone; signs and figures are not", () => {
  for (const text of ["ing", "the", "in", "x2"]) {
    assert.equal(tokenCategory(text, true), "subword", text);
  }
  for (const [text, category] of [[",", "punctuation"], ["42", "numeric"], ["\n", "whitespace"]]) {
    assert.equal(tokenCategory(text!, true), category);
  }
});

const token = (category: TokenCategory, activeLayers: number, loss: number): ProcessedToken => ({
  category,
  activeLayers,
  loss,
});

Deno.test("averages are over all, over the hardest tenth, and over each sort, deepest first", () => {
  const tokens = [
    token("word", 6, 1),
    token("word", 8, 2),
    token("word", 7, 0),
    token("punctuation", 4, 0.5),
    token("punctuation", 5, 0.25),
    token("numeric", 9, 8),
    token("stop word", 5, 0.25),
    token("stop word", 5, 1.5),
    token("stop word", 5, 0.5),
    token("stop word", 6, 1),
  ];
  assert.deepEqual(categoryRows(tokens), [
    { category: "all", tokens: 10, activeLayers: 6, loss: 1.5, highLossShare: 0.1 },
    { category: "high loss", tokens: 1, activeLayers: 9, loss: 8, highLossShare: 1 },
    { category: "numeric", tokens: 1, activeLayers: 9, loss: 8, highLossShare: 1 },
    { category: "word", tokens: 3, activeLayers: 7, loss: 1, highLossShare: 0 },
    { category: "stop word", tokens: 4, activeLayers: 5.25, loss: 0.8125, highLossShare: 0 },
    { category: "punctuation", tokens: 2, activeLayers: 4.5, loss: 0.375, highLossShare: 0 },
  ]);
});

Deno.test("no tokens give no rows, and one is among its own hardest tenth", () => {
  assert.deepEqual(categoryRows([]), []);
  const rows = categoryRows([token("word", 3, 1)]);
  assert.deepEqual(rows.map(({ category, tokens }) => [category, tokens]), [
    ["all", 1],
    ["high loss", 1],
    ["word", 1],
  ]);
});

const anyToken = fc.record({
  category: fc.constantFrom<TokenCategory>("whitespace", "punctuation", "subword", "word"),
  activeLayers: fc.integer({ min: 0, max: 12 }),
  loss: fc.double({ min: 0, max: 20, noNaN: true }),
});

Deno.test("sorts add up to all tokens, in every column", () => {
  fc.assert(
    fc.property(fc.array(anyToken, { minLength: 1, maxLength: 60 }), (tokens) => {
      const [all, , ...sorts] = categoryRows(tokens);
      assert.equal(all!.tokens, tokens.length);
      for (const column of ["activeLayers", "loss", "highLossShare"] as const) {
        const sum = sorts.reduce((total, row) => total + row.tokens * row[column], 0);
        assert.ok(Math.abs(sum - all![column] * tokens.length) < 1e-9 * (1 + sum), column);
      }
      assert.equal(sorts.reduce((total, row) => total + row.tokens, 0), tokens.length);
    }),
    { seed: 6 },
  );
});

Deno.test("the hardest tenth is a tenth of the tokens, more where losses are equal, and none easier", () => {
  fc.assert(
    fc.property(fc.array(anyToken, { minLength: 1, maxLength: 60 }), (tokens) => {
      const [all, high] = categoryRows(tokens);
      assert.ok(high!.tokens >= tokens.length / 10 - 1e-9);
      assert.ok(Math.abs(all!.highLossShare - high!.tokens / tokens.length) < 1e-12);
      assert.ok(high!.loss >= all!.loss - 1e-9);
      const distinct = new Set(tokens.map(({ loss }) => loss)).size === tokens.length;
      if (distinct) assert.ok(high!.tokens < tokens.length / 10 + 1);
    }),
    { seed: 7 },
  );
});
