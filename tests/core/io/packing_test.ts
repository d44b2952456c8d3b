import assert from "node:assert/strict";
import fc from "fast-check";
import type { Document } from "../../../core/contracts/corpus.ts";
import { BatchOrder, epochOrder } from "../../../core/io/batch_order.ts";
import {
  PackedDataset,
  type PackingTokenizer,
  packSequences,
  tokenKinds,
} from "../../../core/io/packing.ts";
import { bytes, ints } from "../../../core/tensor/mod.ts";
import { userError } from "./support.ts";

/** One token for every character: its code; 1 begins a sequence. */
const characters: PackingTokenizer = {
  bosId: 1,
  eosId: 2,
  encode: (text) => Int32Array.from(text, (character) => character.charCodeAt(0)),
  offsets: (_, ids) => ({
    starts: Int32Array.from(ids, (_, i) => i),
    ends: Int32Array.from(ids, (_, i) => i + 1),
  }),
};

const documentsOf = (...texts: string[]): Document[] => texts.map((text) => ({ text }));

Deno.test("documents follow each other behind separators, cut into windows that share one token", () => {
  const sequences = [
    ...packSequences(documentsOf("ab", "c", "", "defg"), characters, { length: 3 }),
  ];
  // The row: 1 a b 1 c 1 1 d e f g; "e f g" is the incomplete end.
  assert.deepEqual(sequences.map(({ tokens }) => [...tokens]), [
    [1, 97, 98, 1],
    [1, 99, 1, 1],
    [1, 100, 101, 102],
  ]);
});

Deno.test("the separator is the beginning of sequence, else the end of text, else what is told", () => {
  const first = (tokenizer: PackingTokenizer, separatorId?: number | null) => {
    const options = separatorId === undefined ? { length: 1 } : { length: 1, separatorId };
    return [...packSequences(documentsOf("ab"), tokenizer, options)][0]!.tokens[0];
  };
  assert.equal(first(characters), 1);
  assert.equal(first({ ...characters, bosId: undefined }), 2);
  assert.equal(first({ ...characters, bosId: undefined, eosId: undefined }), 97);
  assert.equal(first(characters, 9), 9);
  assert.equal(first(characters, null), 97);
});

Deno.test("every token but the first is a target exactly once, up to the incomplete end", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 9 })),
      fc.integer({ min: 1, max: 7 }),
      (texts, length) => {
        const row = texts.flatMap((text) => [1, ...characters.encode(text)]);
        const sequences = [...packSequences(documentsOf(...texts), characters, { length })];
        const targets = sequences.flatMap(({ tokens }) => [...tokens.subarray(1)]);
        assert.deepEqual(targets, row.slice(1, 1 + targets.length));
        assert.ok(row.length - 1 - targets.length < length || row.length === 0);
        const inputs = sequences.flatMap(({ tokens }) => [...tokens.subarray(0, length)]);
        assert.deepEqual(inputs, row.slice(0, inputs.length));
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

Deno.test("an endless source is read no further than asked", () => {
  let taken = 0;
  function* endless(): Generator<Document> {
    for (;;) {
      taken++;
      yield { text: "abc" };
    }
  }
  const dataset = PackedDataset.pack(endless(), characters, { length: 8, most: 3 });
  assert.equal(dataset.count, 3);
  assert.equal(taken, 7);
});

Deno.test("a token is of the kind of the span it shares the most characters with", () => {
  const spans = [{ start: 2, end: 4, kind: 1 }, { start: 4, end: 9, kind: 2 }];
  const places = [[0, 0], [0, 2], [1, 3], [3, 6], [4, 4], [8, 12], [9, 12]] as const;
  const offsets = {
    starts: Int32Array.from(places, ([start]) => start),
    ends: Int32Array.from(places, ([, end]) => end),
  };
  assert.deepEqual([...tokenKinds(offsets, spans)], [0, 0, 1, 2, 2, 2, 0]);
});

Deno.test("kinds travel with their tokens; separators are of kind 0", () => {
  const documents: Document[] = [
    { text: "abcd", spans: [{ start: 1, end: 3, kind: 5 }] },
    { text: "xy", spans: [{ start: 0, end: 2, kind: 6 }] },
  ];
  const [sequence] = packSequences(documents, characters, { length: 7 });
  assert.deepEqual([...sequence!.kinds], [0, 0, 5, 5, 0, 0, 6, 6]);
});

Deno.test("a batch holds inputs, the tokens after them, and the kinds of those", () => {
  const documents = [{ text: "abcdefgh", spans: [{ start: 0, end: 1, kind: 3 }] }];
  const dataset = PackedDataset.pack(documents, characters, { length: 2 });
  assert.deepEqual(dataset.batch([1, 0]), {
    tokens: ints([2, 2], [98, 99, 1, 97]),
    targets: ints([2, 2], [99, 100, 97, 98]),
    kinds: bytes([2, 2], [0, 0, 3, 0]),
  });
  assert.throws(() => dataset.batch([4]), RangeError);
});

Deno.test("fewer sequences than a batch holds is an error that says what to do", async () => {
  const dataset = PackedDataset.pack(documentsOf("abc"), characters, { length: 2 });
  dataset.requireBatch(1, "the training text");
  await userError(() => dataset.requireBatch(2, "the training text"), "the training text gives 1");
});

Deno.test("an epoch is a permutation that follows from seed and epoch", () => {
  const order = epochOrder(100, 1, 0);
  assert.deepEqual([...order].sort((a, b) => a - b), [...Array(100).keys()]);
  assert.deepEqual(epochOrder(100, 1, 0), order);
  assert.notDeepEqual(epochOrder(100, 1, 1), order);
  assert.notDeepEqual(epochOrder(100, 2, 0), order);
});

Deno.test("a batch follows from the seed and its number, however one comes to it", () => {
  const unbroken = new BatchOrder(10, 3, 5);
  const batches = Array.from({ length: 9 }, (_, index) => unbroken.batch(index));
  for (const index of [8, 0, 3]) {
    assert.deepEqual(new BatchOrder(10, 3, 5).batch(index), batches[index]);
  }
  assert.equal(unbroken.batchesPerEpoch, 3);
  assert.deepEqual([0, 2, 3, 8].map((index) => unbroken.epochOf(index)), [0, 0, 1, 2]);
  for (const epoch of [0, 1, 2]) {
    const seen = batches.slice(3 * epoch, 3 * epoch + 3).flatMap((batch) => [...batch]);
    assert.equal(new Set(seen).size, 9, "no sequence twice in an epoch");
  }
  assert.throws(() => new BatchOrder(2, 3, 0), RangeError);
});
