"""Makes goldens/tutorial_opt: a tiny random OPT checkpoint and its logits.

It holds the model that docs/tutorials/model.md writes to transformers' own. Everything is random and
made here; nothing is downloaded. Computed in float64 from the float32 weights that are stored, and
rounded to float32.

  versions   Python 3.11, torch 2.13.0 (CPU), transformers 5.23.0, safetensors 0.8.0
  command    python3 tests/parity/make_tutorial_goldens.py
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, OPTConfig

FOLDER = Path(__file__).parent / "goldens" / "tutorial_opt"
SEED, BATCH, LENGTH, VOCABULARY = 20262, 2, 24, 64


def main() -> None:
    generator = torch.Generator().manual_seed(SEED)
    config = OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=32,
        word_embed_proj_dim=32,
        pad_token_id=1,
        dropout=0.0,
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            # Gains and biases away from 1 and 0, where a mistake would not show.
            fresh = torch.randn(tensor.shape, generator=generator)
            is_gain = "norm" in name and name.endswith("weight")
            tensor.copy_(1 + 0.2 * fresh if is_gain else 0.2 * fresh)
    model.save_pretrained(FOLDER)
    (FOLDER / "generation_config.json").unlink()

    tokens = torch.randint(2, VOCABULARY, (BATCH, LENGTH), generator=generator)
    with torch.no_grad():
        logits = model.double().eval()(input_ids=tokens).logits
    save_file(
        {"tokens": tokens.int(), "logits": logits.float().contiguous()},
        FOLDER / "logits.safetensors",
    )
    print(json.dumps({"logits": list(logits.shape), "std": logits.std().item()}))


if __name__ == "__main__":
    main()
