/** Checksums and frames of TFRecord files. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  crc32c,
  frameRecord,
  maskedCrc32c,
  wholeRecords,
} from "../../../../../core/run/logging/tensorboard/records.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const hex = (value: number) => value.toString(16).padStart(8, "0");

Deno.test("CRC-32C gives the values of RFC 3720, B.4", () => {
  const upwards = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(hex(crc32c(new Uint8Array(32))), "8a9136aa");
  assert.equal(hex(crc32c(new Uint8Array(32).fill(0xff))), "62a8ab43");
  assert.equal(hex(crc32c(upwards)), "46dd794e");
  assert.equal(hex(crc32c(upwards.toReversed())), "113fdb5c");
  assert.equal(hex(crc32c(bytesOf("123456789"))), "e3069283");
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

Deno.test("a masked checksum can be taken back to the plain one", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    const turned = (maskedCrc32c(bytes) - 0xa282ead8) >>> 0;
    assert.equal(((turned >>> 17) | (turned << 15)) >>> 0, crc32c(bytes));
  }));
});

Deno.test("a record is framed as TensorFlow frames it", () => {
  // By RecordWriter of TensorBoard 2.21.0.
  assert.equal(frameRecord(bytesOf("dlr")).toHex(), FRAMED);
});

const FRAMED = "0300000000000000b099490e646c724d21ed60";

Deno.test("whatever is cut off or damaged, the records before it are read", () => {
  const records = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(records, fc.nat(), fc.nat(), (contents, cut, damage) => {
    const frames = contents.map(frameRecord);
    const file = new Uint8Array(frames.flatMap((frame) => [...frame]));
    assert.deepEqual([...wholeRecords(file)], contents);

    const end = cut % file.length;
    const before = (position: number) => {
      let at = 0;
      return contents.filter((_, i) => (at += frames[i]!.length) <= position);
    };
    assert.deepEqual([...wholeRecords(file.subarray(0, end))], before(end));

    const damaged = file.slice();
    damaged[damage % file.length]! ^= 1;
    assert.deepEqual([...wholeRecords(damaged)], before(damage % file.length));
  }));
});
