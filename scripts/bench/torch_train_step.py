"""The training step of `bench:train`, in PyTorch + transformers + PEFT: the rival.

One step: a frozen model of a given config.json with random float32 weights, LoRA on its seven
projections, a token-level Gumbel straight-through router on the state after the anchor
layers, gates x + g * (block(x) - x), 0.7 CE + 0.3 KD (temperature 2) against the base with its
adapter off, sparsity and target-skip penalties, gradient clipping, AdamW. Written as a careful
user of these libraries would: sdpa attention without a mask, fused AdamW, the teacher's whole pass
under no_grad, the anchor layers run once, freed memory kept for reuse.

  python3 scripts/bench/torch_train_step.py --config TEXT --once     one warm-up, one timed step
  python3 scripts/bench/torch_train_step.py --config TEXT            steps on request, in turn:

at the start it prints {"ready": true, "torch": ..., "params": ..., ...}; for each line `step` on
stdin it runs one step and prints {"ms": ..., "loss": ...}; `quit` or the end of stdin ends it.

Needs torch 2.13.0 (of any kind on the CPU, with CUDA for `--device cuda`), transformers 5.23.0, peft 0.21.2 (tests/parity/README.md).

Shapes: B sequences, T tokens, D width, V vocabulary, L' routable layers.
"""

import argparse
import ctypes
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModelForCausalLM

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CE_WEIGHT, KD_WEIGHT, KD_TEMPERATURE = 0.7, 0.3, 2.0
SPARSITY_WEIGHT, TARGET_WEIGHT, TARGET_SKIP = 0.02, 0.5, 0.4
GUMBEL_TEMPERATURE = 1.0
LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM = 2e-4, 0.01, 1.0


class TokenRouter(nn.Module):
    """Gates [B, T, L'] in {0, 1} from the anchor state [B, T, D]; straight-through gradient."""

    def __init__(self, width: int, routable_layers: int):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, width // 2),
            nn.GELU(),
            nn.Linear(width // 2, width // 4),
            nn.GELU(),
            nn.Linear(width // 4, routable_layers),
        )

    def forward(self, anchor: torch.Tensor) -> torch.Tensor:
        state = F.rms_norm(anchor.detach(), anchor.shape[-1:], eps=1e-5)
        logits = self.mlp(state)
        # Logistic noise is the difference of two Gumbel draws: one gate is a two-class choice.
        uniform = torch.rand_like(logits).clamp_(1e-6, 1 - 1e-6)
        soft = torch.sigmoid((logits + torch.logit(uniform)) / GUMBEL_TEMPERATURE)
        hard = (soft > 0.5).to(soft.dtype)
        return hard + soft - soft.detach()


def build_model(options: argparse.Namespace) -> PeftModel:
    described = json.loads(options.config)
    (architecture,) = described.pop("architectures")
    kind = {"LlamaForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2"}[architecture]
    config = AutoConfig.for_model(kind, **described, use_cache=False)
    model = AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation="sdpa"
    )
    lora = LoraConfig(
        r=options.rank,
        lora_alpha=2 * options.rank,
        lora_dropout=0.0,
        target_modules=PROJECTIONS,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)


class TrainStep:
    """Model, router and optimizer; run() does one step on the next random batch."""

    def __init__(self, options: argparse.Namespace):
        torch.manual_seed(options.seed)
        self.device = torch.device(options.device)
        self.model = build_model(options).to(self.device)
        self.model.train()
        self.causal = self.model.base_model.model
        config = self.causal.config
        self.anchor_layers = options.anchor
        self.checkpointing = options.checkpointing
        self.vocabulary = config.vocab_size
        routable_layers = config.num_hidden_layers - options.anchor
        self.router = TokenRouter(config.hidden_size, routable_layers).to(self.device)
        self.shape = (options.batch, options.length + 1)
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.trainable += list(self.router.parameters())
        self.optimizer = torch.optim.AdamW(
            self.trainable, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )

    def routed_logits(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [B, T, V] of the gated student, and its gates [B, T, L']."""
        decoder = self.causal.model
        positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        x = decoder.embed_tokens(tokens)
        rotation = decoder.rotary_emb(x, position_ids=positions)
        for block in decoder.layers[: self.anchor_layers]:
            x = self.run_block(block, x, rotation)
        gates = self.router(x)
        for index, block in enumerate(decoder.layers[self.anchor_layers :]):
            x = torch.lerp(x, self.run_block(block, x, rotation), gates[..., index : index + 1])
        return self.causal.lm_head(decoder.norm(x)), gates

    def run_block(self, block: nn.Module, x: torch.Tensor, rotation) -> torch.Tensor:
        if self.checkpointing:
            return checkpoint(block, x, position_embeddings=rotation, use_reentrant=False)
        return block(x, position_embeddings=rotation)

    def loss(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), self.model.disable_adapter():
            teacher = self.causal(tokens).logits.flatten(0, 1)
            teacher_log = F.log_softmax(teacher / KD_TEMPERATURE, dim=-1)
        student, gates = self.routed_logits(tokens)
        student = student.flatten(0, 1)
        ce = F.cross_entropy(student, targets.flatten())
        student_log = F.log_softmax(student / KD_TEMPERATURE, dim=-1)
        kl = F.kl_div(student_log, teacher_log, reduction="batchmean", log_target=True)
        activity = gates.mean(dim=(0, 1))
        sparsity = activity.sum()
        missed = (1 - activity.mean()) - TARGET_SKIP
        return (
            CE_WEIGHT * ce
            + KD_WEIGHT * KD_TEMPERATURE**2 * kl
            + SPARSITY_WEIGHT * sparsity
            + TARGET_WEIGHT * missed**2
        )

    def run(self) -> dict[str, float]:
        batch = torch.randint(0, self.vocabulary, self.shape, device=self.device)
        start = time.perf_counter()
        loss = self.loss(batch[:, :-1], batch[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trainable, CLIP_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        value = loss.item()  # waits for the device
        return {"ms": round((time.perf_counter() - start) * 1000, 3), "loss": value}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="the model's config.json, as text")
    parser.add_argument("--anchor", type=int, default=2, help="layers that always run")
    parser.add_argument("--batch", type=int, default=1, help="sequences in a batch")
    parser.add_argument("--length", type=int, default=512, help="tokens in a sequence")
    parser.add_argument("--rank", type=int, default=16, help="LoRA rank; alpha is twice the rank")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cpu", help="where it computes: cpu or cuda")
    parser.add_argument("--checkpointing", action="store_true", help="recompute every block")
    parser.add_argument("--default-malloc", action="store_true", help="leave glibc's malloc alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--once", action="store_true", help="one warm-up, --steps timed steps, end")
    parser.add_argument("--steps", type=int, default=1, help="timed steps of --once")
    parser.add_argument("--json", action="store_true", help="with --once: JSON lines only")
    options = parser.parse_args()
    return options


def keep_freed_memory() -> None:
    """Tells glibc to reuse big freed blocks instead of returning them to the system.

    Logits take 65 MB a copy at 512 tokens. By default each copy is mapped and unmapped anew, and
    the page faults took 8% of a step's processor time (2 layers, two Zen 3 cores).
    """
    m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)


def say(record: dict) -> None:
    print(json.dumps(record), flush=True)


def peak_rss_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # Linux counts kB


def run_once(step: TrainStep, options: argparse.Namespace) -> None:
    step.run()  # the first step allocates
    for _ in range(options.steps):
        record = step.run() | {"peak_rss_mb": peak_rss_mb()}
        if options.json:
            say(record)
        else:
            print(f"{record['ms']:.0f} ms, loss {record['loss']:.4f}, {record['peak_rss_mb']} MB")


def serve(step: TrainStep) -> None:
    for line in sys.stdin:
        command = line.strip()
        if command == "quit":
            return
        if command == "step":
            say(step.run() | {"peak_rss_mb": peak_rss_mb()})
        elif command:
            say({"error": f"unknown command {command!r}, known are step and quit"})


def main() -> None:
    options = arguments()
    if not options.default_malloc:
        keep_freed_memory()
    torch.set_num_threads(options.threads)
    step = TrainStep(options)
    if options.once:
        run_once(step, options)
        return
    say(
        {
            "ready": True,
            "torch": torch.__version__.split("+")[0],
            "threads": options.threads,
            "params": sum(p.numel() for p in step.model.parameters())
            + sum(p.numel() for p in step.router.parameters()),
            "trainable": sum(p.numel() for p in step.trainable),
        }
    )
    serve(step)


if __name__ == "__main__":
    main()
