"""Writes one model of random four-bit weights and TinyLlama's shapes for each rival.

  python -m pip install numpy==2.4.6 gguf==0.19.0 onnx==1.23.2
  python scripts/bench/rivals/make_rival_models.py FOLDER --layers 8

`FOLDER/llama.gguf` is for llama.cpp, `FOLDER/transformers/` for transformers.js. Both hold the same
weights, so the same tokens get the same logits from both, up to rounding. 8 layers take 0.8 GB on
disk, all 22 take 1.5 GB.
"""

import argparse
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # leaves nothing in the repository

from gguf_model import write_gguf
from onnx_model import write_onnx
from random_weights import RandomWeights, Shape


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the models that the rivals are timed on.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=8, help="22 is the whole TinyLlama")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument(
        "--accuracy-level",
        type=int,
        default=4,
        choices=range(5),
        help="of ONNX Runtime's products: 4 computes in int8, 0 and 1 in float32",
    )
    options = parser.parse_args()
    if options.layers < 1:
        parser.error("--layers must be 1 or more")
    shape = Shape(options.layers)
    weights = RandomWeights(shape, options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    write_gguf(options.folder / "llama.gguf", shape, weights)
    folder = options.folder / "transformers"
    write_onnx(folder / "onnx", shape, weights, options.accuracy_level)
    write_descriptions(folder, shape)


def write_descriptions(folder: Path, shape: Shape) -> None:
    """What lies beside the weights: the configuration, and a vocabulary of words without sense."""
    special = {"bos_token_id": 1, "eos_token_id": 2}
    words = ["<unk>", "<s>", "</s>"]
    words += [f"▁word{number}" for number in range(len(words), shape.vocabulary)]
    added = [
        {
            "id": number,
            "content": word,
            "special": True,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for number, word in enumerate(words[:3])
    ]
    files = {
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "hidden_size": shape.width,
            "intermediate_size": shape.inner,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_width,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.context,
            "rms_norm_eps": shape.epsilon,
            "rope_theta": shape.theta,
            "tie_word_embeddings": False,
            **special,
            "transformers.js_config": {"use_external_data_format": {"model_q4.onnx": 1}},
        },
        "generation_config.json": special,
        "tokenizer_config.json": {
            "tokenizer_class": "LlamaTokenizer",
            "unk_token": "<unk>",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "model_max_length": shape.context,
        },
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
            "post_processor": None,
            "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
            "model": {
                "type": "BPE",
                "unk_token": "<unk>",
                "merges": [],
                "vocab": {word: number for number, word in enumerate(words)},
            },
        },
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
