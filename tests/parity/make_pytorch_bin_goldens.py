"""Makes goldens/pytorch_bin: checkpoints as torch.save writes them, to be read without Python.

Everything is made here; nothing is downloaded.

  versions   Python 3.11, torch 2.13.0 (CPU)
  command    python3 tests/parity/make_pytorch_bin_goldens.py
  date       2026-11-25

  whole/pytorch_model.bin          tensors of every type, a scalar, an empty one, a parameter, two
                                   names for one tensor, a view of a part of another
  sharded/pytorch_model.bin.*      the tensors a and b in a file each, with the index
  refused/strided.bin              a transposed view
  refused/legacy.bin               the format of before PyTorch 1.6; it holds memory addresses, so its
                                   bytes differ from run to run
  refused/malicious.bin            a pickle that would run `touch` when Python loads it
  refused/nested.bin               a training checkpoint: the state_dict beside a number
  refused/list.bin                 a list of tensors
  refused/complex.bin              numbers of a type that is not read
  refused/compressed.bin           whole/pytorch_model.bin with its parts compressed
  refused/big_endian.bin           whole/pytorch_model.bin that says it is big-endian
"""

import json
import os
import zipfile
from pathlib import Path

import torch

GOLDENS = Path(__file__).parent / "goldens" / "pytorch_bin"


class Malicious:
    """What runs code when it is loaded."""

    def __reduce__(self):
        return os.system, ("touch malicious_was_run",)


def whole() -> dict[str, torch.Tensor]:
    table = torch.tensor([[0.5, -1.25, 3.0], [1e-3, 65504.0, -0.0]])
    return {
        "f32": table,
        "f16": table.to(torch.float16),
        "bf16": table.to(torch.bfloat16),
        "f64": torch.tensor([0.1, -2.0], dtype=torch.float64),
        "i64": torch.tensor([1, -2, 2**40]),
        "i32": torch.tensor([7, -8], dtype=torch.int32),
        "i16": torch.tensor([7, -8], dtype=torch.int16),
        "i8": torch.tensor([7, -8], dtype=torch.int8),
        "u8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(torch.tensor([1.5, 2.5])),
        "tied": table,
        "second_row": table[1],
        # Strides of axes of length one do not matter.
        "column": table[:, :1].t()[:, :1],
    }


def rewrite(source: Path, target: Path, method: int, changes: dict[str, bytes]) -> None:
    """A copy of a zip archive with other contents of some parts."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", method) as new:
        for part in old.infolist():
            name = part.filename.split("/", 1)[1]
            info = zipfile.ZipInfo(part.filename)
            new.writestr(info, changes.get(name, old.read(part)), compress_type=method)


def main() -> None:
    for folder in ("whole", "sharded", "refused"):
        (GOLDENS / folder).mkdir(parents=True, exist_ok=True)
    file = GOLDENS / "whole" / "pytorch_model.bin"
    torch.save(whole(), file)

    parts = {name: f"pytorch_model-0000{number}-of-00002.bin" for number, name in [(1, "a"), (2, "b")]}
    for value, (name, part) in enumerate(parts.items()):
        module = torch.nn.Module()
        module.register_parameter(name, torch.nn.Parameter(torch.tensor([value + 1.0])))
        # An OrderedDict with metadata, as save_pretrained saves it.
        torch.save(module.state_dict(), GOLDENS / "sharded" / part)
    index = {"metadata": {"total_size": 8}, "weight_map": parts}
    (GOLDENS / "sharded" / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1))

    refused = GOLDENS / "refused"
    table = whole()["f32"]
    torch.save({"w": table.t()}, refused / "strided.bin")
    torch.save({"w": table}, refused / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"w": Malicious()}, refused / "malicious.bin")
    torch.save({"model": {"w": table}, "epoch": 3}, refused / "nested.bin")
    torch.save([table], refused / "list.bin")
    torch.save({"w": torch.tensor([1j])}, refused / "complex.bin")
    rewrite(file, refused / "compressed.bin", zipfile.ZIP_DEFLATED, {})
    rewrite(file, refused / "big_endian.bin", zipfile.ZIP_STORED, {"byteorder": b"big"})


if __name__ == "__main__":
    main()
