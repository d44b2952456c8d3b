"""Makes a small random Qwen2 checkpoint whose weights any language can make again.

Beside stories260K it has what that lacks: a byte-level tokenizer that adds no first token, a large
vocabulary, biases, and answers that differ between neighbouring documents. It is 39 MB, nearly all
of it embeddings, and so it is made where it is needed.

  versions   Python 3.11, numpy 2.4.6, safetensors 0.8.0
  command    python3 tests/parity/lm_eval/make_qwen_folder.py FOLDER
             [--tokenizer ../shared/data/tokenizers/qwen2.5/tokenizer.json]
  date       2026-11-25

Weights: element i (row-major) of parameter p, in the order of `parameters`, counted from 0, with n
elements before it, has a 32-bit hash h of n + i: murmur3's last mixing of (n + i + 1) * 0x9E3779B9.
u = (h >>> 8) / 2^23 - 1 is in [-1, 1) and the element is float32(u * scale + shift); u * scale is
taken in float64, and every scale has few binary digits, so that only the last rounding counts.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

REPOSITORY = Path(__file__).parents[3]

VOCABULARY, WIDTH, INNER, LAYERS = 151936, 64, 160, 2
HEADS, KEY_VALUE_HEADS, HEAD_DIM = 4, 2, 16
WINDOW = 512

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "attention_dropout": 0.0,
    "bos_token_id": None,
    "eos_token_id": 151645,
    "hidden_act": "silu",
    "hidden_size": WIDTH,
    "initializer_range": 0.02,
    "intermediate_size": INNER,
    "max_position_embeddings": WINDOW,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": KEY_VALUE_HEADS,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000.0,
    "sliding_window": None,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": VOCABULARY,
}
TOKENIZER_CONFIG = {
    "add_bos_token": False,
    "bos_token": None,
    "clean_up_tokenization_spaces": False,
    "eos_token": "<|im_end|>",
    "pad_token": "<|endoftext|>",
    "model_max_length": WINDOW,
    # transformers 5 takes Qwen2Tokenizer whatever this says; its ids are those of tokenizer.json.
    "tokenizer_class": "PreTrainedTokenizerFast",
    "unk_token": None,
}


def parameters() -> list[tuple[str, tuple[int, ...], float, float]]:
    """Name, shape, scale and shift of every parameter, in the order that they are drawn in."""
    key_value = KEY_VALUE_HEADS * HEAD_DIM
    drawn = [("model.embed_tokens.weight", (VOCABULARY, WIDTH), 0.5, 0.0)]
    for layer in range(LAYERS):
        attention = f"model.layers.{layer}.self_attn"
        # Sharper queries and keys, so that attention is far from uniform.
        projections = [("q", WIDTH, 0.375), ("k", key_value, 0.375), ("v", key_value, 0.25)]
        for name, rows, scale in projections:
            drawn.append((f"{attention}.{name}_proj.weight", (rows, WIDTH), scale, 0.0))
            drawn.append((f"{attention}.{name}_proj.bias", (rows,), 0.5, 0.0))
        drawn.append((f"{attention}.o_proj.weight", (WIDTH, WIDTH), 0.5, 0.0))
        mlp = f"model.layers.{layer}.mlp"
        drawn.append((f"{mlp}.gate_proj.weight", (INNER, WIDTH), 0.25, 0.0))
        drawn.append((f"{mlp}.up_proj.weight", (INNER, WIDTH), 0.25, 0.0))
        drawn.append((f"{mlp}.down_proj.weight", (WIDTH, INNER), 0.25, 0.0))
        for name in ("input_layernorm", "post_attention_layernorm"):
            drawn.append((f"model.layers.{layer}.{name}.weight", (WIDTH,), 0.25, 1.0))
    drawn.append(("model.norm.weight", (WIDTH,), 0.25, 1.0))
    return drawn


def uniform(start: int, count: int) -> np.ndarray:
    """Numbers in [-1, 1), in float64, for the counters from `start`."""
    h = np.arange(start + 1, start + 1 + count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def weights() -> dict[str, np.ndarray]:
    made, start = {}, 0
    for name, shape, scale, shift in parameters():
        count = int(np.prod(shape))
        made[name] = (uniform(start, count) * scale + shift).astype(np.float32).reshape(shape)
        start += count
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--tokenizer",
        type=Path,
        default=REPOSITORY.parent / "shared/data/tokenizers/qwen2.5/tokenizer.json",
    )
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    made = weights()
    save_file(made, asked.folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(asked.tokenizer, asked.folder / "tokenizer.json")
    generation = {"eos_token_id": CONFIG["eos_token_id"]}
    for name, content in [
        ("config.json", CONFIG),
        ("generation_config.json", generation),
        ("tokenizer_config.json", TOKENIZER_CONFIG),
    ]:
        (asked.folder / name).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    digest = hashlib.sha256()
    for name in sorted(made):
        digest.update(made[name].tobytes())
    print(f"{sum(w.size for w in made.values())} parameters, {digest.hexdigest()}")
    print([float(x) for x in made["model.embed_tokens.weight"][0, :3]])


if __name__ == "__main__":
    main()
