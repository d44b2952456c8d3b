"""Makes the goldens in goldens/quantized: the tiny Llama on a frozen base in four-bit blocks.

For each format the projections of goldens/tiny_llama are quantized here, independently of dlr: NF4
by bitsandbytes, int4 by the rule that core/tensor/blocks.ts describes. PyTorch then computes with the
dequantized weights what make_goldens.py computes with the full ones: gated forward pass, distillation
from the same frozen base, and the gradients of PEFT's adapter.

  versions   as in make_goldens.py, and bitsandbytes 0.50.2
  command    python3 tests/parity/make_quantized_goldens.py
  layout     <format>.safetensors: codes.NAME (uint8), scales.NAME (float32) for each projection NAME,
             and what goldens/README.md lists for gated.safetensors
"""

import bitsandbytes.functional as bnb
import torch
from safetensors.torch import load_file, save_file
from transformers.utils import logging

import make_goldens as base

GOLDENS = base.GOLDENS.parent / "quantized"
BLOCK = 64


def quantize_nf4(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    codes, state = bnb.quantize_4bit(
        weight, blocksize=BLOCK, quant_type="nf4", compress_statistics=False
    )
    # On the CPU, bitsandbytes 0.50.2 dequantizes rows that are no whole blocks with the scales of
    # other blocks, so the definition is applied here; on whole blocks the two must agree.
    pairs = codes.flatten()
    levels = torch.stack([pairs >> 4, pairs & 15], dim=1).long()
    blocks = state.code[levels].reshape(-1, BLOCK) * state.absmax[:, None]
    dequantized = blocks.reshape(weight.shape)
    if weight.shape[1] % BLOCK == 0:
        torch.testing.assert_close(dequantized, bnb.dequantize_4bit(codes, state), rtol=0, atol=0)
    return pairs, state.absmax, dequantized


def quantize_int4(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    blocks = weight.reshape(-1, BLOCK)
    extreme = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
    scales = extreme / -8
    levels = torch.floor(blocks.double() / scales.double() + 8.5).clamp(0, 15)
    pairs = levels.to(torch.uint8).flatten().reshape(-1, 2)
    dequantized = ((levels - 8) * scales).float().reshape(weight.shape)
    return pairs[:, 0] << 4 | pairs[:, 1], scales.flatten(), dequantized


QUANTIZERS = {"nf4": quantize_nf4, "int4": quantize_int4}


def quantized_model(name: str, dtype: torch.dtype) -> tuple[object, dict[str, torch.Tensor]]:
    """The adapted model with its frozen projections replaced, and what they were stored as."""
    model = base.load(dtype)
    stored = {}
    layers = model.base_model.model.model.layers
    for index, layer in enumerate(layers):
        for part in ("self_attn", "mlp"):
            for projection, module in getattr(layer, part).named_children():
                if projection not in base.PROJECTIONS:
                    continue
                weight = module.base_layer.weight
                codes, scales, dequantized = QUANTIZERS[name](weight.detach().float())
                weight.data.copy_(dequantized)
                key = f"model.layers.{index}.{part}.{projection}.weight"
                stored[f"codes.{key}"] = codes
                stored[f"scales.{key}"] = scales
    return model, stored


def main() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    GOLDENS.mkdir(parents=True, exist_ok=True)
    given = load_file(base.GOLDENS / "gated.safetensors")
    tokens = load_file(base.GOLDENS / "forward.safetensors")["tokens"].long()
    quantize_nf4(torch.randn(8, 2 * BLOCK, generator=torch.Generator().manual_seed(1)))
    for name in QUANTIZERS:
        results = {}
        for dtype in (torch.float64, torch.float32):
            model, stored = quantized_model(name, dtype)
            results[dtype] = base.gated_distillation(
                model, tokens, given["gates"].clone(), given["hard_gates"]
            )
        exact = results[torch.float64]
        base.check_agreement({"gated": exact}, {"gated": results[torch.float32]})
        moved = (exact["logits"] - given["logits"]).abs().max() / given["logits"].abs().max()
        assert moved > 0.02, f"{name} hardly changes the logits: {moved}"
        assert len(stored) == 2 * 4 * 7
        numbers = {key: value.detach().float().contiguous() for key, value in exact.items()}
        save_file(numbers | stored, GOLDENS / f"{name}.safetensors")
        print(f"{name}: loss {exact['loss']:.6f}, logits moved by {moved:.3f} of the largest")


if __name__ == "__main__":
    main()
