/** From texts to tokens: borders, windows, and what does not fit. */

import assert from "node:assert/strict";
import { UserError } from "../../../../core/contracts/mod.ts";
import { Encoder, encodingOf } from "../../../../core/eval/scoring/mod.ts";
import { type Tokenizer } from "../../../../core/io/mod.ts";

/** A token a character, 1 to begin with where that is wanted; "aa" is one token, 500. */
const tokenizer: Tokenizer = {
  vocabSize: 1000,
  bosId: 1,
  eosId: 2,
  padId: undefined,
  encode: (text, { addSpecial = false } = {}) =>
    Int32Array.from([
      ...(addSpecial ? [1] : []),
      ...(text.match(/aa|[^]/gu) ?? []).map((piece) =>
        piece === "aa" ? 500 : piece.codePointAt(0)!
      ),
    ]),
  decode: () => "<s>",
  offsets: () => assert.fail("nobody asks for offsets"),
};

const encoder = (maxLength: number) => new Encoder(encodingOf(tokenizer, maxLength));
const code = (text: string) => [...text].map((letter) => letter.codePointAt(0)!);

function windows(length: number, maxLength: number): [input: number[], targets: number[]][] {
  const plain: Tokenizer = { ...tokenizer, encode: (text) => Int32Array.from(code(text)) };
  const text = "bcdefghijklmnop".slice(0, length);
  return new Encoder(encodingOf(plain, maxLength)).windows(text)
    .map(({ input, targets }) => [[...input], [...targets]]);
}

Deno.test("a continuation is what the whole has after the context's own encoding", () => {
  const { input, targets } = encoder(10).pair("xy", " z");
  assert.deepEqual([[...input], [...targets]], [[1, ...code("xy ")], code(" z")]);
});

Deno.test("white space at the context's end goes to the continuation", () => {
  const { input, targets } = encoder(10).pair("x \u0085", "z");
  assert.deepEqual([[...input], [...targets]], [[1, ...code("x \u0085")], code(" \u0085z")]);
});

Deno.test("where a token reaches over the border, the model sees the context's own tokens", () => {
  const { input, targets } = encoder(10).pair("xa", "ab");
  // The whole is 1 x aa b; three tokens are the context's.
  assert.deepEqual([[...input], [...targets]], [[1, ...code("xa")], code("b")]);
});

Deno.test("an empty context is the token that texts begin with", () => {
  const { input, targets } = encoder(10).pair("", "xy");
  assert.deepEqual([[...input], [...targets]], [[1, ...code("x")], code("xy")]);
});

Deno.test("what is too long loses its beginning; the continuation never does", () => {
  const { input, targets } = encoder(4).pair("abcdefg", "hij");
  assert.deepEqual([[...input], [...targets]], [code("fghi"), code("hij")]);
  assert.throws(() => encoder(2).pair("abc", "def"), (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /"def".* 3 tokens.* at most 2/);
    return true;
  });
  assert.throws(() => encoder(9).pair("abc", ""), /no token of its own/);
});

Deno.test("windows score every token once, and the last reads back as far as it can", () => {
  const t = code("bcdefghijk");
  assert.deepEqual(windows(3, 4), [[[1, ...t.slice(0, 2)], t.slice(0, 3)]]);
  assert.deepEqual(windows(5, 4), [
    [[1, ...t.slice(0, 3)], t.slice(0, 4)],
    [t.slice(0, 4), t.slice(4, 5)],
  ]);
  assert.deepEqual(windows(8, 4), [
    [[1, ...t.slice(0, 3)], t.slice(0, 4)],
    [t.slice(3, 7), t.slice(4, 8)],
  ]);
  assert.deepEqual(windows(10, 4), [
    [[1, ...t.slice(0, 3)], t.slice(0, 4)],
    [t.slice(3, 7), t.slice(4, 8)],
    [t.slice(5, 9), t.slice(8, 10)],
  ]);
  assert.deepEqual(windows(0, 4), []);
});

Deno.test("a prompt leaves room for its answer", () => {
  assert.deepEqual([...encoder(8).prompt("abcdefgh", 3).ids], code("defgh"));
  assert.equal(encoder(8).prompt("abcdefgh", 3).lost, 4);
  assert.throws(() => encoder(8).prompt("abc", 8), /8 tokens, which leaves no room/);
});

Deno.test("a tokenizer that can begin no text is refused", () => {
  const { bosId: _, eosId: __, ...rest } = tokenizer;
  assert.throws(
    () => encodingOf({ ...rest, bosId: undefined, eosId: undefined }, 8),
    /neither a beginning-of-sequence nor an end-of-text token/,
  );
});
