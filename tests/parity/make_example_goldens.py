"""Makes goldens/examples: tiny random checkpoints of the example plugins' families, and their logits.

As make_family_goldens.py, whose way of saving, tokens and precision are used: transformers makes,
saves and runs every checkpoint, and everything is random.

  versions   Python 3.11, torch 2.13.0 (CPU), transformers 5.23.0, peft 0.21.2, safetensors 0.8.0
  command    python3 tests/parity/make_example_goldens.py
  date       2026-11-25
  layout     goldens/examples/README.md; README.md says how to install the versions

Precision: logits are computed in float64 from the weights as they are stored, and rounded to float32.
Gemma 2 normalises, and eager attention takes its softmax, in float32 whatever the weights are; both are
replaced for the float64 model. The unmodified float32 model has to agree, or the script stops.

Shapes: B = 2 sequences, T = 48 tokens, V = 64 vocabulary.
"""

import json
import types
from pathlib import Path
from unittest.mock import patch

import torch
from make_family_goldens import AGREEMENT, BATCH, LENGTH, VOCABULARY, rotation_in_own_precision
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Gemma2Config, GPTNeoXConfig, PreTrainedConfig
from transformers.utils import logging

GOLDENS = Path(__file__).parent / "goldens" / "examples"

SEED = 20262

# The checkpoint that PEFT puts an adapter on, and what the adapter is on.
ADAPTED, TARGETS = "neox_parallel", ["dense_4h_to_h", "query_key_value"]


def configurations() -> dict[str, tuple[PreTrainedConfig, torch.dtype]]:
    neox = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "max_position_embeddings": 64,
    }
    gemma = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 12,
        "max_position_embeddings": 64,
    }
    return {
        "neox_parallel": (
            GPTNeoXConfig(**neox, num_attention_heads=2, rotary_pct=0.25),
            torch.float16,
        ),
        "neox_sequential": (
            GPTNeoXConfig(
                **neox,
                num_attention_heads=4,
                rotary_pct=0.5,
                rotary_emb_base=500,
                hidden_act="gelu_fast",
                use_parallel_residual=False,
                attention_bias=False,
                tie_word_embeddings=True,
            ),
            torch.float32,
        ),
        # Bounds that scores and logits come near to, and a window of a sixth of the tokens.
        "gemma2_bounded": (
            Gemma2Config(
                **gemma,
                num_hidden_layers=3,
                query_pre_attn_scalar=20,
                sliding_window=8,
                attn_logit_softcapping=2.0,
                final_logit_softcapping=3.0,
            ),
            torch.float32,
        ),
        "gemma2_free": (
            Gemma2Config(
                **gemma,
                num_hidden_layers=2,
                query_pre_attn_scalar=12,
                sliding_window=5,
                layer_types=["full_attention", "sliding_attention"],
                attn_logit_softcapping=None,
                final_logit_softcapping=None,
                attention_bias=True,
                tie_word_embeddings=False,
            ),
            torch.bfloat16,
        ),
    }


def save(config: PreTrainedConfig, dtype: torch.dtype, folder: Path, generator: torch.Generator):
    """Saves a checkpoint with weights of the order of trained ones and biases far from zero."""
    model = AutoModelForCausalLM.from_config(config)
    # Gemma's gains are stored less one.
    gain_of_norms = 0 if isinstance(config, Gemma2Config) else 1
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith("bias"):
                weight.copy_(0.5 * noise)
            elif "norm" in name:
                weight.copy_(gain_of_norms + 0.2 * noise)
            else:
                # Sharper queries and keys: at gain 1 attention would be close to uniform.
                sharp = ("q_proj", "k_proj", "query_key_value")
                gain = 1.5 if any(part in name for part in sharp) else 1.0
                weight.copy_(gain * noise / weight.shape[1] ** 0.5)
    model.to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    if isinstance(config, GPTNeoXConfig) and not config.tie_word_embeddings:
        add_buffers(folder / "model.safetensors", config)


def add_buffers(file: Path, config: GPTNeoXConfig) -> None:
    """What Pythia's checkpoints hold beside the parameters; nothing reads it."""
    size = config.max_position_embeddings
    saved = load_file(file)
    for layer in range(config.num_hidden_layers):
        prefix = f"gpt_neox.layers.{layer}.attention"
        saved[f"{prefix}.bias"] = torch.ones(1, 1, size, size, dtype=torch.bool).tril()
        saved[f"{prefix}.masked_bias"] = torch.tensor(-1e9)
        saved[f"{prefix}.rotary_emb.inv_freq"] = 10000.0 ** (-torch.arange(0, 4, 2) / 4)
    save_file(saved, file, metadata={"format": "pt"})


def norm_in_own_precision(self, x: torch.Tensor) -> torch.Tensor:
    return (1 + self.weight) * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)


def softmax_in_own_precision(x: torch.Tensor, dim: int, dtype=None) -> torch.Tensor:
    return torch.softmax(x, dim)


def logits_of(folder: Path, tokens: torch.Tensor, exact: bool, adapter: Path | None = None):
    """Logits [B, T, V] of a saved checkpoint: in float64, or by the unmodified float32 model."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    model.eval()
    with torch.no_grad():
        if not exact:
            return model(tokens).logits
        model.double()
        for module in model.modules():
            if type(module).__name__.endswith("RMSNorm"):
                module.forward = types.MethodType(norm_in_own_precision, module)
            elif type(module).__name__.endswith("RotaryEmbedding"):
                module.forward = types.MethodType(rotation_in_own_precision, module)
        with patch.object(torch.nn.functional, "softmax", softmax_in_own_precision):
            return model(tokens).logits


def checked_logits(folder: Path, tokens: torch.Tensor, adapter: Path | None = None) -> torch.Tensor:
    exact = logits_of(folder, tokens, exact=True, adapter=adapter)
    single = logits_of(folder, tokens, exact=False, adapter=adapter)
    error = (single.double() - exact).abs().max().item() / exact.abs().max().item()
    what = (adapter or folder).relative_to(GOLDENS)
    print(f"{what}: logits with deviation {exact.std():.3f}, float32 differs by {error:.1e}")
    assert error <= AGREEMENT, f"{what}: {error} > {AGREEMENT}"
    return exact.float().contiguous()


def save_adapter(folder: Path, generator: torch.Generator) -> Path:
    """An adapter as PEFT saves it, with a B that is not zero."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_" in name:
                noise = torch.randn(weight.shape, generator=generator)
                weight.copy_(noise / weight.shape[1] ** 0.5 * (1.0 if "lora_A" in name else 0.3))
    # get_peft_model noted where this checkout lies; the saved file should not depend on that.
    base = f"tests/parity/goldens/examples/{folder.name}"
    model.peft_config["default"].base_model_name_or_path = base
    adapter = folder / "adapter"
    model.float().save_pretrained(adapter, save_embedding_layers=False)
    (adapter / "README.md").unlink()
    # PEFT keeps the targets in a set; sort them so that a second run writes the same bytes.
    file = adapter / "adapter_config.json"
    saved = json.loads(file.read_text())
    saved["target_modules"].sort()
    file.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
    return adapter


def main() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    generator = torch.Generator().manual_seed(SEED)
    for name, (config, dtype) in configurations().items():
        folder = GOLDENS / name
        save(config, dtype, folder, generator)
        tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH), generator=generator)
        stored = {"tokens": tokens.to(torch.int32), "logits": checked_logits(folder, tokens)}
        if name == ADAPTED:
            adapter = save_adapter(folder, generator)
            stored["adapted"] = checked_logits(folder, tokens, adapter)
        save_file(stored, folder / "logits.safetensors")


if __name__ == "__main__":
    main()
