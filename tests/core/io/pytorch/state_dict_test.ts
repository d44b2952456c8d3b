import assert from "node:assert/strict";
import { readStateDict } from "../../../../core/io/pytorch/state_dict.ts";
import { userError } from "../support.ts";

/** Pickle operations, spelled as Python's `pickletools` names them; protocol 2. */
const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
const global = (module: string, name: string) => `c${module}\n${name}\n`;
const storage = (type: string, key: string, count: number) =>
  `(${text("storage")}${global("torch", type)}${text(key)}${text("cpu")}K${
    String.fromCharCode(count)
  }tQ`;
const tuple = (...counts: number[]) =>
  `(${counts.map((count) => `K${String.fromCharCode(count)}`).join("")}t`;
const tensor = (offset: number, shape: string, strides: string) =>
  `${global("torch._utils", "_rebuild_tensor_v2")}(${storage("FloatStorage", "0", 6)}K${
    String.fromCharCode(offset)
  }${shape}${strides}\x89NtR`;
const pickle = (program: string) =>
  Uint8Array.from(`\x80\x02${program}.`, (letter) => letter.charCodeAt(0));
const read = (program: string) => readStateDict(pickle(program), "some.bin");
const refused = (program: string, ...patterns: string[]) =>
  userError(() => read(program), "Cannot read some.bin: ", ...patterns);

Deno.test("a tensor is a view of a storage", () => {
  const state = read(`}${text("w")}${tensor(2, tuple(2, 2), tuple(2, 1))}s`);
  assert.deepEqual([...state], [["w", {
    storage: { dtype: "F32", key: "0", count: 6 },
    offset: 2,
    shape: [2, 2],
    strides: [2, 1],
  }]]);
});

Deno.test("an ordered dictionary with metadata is a state_dict", () => {
  const metadata = `}${text("_metadata")}}sb`;
  const program = `${global("collections", "OrderedDict")})R${text("w")}${
    tensor(0, tuple(6), tuple(1))
  }s${metadata}`;
  assert.deepEqual([...read(program).keys()], ["w"]);
});

Deno.test("a name that is not known is refused, however it is called", async () => {
  const could = "and so could run code";
  await refused(`${global("os", "system")}${text("ls")}\x85R`, '"os.system"', could);
  await refused(`(ios\nsystem\n`, '"os.system"', could);
  // Protocol 4 takes names from the stack, where they may be anything.
  await refused(`${text("builtins")}${text("ev\nal")}\x93`, '"builtins.ev\\nal"', could);
  await refused(global("torch", "load"), '"torch.load"', could);
  await refused(global("__main__", "constructor"), '"__main__.constructor"', could);
});

Deno.test("a broken pickle is refused", async () => {
  const broken = "its data.pkl is broken; download it again";
  await refused("}" + text("w"), "does not hold tensors by name");
  await refused("", "does not hold tensors by name");
  await refused("R", broken);
  await refused("\xff", broken);
  await refused("\x82\x01", broken);
  await userError(() => readStateDict(Uint8Array.of(0x80, 2, 0x7d), "some.bin"), broken);
  await userError(() => readStateDict(new Uint8Array(0), "some.bin"), broken);
  const rebuild = global("torch._utils", "_rebuild_tensor_v2");
  await refused(`${rebuild})R`, broken);
  await refused(`${rebuild}(}K\0${tuple()}${tuple()}tR`, broken);
  await refused(tensor(0, tuple(6), "N"), broken);
  await refused(tensor(0, `J\xff\xff\xff\xff\x85`, tuple(1)), broken);
  await refused(
    `(${text("storage")}${text("FloatStorage")}${text("0")}${text("cpu")}K\x01tQ`,
    broken,
  );
  await refused(`${text("storage")}Q`, broken);
});

Deno.test("entries that are not tensors are refused, even in disguise", async () => {
  await refused(`}${text("epoch")}K\x03s`, 'its entry "epoch" is not a tensor');
  await refused(`}K\x03${tensor(0, tuple(6), tuple(1))}s`, "its entry 3 is not a tensor");
  // A list that is given the looks of a tensor, and one that has a tensor for a prototype.
  const looks = `}${text("shape")}${text("x")}s`;
  await refused(`}${text("w")}]${looks}bs`, 'its entry "w" is not a tensor');
  const inherits = `}${text("__proto__")}${tensor(0, tuple(6), tuple(1))}s`;
  await refused(`}${text("w")}]${inherits}bs`, 'its entry "w" is not a tensor');
});

Deno.test("what is known cannot be changed by a pickle", async () => {
  const change = `}${text("dtype")}${text("F64")}sb`;
  await refused(`${global("torch", "FloatStorage")}${change}`, "is broken");
  await refused(`}${text("w")}${tensor(0, tuple(6), tuple(1))}${change}s`, "is broken");
  await refused(`${global("collections", "OrderedDict")}${change}`, "is broken");
});
