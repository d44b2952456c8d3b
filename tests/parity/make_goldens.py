"""Makes the goldens in goldens/tiny_llama: a tiny random Llama and what PyTorch computes with it.

Another implementation (transformers' Llama, PEFT's LoRA, PyTorch's gradients and AdamW) runs the
same weights and tokens, so that the TypeScript model, its gradients and its optimizer can be held
against it. Everything is random and made here; nothing is downloaded.

  versions   Python 3.11, torch 2.13.0 (CPU), transformers 5.23.0, peft 0.21.2, safetensors 0.8.0
  command    python3 tests/parity/make_goldens.py
  date       2026-11-23
  layout     goldens/README.md lists every tensor; README.md says how to install the versions

Precision: results are computed in float64 and rounded to float32. transformers' Llama normalises
and makes its rotation angles in float32 whatever the weights are, so both are replaced for the
float64 model. The same quantities are then computed by the unmodified float32 model with another
attention implementation, and the script stops if the two disagree.

Shapes: B = 2 sequences, T = 12 tokens, D = 32 width, V = 64 vocabulary, L' = 2 routable layers.
"""

import json
import types
from pathlib import Path

import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

GOLDENS = Path(__file__).parent / "goldens" / "tiny_llama"
ADAPTER = GOLDENS / "adapter"

SEED = 20260
BATCH, LENGTH = 2, 12
ANCHOR_LAYERS = 2
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# The objective: CE_WEIGHT * CE + KD_WEIGHT * TEMPERATURE^2 * KL(teacher || student).
CE_WEIGHT, KD_WEIGHT, TEMPERATURE = 0.7, 0.3, 2.0

ADAMW = {"lr": 1e-2, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
ADAMW_STEPS = 3
CLIP_NORM = 1.0

# Largest accepted difference between the float64 and float32 results, relative to the largest
# element of each tensor. AdamW divides by the root of its second moment, which magnifies the
# rounding of small gradients, so it gets more room.
AGREEMENT = {"forward": 1e-5, "lora": 1e-5, "gated": 1e-5, "adamw": 1e-4}


def tiny_config() -> LlamaConfig:
    return LlamaConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        vocab_size=64,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        rope_theta=10000.0,
        rms_norm_eps=1e-5,
    )


def save_base_model(generator: torch.Generator) -> None:
    """Saves config.json and model.safetensors with weights of the order of trained ones."""
    model = LlamaForCausalLM(tiny_config())
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if "norm" in name:
                weight.copy_(1 + 0.2 * noise)
            elif "embed_tokens" in name:
                weight.copy_(noise)
            else:
                # Sharper queries and keys: at gain 1 attention would be close to uniform.
                gain = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
                weight.copy_(gain * noise / weight.shape[1] ** 0.5)
    model.save_pretrained(GOLDENS)
    (GOLDENS / "generation_config.json").unlink()


def save_adapter(generator: torch.Generator) -> None:
    """Saves a LoRA adapter in PEFT's format whose A and B are both far from zero."""
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        lora_dropout=0.0,
        target_modules=PROJECTIONS,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(LlamaForCausalLM.from_pretrained(GOLDENS), config)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_" in name:
                noise = torch.randn(weight.shape, generator=generator)
                weight.copy_(noise / weight.shape[1] ** 0.5 * (1.0 if "lora_A" in name else 0.3))
    # get_peft_model noted where this checkout lies; the saved file should not depend on that.
    model.peft_config["default"].base_model_name_or_path = "tests/parity/goldens/tiny_llama"
    model.save_pretrained(ADAPTER, save_embedding_layers=False)
    (ADAPTER / "README.md").unlink()
    # PEFT keeps the targets in a set; sort them so that a second run writes the same bytes.
    config_file = ADAPTER / "adapter_config.json"
    saved = json.loads(config_file.read_text())
    saved["target_modules"].sort()
    config_file.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")


def rms_norm_in_own_precision(self, x: torch.Tensor) -> torch.Tensor:
    variance = x.pow(2).mean(-1, keepdim=True)
    return self.weight * x * torch.rsqrt(variance + self.variance_epsilon)


def rotation_in_own_precision(self, x: torch.Tensor, position_ids: torch.Tensor):
    dim = self.config.head_dim
    exponents = torch.arange(0, dim, 2, dtype=x.dtype) / dim
    frequencies = self.config.rope_parameters["rope_theta"] ** -exponents
    angles = position_ids[..., None].to(x.dtype) * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def load(dtype: torch.dtype) -> PeftModel:
    """The saved model with the saved adapter: exact in float64, unmodified in float32."""
    exact = dtype == torch.float64
    base = LlamaForCausalLM.from_pretrained(
        GOLDENS, dtype=torch.float32, attn_implementation="sdpa" if exact else "eager"
    )
    model = PeftModel.from_pretrained(base, ADAPTER, is_trainable=True)
    if exact:
        model.double()
        for module in model.modules():
            if type(module).__name__ == "LlamaRMSNorm":
                module.forward = types.MethodType(rms_norm_in_own_precision, module)
            elif type(module).__name__ == "LlamaRotaryEmbedding":
                module.forward = types.MethodType(rotation_in_own_precision, module)
    return model


def forward(model: PeftModel, tokens: torch.Tensor, gates: torch.Tensor | None = None):
    """Logits [B, T, V] and the hidden state [B, T, D] before each layer and after the last one.

    gates [B, T, L'] blend the layers after the anchor: x + g * (block(x) - x). Every token's keys
    and values are computed from its own hidden state, whether its gate is open or not.
    """
    causal = model.base_model.model
    decoder = causal.model
    positions = torch.arange(tokens.shape[1])[None]
    x = decoder.embed_tokens(tokens)
    rotation = decoder.rotary_emb(x, position_ids=positions)
    future = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
    mask = torch.zeros(future.shape, dtype=x.dtype).masked_fill(future, float("-inf"))
    hidden = [x]
    for layer, block in enumerate(decoder.layers):
        new = block(x, attention_mask=mask[None, None], position_embeddings=rotation)
        if gates is None or layer < ANCHOR_LAYERS:
            x = new
        else:
            x = x + gates[:, :, layer - ANCHOR_LAYERS, None] * (new - x)
        hidden.append(x)
    return causal.lm_head(decoder.norm(x)), hidden


def next_token_nll(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """-log p(token t+1 | tokens 0..t) for t = 0..T-2: [B, T-1]."""
    predictions = logits[:, :-1].transpose(1, 2)
    return F.cross_entropy(predictions, tokens[:, 1:], reduction="none")


def distillation(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """T^2 * KL(teacher || student) at temperature T, mean over the B*(T-1) scored positions."""
    student_log = F.log_softmax(student[:, :-1] / TEMPERATURE, dim=-1)
    teacher_log = F.log_softmax(teacher[:, :-1] / TEMPERATURE, dim=-1)
    kl = (teacher_log.exp() * (teacher_log - student_log)).sum(-1)
    return TEMPERATURE**2 * kl.mean()


def lora_tensors(model: PeftModel, pick) -> dict[str, torch.Tensor]:
    """pick(parameter) of every LoRA parameter, under its key in adapter_model.safetensors."""
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    picked = {n: pick(p).detach().clone() for n, p in parameters.items()}
    return get_peft_model_state_dict(model, state_dict=picked, save_embedding_layers=False)


def prefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def base_forward(model: PeftModel, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad(), model.disable_adapter():
        logits, hidden = forward(model, tokens)
        whole = model(tokens, labels=tokens)
    nll = next_token_nll(logits, tokens)
    # The walk over the layers and the loss must be transformers' own.
    torch.testing.assert_close(logits, whole.logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(nll.mean(), whole.loss, rtol=0, atol=1e-5, check_dtype=False)
    states = {f"hidden.{layer}": state for layer, state in enumerate(hidden)}
    return {"tokens": tokens, "logits": logits, "nll": nll, "loss": nll.mean()} | states


def lora_gradients(model: PeftModel, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    logits, _ = forward(model, tokens)
    loss = next_token_nll(logits, tokens).mean()
    loss.backward()
    gradients = lora_tensors(model, lambda p: p.grad)
    return {"logits": logits, "loss": loss} | prefixed("grad", gradients)


def gated_distillation(
    model: PeftModel, tokens: torch.Tensor, gates: torch.Tensor, hard_gates: torch.Tensor
) -> dict[str, torch.Tensor]:
    model.zero_grad()
    dtype = next(model.parameters()).dtype
    gates = gates.to(dtype).requires_grad_()
    with torch.no_grad(), model.disable_adapter():
        teacher, _ = forward(model, tokens)
    student, _ = forward(model, tokens, gates)
    ce = next_token_nll(student, tokens).mean()
    kd = distillation(student, teacher)
    loss = CE_WEIGHT * ce + KD_WEIGHT * kd
    loss.backward()
    with torch.no_grad():
        hard_logits, _ = forward(model, tokens, hard_gates.to(dtype))
    return {
        "gates": gates,
        "logits": student,
        "teacher_logits": teacher,
        "loss": loss,
        "ce": ce,
        "kd": kd,
        "grad_gates": gates.grad,
        "hard_gates": hard_gates,
        "hard_logits": hard_logits,
    } | prefixed("grad", lora_tensors(model, lambda p: p.grad))


def adamw_steps(model: PeftModel, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, **ADAMW)
    losses, norms, result = [], [], {}
    for step in range(1, ADAMW_STEPS + 1):
        optimizer.zero_grad()
        logits, _ = forward(model, tokens)
        loss = next_token_nll(logits, tokens).mean()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(trainable, CLIP_NORM))
        optimizer.step()
        losses.append(loss.detach())
        result |= prefixed(f"step{step}", lora_tensors(model, lambda p: p))
    return {"losses": torch.stack(losses), "grad_norms": torch.stack(norms)} | result


def compute(dtype: torch.dtype, tokens, gates, hard_gates) -> dict[str, dict[str, torch.Tensor]]:
    """Every golden file's tensors; AdamW comes last because it changes the weights."""
    model = load(dtype)
    return {
        "forward": base_forward(model, tokens),
        "lora": lora_gradients(model, tokens),
        "gated": gated_distillation(model, tokens, gates, hard_gates),
        "adamw": adamw_steps(model, tokens),
    }


def check_agreement(exact: dict, single: dict) -> None:
    for file, tensors in exact.items():
        worst_name, worst = "", 0.0
        for name, value in tensors.items():
            scale = value.abs().max().item()
            assert scale > 1e-3, f"{file}/{name} is next to zero: it would prove nothing"
            error = (single[file][name].double() - value).abs().max().item() / scale
            if error > worst:
                worst_name, worst = name, error
        print(f"{file}: float32 differs from float64 by at most {worst:.1e} ({worst_name})")
        assert worst <= AGREEMENT[file], f"{file}/{worst_name}: {worst} > {AGREEMENT[file]}"


def main() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    GOLDENS.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(SEED)
    save_base_model(generator)
    save_adapter(generator)
    tokens = torch.randint(0, 64, (BATCH, LENGTH), generator=generator)
    # A third of the gates closed, a third open, a third in between.
    routable = (BATCH, LENGTH, tiny_config().num_hidden_layers - ANCHOR_LAYERS)
    kinds = torch.randint(0, 3, routable, generator=generator)
    between = 0.1 + 0.8 * torch.rand(routable, generator=generator)
    gates = torch.where(kinds == 2, between, kinds.float())
    hard_gates = torch.randint(0, 2, routable, generator=generator).float()

    exact = compute(torch.float64, tokens, gates, hard_gates)
    single = compute(torch.float32, tokens, gates, hard_gates)
    check_agreement(exact, single)

    norms = exact["adamw"]["grad_norms"].tolist()
    assert norms[0] > CLIP_NORM, f"clipping would not be exercised: gradient norms {norms}"
    for file, tensors in exact.items():
        stored = {
            name: value.detach().to(torch.int32 if name == "tokens" else torch.float32).contiguous()
            for name, value in tensors.items()
        }
        save_file(stored, GOLDENS / f"{file}.safetensors")
    for name in ("forward", "lora"):
        loss, spread = exact[name]["loss"], exact[name]["logits"].std()
        print(f"{name}: loss {loss:.6f}, standard deviation of the logits {spread:.3f}")
    print("gated:", {name: round(exact["gated"][name].item(), 6) for name in ("loss", "ce", "kd")})
    print("adamw: losses", exact["adamw"]["losses"].tolist(), "gradient norms", norms)


if __name__ == "__main__":
    main()
