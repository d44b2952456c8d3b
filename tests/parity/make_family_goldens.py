"""Makes goldens/families: tiny random checkpoints of each supported family, and their logits.

transformers makes, saves and runs every checkpoint, so that what config.json and the weights mean
here can be held against what they mean there. Everything is random and made here; nothing is
downloaded.

  versions   Python 3.11, torch 2.13.0 (CPU), transformers 5.23.0, peft 0.21.2, safetensors 0.8.0
  command    python3 tests/parity/make_family_goldens.py
  date       2026-11-24
  layout     goldens/families/README.md; README.md says how to install the versions

Precision: a checkpoint is loaded as it was saved, half precision included, and its logits are
computed in float64 and rounded to float32, with the norms in float64 as in make_goldens.py. The
rotation angles are the float64 products of positions and transformers' own float32 frequencies. The
unmodified float32 model with another attention implementation has to agree, or the script stops.

Shapes: B = 2 sequences, T = 48 tokens, V = 64 vocabulary.
"""

import json
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from make_goldens import rms_norm_in_own_precision
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, Qwen2Config
from transformers.utils import logging

GOLDENS = Path(__file__).parent / "goldens" / "families"
# Llama 3.1's configuration in the spelling of transformers 4, written by hand; it is only read here.
V4_CONFIG = GOLDENS / "llama3_rope" / "config_v4.json"

SEED = 20261
BATCH, LENGTH, VOCABULARY = 2, 48, 64

# Largest accepted difference between float64 and float32 logits, relative to the largest logit.
AGREEMENT = 1e-5


@dataclass
class Family:
    """One checkpoint: what it is configured as, and how it is saved."""

    config: PreTrainedConfig
    dtype: torch.dtype = torch.float32
    max_shard_size: str = "5GB"
    # What some checkpoints hold beside the parameters, given those; nothing reads it.
    extra: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] | None = None


def sizes(width: int, inner: int, layers: int, heads: int, key_value_heads: int) -> dict[str, int]:
    return {
        "vocab_size": VOCABULARY,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads,
        "max_position_embeddings": 64,
    }


def copied_head(saved: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"lm_head.weight": saved["model.embed_tokens.weight"].clone()}


def old_frequencies(saved: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Buffers that early versions of transformers saved, for the heads of size 10 below."""
    frequencies = (10000.0 ** (-torch.arange(0, 10, 2) / 10)).half()
    layers = [name.removesuffix("q_proj.weight") for name in saved if "q_proj" in name]
    return {f"{layer}rotary_emb.inv_freq": frequencies.clone() for layer in layers}


def families() -> dict[str, Family]:
    """Every checkpoint, by the name of its folder."""
    llama3_rope = {
        "rope_type": "llama3",
        "rope_theta": 500.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }
    linear_rope = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
    default_rope = {"rope_type": "default", "rope_theta": 1000000.0}
    return {
        # Heads that are together wider (48) than the state (32).
        "llama_tied": Family(
            LlamaConfig(**sizes(32, 48, 2, 4, 2), head_dim=12, tie_word_embeddings=True),
            extra=copied_head,
        ),
        "llama3_rope": Family(
            LlamaConfig(**sizes(32, 48, 2, 2, 1), rope_parameters=llama3_rope, rms_norm_eps=1e-5)
        ),
        "linear_rope": Family(LlamaConfig(**sizes(32, 48, 2, 2, 2), rope_parameters=linear_rope)),
        "llama_biased": Family(
            LlamaConfig(**sizes(32, 48, 2, 4, 2), attention_bias=True, mlp_bias=True)
        ),
        "openllama": Family(
            LlamaConfig(**sizes(40, 48, 2, 4, 4)), dtype=torch.float16, extra=old_frequencies
        ),
        "qwen2_tied": Family(
            Qwen2Config(
                **sizes(32, 48, 3, 4, 2), rope_parameters=default_rope, tie_word_embeddings=True
            ),
            dtype=torch.bfloat16,
        ),
        "qwen2_untied": Family(
            Qwen2Config(**sizes(32, 48, 2, 4, 1), rope_parameters=default_rope),
            max_shard_size="32KB",
        ),
    }


def save(family: Family, folder: Path, generator: torch.Generator) -> None:
    """Saves a checkpoint with weights of the order of trained ones and biases far from zero."""
    model = AutoModelForCausalLM.from_config(family.config)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if "norm" in name:
                weight.copy_(1 + 0.2 * noise)
            elif name.endswith("bias"):
                weight.copy_(0.5 * noise)
            elif "embed_tokens" in name and not family.config.tie_word_embeddings:
                weight.copy_(noise)
            else:
                # Sharper queries and keys: at gain 1 attention would be close to uniform.
                gain = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
                weight.copy_(gain * noise / weight.shape[1] ** 0.5)
    model.to(family.dtype).save_pretrained(folder, max_shard_size=family.max_shard_size)
    (folder / "generation_config.json").unlink()
    if family.extra:
        file = folder / "model.safetensors"
        saved = load_file(file)
        save_file(saved | family.extra(saved), file, metadata={"format": "pt"})


def rotation_in_own_precision(self, x: torch.Tensor, position_ids: torch.Tensor):
    angles = position_ids[..., None].to(x.dtype) * self.inv_freq
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def logits_of(folder: Path, tokens: torch.Tensor, exact: bool) -> torch.Tensor:
    """Logits [B, T, V] of a saved checkpoint: in float64, or by the unmodified float32 model."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa" if exact else "eager"
    ).eval()
    if exact:
        model.double()
        for module in model.modules():
            if type(module).__name__.endswith("RMSNorm"):
                module.forward = types.MethodType(rms_norm_in_own_precision, module)
            elif type(module).__name__.endswith("RotaryEmbedding"):
                module.forward = types.MethodType(rotation_in_own_precision, module)
    with torch.no_grad():
        return model(tokens).logits


def check_regions(rope: dict, head_dim: int) -> None:
    """Stops unless some frequencies are low, some high and some in between, and T is long enough."""
    exponents = torch.arange(0, head_dim, 2) / head_dim
    original = rope["original_max_position_embeddings"]
    turns = original * rope["rope_theta"] ** -exponents / (2 * torch.pi)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    counts = [(turns < low).sum(), (turns > high).sum(), ((turns > low) & (turns < high)).sum()]
    assert min(counts) > 0 and LENGTH > original, f"low, high, between: {counts}"


def main() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    generator = torch.Generator().manual_seed(SEED)
    for name, family in families().items():
        folder = GOLDENS / name
        save(family, folder, generator)
        tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH), generator=generator)
        exact = logits_of(folder, tokens, exact=True)
        single = logits_of(folder, tokens, exact=False)
        error = (single.double() - exact).abs().max().item() / exact.abs().max().item()
        print(f"{name}: logits with deviation {exact.std():.3f}, float32 differs by {error:.1e}")
        assert error <= AGREEMENT, f"{name}: {error} > {AGREEMENT}"
        stored = {"tokens": tokens.to(torch.int32), "logits": exact.float().contiguous()}
        save_file(stored, folder / "logits.safetensors")

    assert (GOLDENS / "qwen2_untied" / "model.safetensors.index.json").exists(), "not sharded"
    saved = LlamaConfig.from_pretrained(GOLDENS / "llama3_rope")
    check_regions(saved.rope_parameters, saved.head_dim)
    by_hand = LlamaConfig.from_dict(json.loads(V4_CONFIG.read_text()))
    differences = {
        key: value
        for key, value in saved.to_dict().items()
        if by_hand.to_dict().get(key) != value and key not in ("dtype", "transformers_version")
    }
    assert not differences, f"{V4_CONFIG.name} means something else: {differences}"


if __name__ == "__main__":
    main()
