"""Checks that an adapter folder which dlr saved means the same to PEFT.

Loads the folder with PEFT onto goldens/tiny_llama, runs the golden tokens and compares the logits
with those that dlr computed with the same adapter. Exit code 0 when they agree, 1 when not.

  python3 tests/parity/check_adapter.py ADAPTER_DIR LOGITS.safetensors [--tolerance 1e-4]

ADAPTER_DIR holds adapter_config.json and adapter_model.safetensors. LOGITS.safetensors holds
`logits` [2, 12, 64], float32, for the `tokens` of goldens/tiny_llama/forward.safetensors. The
script can be tried on what PEFT itself saved:

  python3 tests/parity/check_adapter.py tests/parity/goldens/tiny_llama/adapter \\
    tests/parity/goldens/tiny_llama/lora.safetensors
"""

import argparse
import sys
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import LlamaForCausalLM
from transformers.utils import logging

BASE = Path(__file__).parent / "goldens" / "tiny_llama"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adapter", type=Path, help="folder with adapter_config.json")
    parser.add_argument("logits", type=Path, help="safetensors file with `logits` [2, 12, 64]")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest absolute difference")
    return parser.parse_args()


def unloaded(model: PeftModel, adapter: Path) -> list[str]:
    """Tensors that PEFT did not take as they stand in the file; PEFT only warns of missing ones."""
    saved = load_file(adapter / "adapter_model.safetensors")
    loaded = get_peft_model_state_dict(model, save_embedding_layers=False)
    return sorted(
        name
        for name in saved.keys() | loaded.keys()
        if name not in saved or name not in loaded or not torch.equal(saved[name], loaded[name])
    )


def main() -> None:
    options = arguments()
    logging.disable_progress_bar()
    tokens = load_file(BASE / "forward.safetensors")["tokens"].long()
    ours = load_file(options.logits)["logits"]

    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(BASE), options.adapter)
    model.eval()
    problems = unloaded(model, options.adapter)
    if problems:
        sys.exit(f"FAIL: {len(problems)} tensors differ between file and PEFT, first {problems[0]}")

    with torch.no_grad():
        theirs = model(tokens).logits
        with model.disable_adapter():
            base = model(tokens).logits
    if ours.shape != theirs.shape:
        sys.exit(f"FAIL: `logits` has shape {list(ours.shape)}, expected {list(theirs.shape)}")
    difference = (ours - theirs).abs().max().item()
    effect = (theirs - base).abs().max().item()
    print(f"max |dlr - PEFT| {difference:.2e} (the adapter changes the logits by {effect:.2e})")
    if effect <= options.tolerance:
        sys.exit("FAIL: the adapter hardly changes the logits, so agreement proves nothing")
    if not difference <= options.tolerance:
        sys.exit(f"FAIL: the difference is above {options.tolerance}")
    print("ok")


if __name__ == "__main__":
    main()
