/** Sorts of tokens. */

import assert from "node:assert/strict";
import { type TokenCategory, tokenCategory } from "../../../core/eval/mod.ts";

/** Texts of each sort, as they stand at the start of a word. */
const EXAMPLES: Readonly<Record<Exclude<TokenCategory, "subword" | "special">, readonly string[]>> =
  {
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
