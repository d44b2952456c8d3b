import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { openSafetensors } from "../../../core/io/safetensors.ts";
import { writeSafetensors } from "../../../core/io/safetensors_writer.ts";
import { bytes, floats, ints } from "../../../core/tensor/mod.ts";
import { inFolder, sharedPath, testWithData, userError } from "./support.ts";

/** Writes a file with this header (JSON, or text as it is) and `size` bytes of data. */
function writeBroken(path: string, header: unknown, size: number, claimed?: number): void {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const encoded = new TextEncoder().encode(json);
  const file = new Uint8Array(8 + encoded.length + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed ?? encoded.length), true);
  file.set(encoded, 8);
  fs.writeFileSync(path, file);
}

const entry = (dtype: string, shape: unknown, start: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

Deno.test("tensors of every type come back as they were written", () =>
  inFolder((folder) => {
    const path = join(folder, "a", "b.safetensors");
    writeSafetensors(path, [
      { name: "small", tensor: bytes([3], [1, 0, 255]) },
      { name: "index", tensor: ints([2, 2], [-1, 2, 2147483647, -2147483648]) },
      { name: "weight", tensor: floats([2, 1], [0.1, -3]) },
      { name: "scalar", tensor: floats([], [7]) },
      { name: "empty", tensor: floats([0, 4]) },
    ], { format: "pt" });
    using file = openSafetensors(path);
    assert.deepEqual(file.metadata, { format: "pt" });
    assert.deepEqual(file.read("weight"), floats([2, 1], [0.1, -3]));
    assert.deepEqual(file.read("scalar"), floats([], [7]));
    assert.deepEqual(file.read("empty"), floats([0, 4]));
    assert.deepEqual(
      file.readHost("index"),
      ints([2, 2], [-1, 2, 2147483647, -2147483648]),
    );
    assert.deepEqual(file.readHost("small"), bytes([3], [1, 0, 255]));
    assert.deepEqual(file.readHost("weight"), file.read("weight"));
  }));

Deno.test("the file has the bytes that the Python library writes", () =>
  inFolder((folder) => {
    const path = join(folder, "x.safetensors");
    writeSafetensors(path, [
      { name: "u", tensor: bytes([1], [9]) },
      { name: "b", tensor: floats([2], [1, -2]) },
      { name: "i", tensor: ints([1], [5]) },
      { name: "a", tensor: floats([], [0.5]) },
    ], { format: "pt" });
    // safetensors 0.8.0: safetensors.numpy.save_file of the same tensors, metadata={"format": "pt"}.
    assert.equal(fs.readFileSync(path).toString("base64"), PYTHON_FILE);
  }));

Deno.test("half-precision storage rounds to nearest, ties to even, and widens exactly", () =>
  inFolder((folder) => {
    const path = join(folder, "h.safetensors");
    // 1 + 2^-8 and 1 + 3·2^-8 are halfway between bfloat16 neighbours; 2^-7 apart above 1.
    const values = [1 + 2 ** -8, 1 + 3 * 2 ** -8, -0, Infinity, NaN, 1e38, 2 ** -133];
    writeSafetensors(path, [{ name: "w", tensor: floats([7], values) }], {}, { floats: "BF16" });
    {
      using file = openSafetensors(path);
      assert.equal(file.tensors.get("w")!.dtype, "BF16");
      const read = file.read("w").data;
      assert.deepEqual([...read.slice(0, 5)], [1, 1 + 2 ** -6, -0, Infinity, NaN]);
      assert.ok(Math.abs(read[5]! / 1e38 - 1) < 2 ** -8);
      assert.equal(read[6], 2 ** -133);
    }
    // Above 1 the neighbours of float16 are 2^-10 apart.
    const halves = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 2 ** -24, -Infinity];
    writeSafetensors(path, [{ name: "w", tensor: floats([5], halves) }], {}, { floats: "F16" });
    using file = openSafetensors(path);
    assert.deepEqual([...file.read("w").data], [1, 1 + 2 ** -9, 65504, 2 ** -24, -Infinity]);
  }));

Deno.test("a value too large for F16 is refused and nothing is written", () =>
  inFolder(async (folder) => {
    const path = join(folder, "h.safetensors");
    const tensors = [{ name: "w", tensor: floats([1], [70000]) }];
    await userError(
      () => writeSafetensors(path, tensors, {}, { floats: "F16" }),
      "tensor w",
      "70000",
    );
    assert.deepEqual(fs.readdirSync(folder), []);
  }));

Deno.test("bfloat16 never differs from the nearest neighbour by more than half a step", () =>
  inFolder((folder) => {
    const path = join(folder, "p.safetensors");
    fc.assert(
      fc.property(
        fc.array(
          fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 100), max: 2 ** 100 }),
          { maxLength: 50 },
        ),
        (values) => {
          const tensor = floats([values.length], values);
          writeSafetensors(path, [{ name: "w", tensor }], {}, { floats: "BF16" });
          using file = openSafetensors(path);
          file.read("w").data.forEach((value, i) => {
            const exact = tensor.data[i]!;
            assert.ok(Math.abs(value - exact) <= Math.max(Math.abs(exact) * 2 ** -8, 2 ** -134));
          });
        },
      ),
      { seed: 5, numRuns: 30 },
    );
  }));

Deno.test("a double-precision tensor is rounded to float32 and integers are refused as floats", () =>
  inFolder(async (folder) => {
    const path = join(folder, "d.safetensors");
    const header = { d: entry("F64", [1], 0, 8), i: entry("I64", [1], 8, 16) };
    writeBroken(path, header, 16);
    const file = fs.readFileSync(path);
    file.writeDoubleLE(0.1, file.length - 16);
    fs.writeFileSync(path, file);
    using opened = openSafetensors(path);
    assert.equal(opened.read("d").data[0], Math.fround(0.1));
    await userError(() => opened.read("i"), "d.safetensors", "tensor i", "I64");
    assert.equal(opened.readRaw("i").bytes.length, 8);
  }));

const BROKEN: readonly [string, unknown, number, RegExp][] = [
  ["an unknown type", { w: entry("F4", [2], 0, 1) }, 1, /tensor w .*F4/],
  ["a shape of another size", { w: entry("F32", [3], 0, 8) }, 8, /tensor w takes 8 bytes .* 12/],
  ["a negative dimension", { w: entry("F32", [-1, -2], 0, 8) }, 8, /tensor w has the shape/],
  ["a dimension that is no number", { w: entry("F32", ["2"], 0, 8) }, 8, /tensor w has the shape/],
  ["offsets past the end", { w: entry("F32", [4], 0, 16) }, 8, /tensor w .*truncated/],
  ["offsets in reverse", { w: entry("F32", [2], 8, 0) }, 8, /tensor w takes -8/],
  [
    "overlapping tensors",
    { v: entry("F32", [2], 0, 8), w: entry("F32", [2], 4, 12) },
    12,
    /tensor w overlaps/,
  ],
  ["a gap before a tensor", { w: entry("F32", [1], 4, 8) }, 8, /4 bytes before tensor w/],
  ["bytes of no tensor at the end", { w: entry("F32", [1], 0, 4) }, 8, /4 bytes at its end/],
  ["an entry that is no object", { w: 3 }, 0, /tensor w/],
  ["metadata that is not text", { __metadata__: { a: 1 } }, 0, /__metadata__/],
  ["a list for a header", [], 0, /not a JSON object/],
  ["a header that is not JSON", "{ nonsense", 0, /not valid JSON/],
];
for (const [what, header, size, pattern] of BROKEN) {
  Deno.test(`a file with ${what} is refused by name`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "broken.safetensors");
      writeBroken(path, header, size);
      await userError(() => openSafetensors(path), "broken.safetensors", pattern);
    }));
}

Deno.test("a file that is missing, a folder, too short or lies about its header is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "short.safetensors");
    await userError(() => openSafetensors(path), "short.safetensors", "no such file");
    await userError(() => openSafetensors(folder), "not a file");
    fs.writeFileSync(path, "1234567");
    await userError(() => openSafetensors(path), "short.safetensors", "7 bytes are too short");
    writeBroken(path, {}, 0, 1_000);
    await userError(() => openSafetensors(path), "header should be 1000 bytes long");
    writeBroken(path, {}, 0, 2 ** 62);
    await userError(() => openSafetensors(path), "header should be");
  }));

Deno.test("every truncation of a file is noticed on opening", () =>
  inFolder(async (folder) => {
    const path = join(folder, "whole.safetensors");
    writeSafetensors(path, [{ name: "w", tensor: floats([4], [1, 2, 3, 4]) }]);
    const whole = fs.readFileSync(path);
    const cut = join(folder, "cut.safetensors");
    for (let length = 0; length < whole.length; length++) {
      fs.writeFileSync(cut, whole.subarray(0, length));
      await userError(() => openSafetensors(cut), "cut.safetensors");
    }
  }));

Deno.test("asking for a tensor that is not there names it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "w.safetensors");
    writeSafetensors(path, [{ name: "w", tensor: floats([1], [1]) }]);
    using file = openSafetensors(path);
    await userError(() => file.read("model.norm.weight"), "w.safetensors", "model.norm.weight");
  }));

testWithData("a checkpoint written by others is read whole", "stories260K/hf", () => {
  using file = openSafetensors(sharedPath("stories260K/hf/model.safetensors"));
  const total = [...file.tensors.keys()]
    .reduce((sum, name) => sum + file.read(name).data.length, 0);
  assert.equal(total, 260_032);
});

const PYTHON_FILE = [
  "+AAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUi",
  "OltdLCJkYXRhX29mZnNldHMiOlswLDRdfSwiYiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMl0sImRhdGFfb2Zm",
  "c2V0cyI6WzQsMTJdfSwiaSI6eyJkdHlwZSI6IkkzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzEyLDE2",
  "XX0sInUiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzE2LDE3XX19IAAAAD8AAIA/",
  "AAAAwAUAAAAJ",
].join("");
