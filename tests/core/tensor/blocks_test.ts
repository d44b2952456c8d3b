/** Four-bit blocks: the nearest level each, and the scale that was promised. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BLOCK_LEVELS,
  BLOCK_SIZE,
  type BlockFormat,
  dequantizeBlocks,
  emptyBlocks,
  quantizeInto,
} from "../../../core/tensor/mod.ts";

const FORMATS: readonly BlockFormat[] = ["int4", "nf4"];

function quantize(format: BlockFormat, values: readonly number[]) {
  const blocks = emptyBlocks(format, values.length);
  quantizeInto(blocks, Float32Array.from(values));
  return blocks;
}

/** Finite numbers of all sizes, a block or two of them. */
const blocksOfValues = fc.integer({ min: 1, max: 2 }).chain((count) =>
  fc.array(
    fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: -4, max: 4 }),
      fc.constantFrom(0, 1, -1, 0.5, Math.fround(1e-3)),
    ),
    { minLength: count * BLOCK_SIZE, maxLength: count * BLOCK_SIZE },
  )
);

for (const format of FORMATS) {
  const levels = BLOCK_LEVELS[format];

  Deno.test(`${format} gives every weight the level nearest to it`, () => {
    fc.assert(
      fc.property(blocksOfValues, (values) => {
        const blocks = quantize(format, values);
        dequantizeBlocks(blocks).forEach((stored, i) => {
          const scale = blocks.scales[Math.floor(i / BLOCK_SIZE)]!;
          const nearest = Math.min(...levels.map((level) => Math.abs(level * scale - values[i]!)));
          const room = 1e-6 * Math.abs(scale);
          assert.ok(Math.abs(stored - values[i]!) <= nearest + room, `${values[i]} as ${stored}`);
        });
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  Deno.test(`${format} stores what lies on its levels exactly`, () => {
    const scale = format === "int4" ? 0.25 : 2;
    // The outermost level, which sets the scale, first.
    const values = Array.from(
      { length: BLOCK_SIZE },
      (_, i) => levels[(16 - i % 16) % 16]! * scale,
    );
    const blocks = quantize(format, values);
    assert.deepEqual([...blocks.scales], [scale]);
    assert.deepEqual([...dequantizeBlocks(blocks)], values);
  });

  Deno.test(`${format} stores a block of zeros as zeros`, () => {
    const blocks = quantize(format, new Array(BLOCK_SIZE).fill(0));
    assert.ok(dequantizeBlocks(blocks).every((value) => value === 0));
  });

  Deno.test(`${format} keeps the weight of largest magnitude, whatever its sign`, () => {
    for (const sign of [1, -1]) {
      const values = Array.from({ length: BLOCK_SIZE }, (_, i) => Math.sin(i) / 3);
      values[17] = sign * 0.75;
      assert.equal(dequantizeBlocks(quantize(format, values))[17], sign * 0.75);
    }
  });

  Deno.test(`${format} can be filled piece by piece`, () => {
    const values = Array.from({ length: 4 * BLOCK_SIZE }, (_, i) => Math.cos(i * i));
    const whole = quantize(format, values);
    const pieces = emptyBlocks(format, values.length);
    for (const [start, end] of [[BLOCK_SIZE, 4 * BLOCK_SIZE], [0, BLOCK_SIZE]] as const) {
      quantizeInto(pieces, Float32Array.from(values.slice(start, end)), start);
    }
    assert.deepEqual(pieces, whole);
  });
}

Deno.test("two codes share a byte, the first in its upper half", () => {
  const values = new Array(BLOCK_SIZE).fill(0);
  values[0] = -8;
  values[1] = 7;
  const { codes, scales } = quantize("int4", values);
  assert.equal(codes[0], 0x0f);
  assert.equal(codes[1], 0x88);
  assert.deepEqual([...scales], [1]);
});

Deno.test("weights that fill no whole blocks are refused", () => {
  assert.throws(() => emptyBlocks("nf4", 96), {
    name: "RangeError",
    message: "Cannot cut 96 weights into blocks of 64",
  });
});
