import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { UserError } from "../../../../core/contracts/errors.ts";
import { openPytorchFile } from "../../../../core/io/pytorch/checkpoint_file.ts";
import { bytes, floats, ints } from "../../../../core/tensor/mod.ts";
import { inFolder, userError } from "../support.ts";

const GOLDENS = fileURLToPath(new URL("../../../parity/goldens/pytorch_bin/", import.meta.url));
const WHOLE = join(GOLDENS, "whole", "pytorch_model.bin");
const SAVE_AGAIN = "save it again with save_pretrained(..., safe_serialization=True)";

Deno.test("tensors of every type come as PyTorch saved them", () => {
  using file = openPytorchFile(WHOLE);
  const table = [0.5, -1.25, 3, Math.fround(1e-3), 65504, -0];
  assert.deepEqual(file.read("f32"), floats([2, 3], table));
  // 1e-3 and 65504 rounded to 16 bits, with 10 and 7 bits after the leading one.
  assert.deepEqual(file.read("f16"), floats([2, 3], table.map(Math.f16round)));
  assert.deepEqual(
    file.read("bf16"),
    floats([2, 3], [0.5, -1.25, 3, 131 * 2 ** -17, 65536, -0]),
  );
  assert.deepEqual(file.read("f64"), floats([2], [0.1, -2]));
  assert.deepEqual(file.readHost("i32"), ints([2], [7, -8]));
  assert.deepEqual(file.readHost("u8"), bytes([2], [0, 255]));
  assert.deepEqual(file.readHost("bool"), bytes([3], [1, 0, 1]));
  assert.deepEqual(file.readHost("f32"), file.read("f32"));
  assert.deepEqual(file.read("scalar"), floats([], [2.5]));
  assert.deepEqual(file.read("empty"), floats([0, 4]));
  const { dtype, shape, bytes: raw } = file.readRaw("i64");
  assert.deepEqual([dtype, shape], ["I64", [3]]);
  assert.deepEqual(new BigInt64Array(raw.buffer), BigInt64Array.of(1n, -2n, 2n ** 40n));
  assert.deepEqual([...file.readRaw("i16").bytes], [7, 0, 248, 255]);
  assert.deepEqual([...file.readRaw("i8").bytes], [7, 248]);
});

Deno.test("parameters, tied tensors and views of a part are tensors like others", () => {
  using file = openPytorchFile(WHOLE);
  assert.deepEqual(file.read("parameter"), floats([2], [1.5, 2.5]));
  assert.deepEqual(file.read("tied"), file.read("f32"));
  assert.deepEqual(file.tensors.get("tied"), file.tensors.get("f32"));
  assert.deepEqual(file.read("second_row"), floats([3], [1e-3, 65504, -0]));
  assert.deepEqual(file.read("column"), floats([1, 1], [0.5]));
});

Deno.test("a tensor can be streamed", () => {
  using file = openPytorchFile(WHOLE);
  const pieces: [number, number[]][] = [];
  file.stream("bf16", (piece, start) => pieces.push([start, [...piece]]));
  assert.deepEqual(pieces, [[0, [...file.read("bf16").data]]]);
});

Deno.test("what a file does not hold is refused by name", async () => {
  using file = openPytorchFile(WHOLE);
  await userError(() => file.read("lm_head.weight"), WHOLE, "no tensor lm_head.weight");
  await userError(() => file.read("i64"), WHOLE, "tensor i64 holds I64, where F32");
  await userError(() => file.stream("u8", () => {}), WHOLE, "tensor u8 holds U8, where F32");
});

const REFUSED: [name: string, ...patterns: (string | RegExp)[]][] = [
  ["strided", "tensor w is a view, [3,2] with the strides [1,3]", SAVE_AGAIN],
  ["legacy", "format of PyTorch before 1.6", SAVE_AGAIN],
  ["malicious", /it refers to "\w+\.system" and so could run code; if you trust it/, SAVE_AGAIN],
  ["nested", 'its entry "model" is not a tensor; save the model\'s state_dict alone'],
  ["list", "it does not hold tensors by name"],
  ["complex", 'it refers to "torch.ComplexFloatStorage" and so could run code'],
  ["compressed", 'its part "pytorch_model/data.pkl" is compressed', "download it again"],
  ["big_endian", "not little-endian", SAVE_AGAIN],
];
for (const [name, ...patterns] of REFUSED) {
  Deno.test(`a file that is ${name.replace("_", "-")} is refused in one line`, async () => {
    const path = join(GOLDENS, "refused", `${name}.bin`);
    await userError(() => openPytorchFile(path), `Cannot read ${path}: `, ...patterns);
  });
}

Deno.test("a file that is missing, a folder or something else is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x.bin");
    await userError(() => openPytorchFile(path), "x.bin", "no such file");
    await userError(() => openPytorchFile(folder), "it is a folder, not a file");
    for (const content of ["", "P", "version https://git-lfs.github.com/spec/v1\n"]) {
      fs.writeFileSync(path, content);
      await userError(() => openPytorchFile(path), "x.bin: it is no PyTorch checkpoint (a zip");
    }
    // An empty archive.
    fs.writeFileSync(path, Uint8Array.from([0x50, 0x4b, 5, 6, ...new Uint8Array(18)]));
    await userError(() => openPytorchFile(path), "x.bin: it has no data.pkl");
  }));

Deno.test("every truncation of a file is noticed on opening", () =>
  inFolder(async (folder) => {
    const whole = fs.readFileSync(WHOLE);
    const path = join(folder, "cut.bin");
    for (let length = 0; length < whole.length; length += 7) {
      fs.writeFileSync(path, whole.subarray(0, length));
      await userError(() => openPytorchFile(path), "cut.bin", "download it again");
    }
  }));

Deno.test("a damaged file is read as far as it goes or refused, whatever is damaged", () =>
  inFolder((folder) => {
    const whole = fs.readFileSync(WHOLE);
    const path = join(folder, "damaged.bin");
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        const content = Uint8Array.from(whole);
        for (const [place, byte] of changes) content[place] = byte;
        fs.writeFileSync(path, content);
        try {
          using file = openPytorchFile(path);
          for (const name of file.tensors.keys()) file.readRaw(name);
        } catch (error) {
          assert.ok(error instanceof UserError, `${error}`);
          assert.ok(error.message.includes("damaged.bin"), error.message);
        }
      }),
      { seed: 6, numRuns: 500 },
    );
  }));
