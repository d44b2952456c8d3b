"""Makes the goldens in goldens/routers: the tiny Llama under each router, trained and evaluated.

The model and the adapter are those of goldens/tiny_llama, the layers transformers' own, the
gradients PyTorch's autograd. Routers, gates, losses and the policy gradient are written here from their
formulas: gates as the first of two options under a softmax, log-probabilities by
torch.distributions, means over real tokens by picking these, one sequence after the other.

  versions   as in make_goldens.py
  command    python3 tests/parity/make_router_goldens.py
  layout     goldens/routers/README.md lists every file and tensor

Precision as in make_goldens.py: float64, rounded to float32, and compared with the unmodified
float32 model. Gates are 0 or 1, so the script also stops when one is so close to its threshold that
rounding could turn it.

Shapes: B = 3 sequences, T = 10 tokens, L' = 3 routable layers after one that always runs.
"""

import json
import math

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from transformers.utils import logging

import make_goldens as base

GOLDENS = base.GOLDENS.parent / "routers"

SEED = 20302
BATCH, LENGTH, WIDTH, VOCABULARY = 3, 10, 32, 64
ANCHOR_LAYERS, ROUTABLE = 1, 3

# Real tokens and leading tokens that are the prompt, of each sequence; the rest is padding.
REAL = [10, 7, 9]
PROMPT = [3, 3, 2]

# As if the step had a second micro-batch, of 14 tokens: sums are divided by the tokens of both, and
# what is a mean over a micro-batch counts half.
STEP = {
    "lossScale": 1 / (sum(REAL) + 14),
    "microShare": 1 / 2,
    "temperature": 0.8,
    "distillShare": 0.35,
    "targetSkip": 0.65,
    "usualCost": 4.5,
    "policyShare": 1.0,
}
THRESHOLD = 0.25
OBJECTIVE = {
    "distillWeight": 0.5,
    "distillTemperature": 2.0,
    "distillScale": 1.5,
    "hiddenWeight": 0.3,
    "sparsityWeight": 0.15,
    "targetWeight": 4.0,
}

# Gradients that are stored, among those of the whole adapter: one that goes through the keys and
# values of skipped tokens, and one that ends a block.
STORED_PROJECTIONS = ("v_proj", "down_proj")

# Log-odds of a prompt's tokens, which always run.
CERTAIN = 1e4

# A decision must be this far from its threshold.
MARGIN = 1e-3

CASES = {
    "token-gumbel": ("token-gumbel", {}),
    "token-gumbel-annealed": ("token-gumbel", {"annealNoise": True, "normalize": False}),
    "token-gumbel-budget": ("token-gumbel", {"readsBudget": True}),
    "sequence-gumbel-prompt": ("sequence-gumbel", {"pool": "prompt"}),
    "sequence-gumbel-sequence": ("sequence-gumbel", {"pool": "sequence", "annealNoise": True}),
    "reinforce": ("reinforce", {}),
    "stochastic-constant": (
        "stochastic",
        {"skip": 0.4, "schedule": "constant", "survivalScaling": True},
    ),
    "stochastic-linear": (
        "stochastic",
        {"skip": 0.7, "schedule": "linear", "survivalScaling": True},
    ),
    "random-token": ("random", {"per": "token"}),
    "random-sequence": ("random", {"per": "sequence"}),
    "static": ("static", {"skipLayers": [2]}),
}


class Given:
    """What a step is given besides parameters, in one precision."""

    def __init__(self, stored: dict[str, torch.Tensor], dtype: torch.dtype):
        self.tokens = stored["tokens"]
        self.targets = stored["targets"]
        self.real = stored["token_mask"].bool()
        self.prompt = stored["prompt_mask"].bool()
        self.noise = stored["noise"].to(dtype)


class Router(nn.Module):
    """From the state after the anchor layers to `gates` [B, T, L'] and, where there are such,
    `logits` [B, T, L'], `log_probability` [B] and `survives` [L'], a block's chance to run.
    """

    def __init__(self, options: dict):
        super().__init__()
        self.options = options

    def forward(self, state: torch.Tensor, given: Given) -> dict[str, torch.Tensor]:
        raise NotImplementedError


def per_token(rows: torch.Tensor) -> torch.Tensor:
    return rows.expand(BATCH, LENGTH, ROUTABLE)


def normalized(state: torch.Tensor, options: dict) -> torch.Tensor:
    return F.rms_norm(state, (WIDTH,), eps=1e-6) if options.get("normalize", True) else state


def checked(decisions: torch.Tensor) -> torch.Tensor:
    """The same log-odds, none of which rounding could carry over to the other side of 0."""
    assert decisions.abs().min() > MARGIN, "a decision is too close to call"
    return decisions


def gumbel(logits: torch.Tensor, uniform: torch.Tensor, options: dict) -> torch.Tensor:
    """Straight-through gates from a softmax over "run" and "skip", logistic noise between them."""
    temperature = STEP["temperature"]
    annealed = options.get("annealNoise", False)
    noisy = checked(logits + (temperature if annealed else 1) * torch.logit(uniform))
    scores = torch.stack([noisy, torch.zeros_like(noisy)], dim=-1)
    soft = torch.softmax(scores / (1 if annealed else temperature), dim=-1)
    hard = F.one_hot(scores.argmax(-1), 2).to(soft.dtype)
    return (hard - soft.detach() + soft)[..., 0]


def mean_state(state: torch.Tensor, picked: torch.Tensor) -> torch.Tensor:
    """Mean over the tokens that are picked, one sequence after the other: [B, 1, D]."""
    return torch.stack([state[b, picked[b]].mean(0, keepdim=True) for b in range(BATCH)])


def outside_prompt(decided: torch.Tensor, prompt: torch.Tensor, always: float) -> torch.Tensor:
    certain = torch.full_like(per_token(decided), always)
    return torch.where(prompt[..., None], certain, per_token(decided))


class TokenGumbel(Router):
    def __init__(self, options: dict):
        super().__init__(options)
        self.router = nn.Sequential(
            nn.Linear(WIDTH, WIDTH // 2),
            nn.GELU(),
            nn.Linear(WIDTH // 2, WIDTH // 4),
            nn.GELU(),
            nn.Linear(WIDTH // 4, ROUTABLE),
        )
        if options.get("readsBudget"):
            self.router.budget = nn.ParameterDict(
                {"first": torch.empty(WIDTH // 2), "last": torch.empty(ROUTABLE)}
            )

    def logits(self, state: torch.Tensor) -> torch.Tensor:
        if not self.options.get("readsBudget"):
            return self.router[:5](state)
        # The budget is one more input of the first layer, and of the log-odds themselves.
        first, last = self.router.budget["first"], self.router.budget["last"]
        wanted = torch.full_like(state[..., :1], STEP["targetSkip"])
        weight = torch.cat([self.router[0].weight, first[:, None]], dim=1)
        x = F.linear(torch.cat([state, wanted], dim=-1), weight, self.router[0].bias)
        return self.router[1:5](x) + wanted * last

    def forward(self, state, given):
        logits = self.logits(normalized(state, self.options))
        if self.training:
            return {"logits": logits, "gates": gumbel(logits, given.noise, self.options)}
        return {"logits": logits, "gates": (checked(logits - THRESHOLD) > 0).to(logits.dtype)}


class SequenceGumbel(TokenGumbel):
    def forward(self, state, given):
        from_prompt = self.options["pool"] == "prompt"
        pooled = mean_state(state, given.prompt if from_prompt else given.real)
        decided = self.router(normalized(pooled, self.options))
        if self.training:
            gates = gumbel(decided, given.noise[:, :1], self.options)
        else:
            gates = (checked(decided - THRESHOLD) > 0).to(decided.dtype)
        if not from_prompt:
            return {"logits": per_token(decided), "gates": per_token(gates)}
        return {
            "logits": outside_prompt(decided, given.prompt, CERTAIN),
            "gates": outside_prompt(gates, given.prompt, 1),
        }


class Reinforce(Router):
    def __init__(self, options: dict):
        super().__init__(options)
        self.router = nn.Sequential(
            nn.Linear(WIDTH, WIDTH // 2), nn.ReLU(), nn.Linear(WIDTH // 2, ROUTABLE)
        )

    def forward(self, state, given):
        decided = self.router(normalized(mean_state(state, given.prompt), self.options))
        more = {}
        if self.training:
            # Either of u and 1 - u below sigmoid(logit) has the right chance; noise that raises the
            # log-odds where u is large means the second.
            chance = torch.sigmoid(decided)
            checked(decided + torch.logit(given.noise[:, :1]))
            drawn = (1 - given.noise[:, :1] < chance).to(decided.dtype)
            law = torch.distributions.Bernoulli(logits=decided)
            more["log_probability"] = law.log_prob(drawn).sum((1, 2))
        else:
            drawn = (checked(decided - THRESHOLD) > 0).to(decided.dtype)
        return more | {
            "logits": outside_prompt(decided, given.prompt, CERTAIN),
            "gates": outside_prompt(drawn, given.prompt, 1),
        }


class Stochastic(Router):
    def forward(self, state, given):
        if not self.training:
            return {"gates": per_token(torch.ones_like(given.noise))}
        last = self.options["skip"]
        constant = self.options["schedule"] == "constant"
        leaves = torch.linspace(last if constant else 0, last, ROUTABLE, dtype=state.dtype)
        # A block is left out with its own chance: where the uniform number is below it.
        gates = (checked(given.noise[:, :1] - leaves) > 0).to(state.dtype)
        return {"gates": per_token(gates), "survives": 1 - leaves}


class Random(Router):
    def forward(self, state, given):
        uniform = given.noise if self.options["per"] == "token" else per_token(given.noise[:, :1])
        if self.training:
            return {"gates": (checked(uniform - STEP["targetSkip"]) > 0).to(state.dtype)}
        logits = torch.logit(uniform)
        return {"logits": logits, "gates": (checked(logits - THRESHOLD) > 0).to(state.dtype)}


class Static(Router):
    def forward(self, state, given):
        runs = [ANCHOR_LAYERS + i not in self.options["skipLayers"] for i in range(ROUTABLE)]
        return {"gates": per_token(torch.tensor(runs, dtype=state.dtype))}


ROUTERS = {
    "token-gumbel": TokenGumbel,
    "sequence-gumbel": SequenceGumbel,
    "reinforce": Reinforce,
    "stochastic": Stochastic,
    "random": Random,
    "static": Static,
}


def make_router(name: str, generator: torch.Generator) -> Router:
    """A router with random parameters, far enough from each other that tokens are treated apart."""
    kind, options = CASES[name]
    router = ROUTERS[kind](options)
    with torch.no_grad():
        for _, weight in sorted(router.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(2 * noise / weight.shape[1] ** 0.5 if weight.dim() == 2 else 0.5 * noise)
    return router


def run(model, given: Given, router: Router | None):
    """Logits, the state after the last layer, and the decision taken after the anchor layers."""
    causal = model.base_model.model
    decoder = causal.model
    x = decoder.embed_tokens(given.tokens)
    rotation = decoder.rotary_emb(x, position_ids=torch.arange(LENGTH)[None])
    # Padding is hidden from attention too: it must make no difference to what comes before it.
    seen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()[None] & given.real[:, None, :]
    mask = torch.zeros(seen.shape, dtype=x.dtype).masked_fill(~seen, -math.inf)[:, None]
    decision = {}
    for layer, block in enumerate(decoder.layers):
        new = block(x, attention_mask=mask, position_embeddings=rotation)
        if router is None or layer < ANCHOR_LAYERS:
            x = new
            continue
        if layer == ANCHOR_LAYERS:
            decision = router(x.detach(), given)
        at = layer - ANCHOR_LAYERS
        added = decision["gates"][..., at, None] * (new - x)
        x = x + (added / decision["survives"][at] if "survives" in decision else added)
    return causal.lm_head(decoder.norm(x)), x, decision


def negative_log_likelihood(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")  # [B, T]


def divergence(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """T^2 KL(teacher || student) at temperature T for each token."""
    temperature = OBJECTIVE["distillTemperature"]
    each = F.kl_div(
        F.log_softmax(student / temperature, dim=-1),
        F.log_softmax(teacher / temperature, dim=-1),
        reduction="none",
        log_target=True,
    )
    return temperature**2 * each.sum(-1)


def sequence_cost(b: int, nll: torch.Tensor, gates: torch.Tensor, given: Given) -> torch.Tensor:
    """What one sequence cost: its mean loss, the blocks that it ran, its distance from the target."""
    own = gates[b, given.real[b]]  # [tokens, L']
    gap = 1 - own.mean() - STEP["targetSkip"]
    depth = OBJECTIVE["sparsityWeight"] * own.sum(-1).mean()
    return nll[b, given.real[b]].mean() + depth + OBJECTIVE["targetWeight"] * gap**2


def losses(model, given: Given, router: Router) -> dict[str, torch.Tensor]:
    """Every part of a training step's loss, and the loss."""
    router.train()
    with torch.no_grad(), model.disable_adapter():
        teacher, taught, _ = run(model, given, None)
    logits, state, decision = run(model, given, router)
    gates = decision["gates"]
    real = given.real

    nll = negative_log_likelihood(logits, given.targets)
    ce = STEP["lossScale"] * nll[real].sum()
    distill = STEP["lossScale"] * divergence(logits, teacher)[real].sum()
    apart = (state - taught)[real].square().sum(-1) / (taught[real].square().sum(-1) + 1e-6)
    hidden = STEP["lossScale"] * apart.sum()
    share = STEP["distillShare"]
    loss = (1 - share) * ce + share * OBJECTIVE["distillScale"] * distill
    loss = loss + OBJECTIVE["hiddenWeight"] * hidden
    parts = {
        "train_losses": nll,
        "crossEntropy": ce,
        "distill": distill,
        "hidden": hidden,
        "activity": gates[real].mean(0),
    }
    if "log_probability" in decision:
        costs = torch.stack([sequence_cost(b, nll, gates, given) for b in range(BATCH)]).detach()
        advantage = STEP["policyShare"] * (costs - STEP["usualCost"])
        policy = STEP["microShare"] * (advantage * decision["log_probability"]).mean()
        parts |= {"policy": policy, "cost": STEP["microShare"] * costs.mean()}
        loss = loss + policy
    elif "logits" in decision:
        skip = 1 - gates[real].mean()
        parts["sparsity"] = STEP["microShare"] * gates[real].sum(-1).mean()
        parts["target"] = STEP["microShare"] * (skip - STEP["targetSkip"]) ** 2
        loss = loss + OBJECTIVE["sparsityWeight"] * parts["sparsity"]
        loss = loss + OBJECTIVE["targetWeight"] * parts["target"]
    return parts | {"loss": loss, "train_gates": gates.detach()}


def compute(name: str, router: Router, stored, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    model = base.load(dtype)
    router.to(dtype)
    given = Given(stored, dtype)
    result = losses(model, given, router)
    router.zero_grad()
    result["loss"].backward()
    adapter = base.lora_tensors(model, lambda p: p.grad)
    kept = {k: v for k, v in adapter.items() if any(p in k for p in STORED_PROJECTIONS)}
    result |= base.prefixed("grad", kept)
    for key, weight in router.named_parameters():
        result[f"param.{key}"] = weight.detach().clone()
        result[f"grad.{key}"] = weight.grad.clone()

    router.eval()
    with torch.no_grad():
        logits, _, decision = run(model, given, router)
    result["eval_losses"] = negative_log_likelihood(logits, given.targets)
    result["eval_gates"] = decision["gates"]
    if "logits" in decision:
        result["logits"] = decision["logits"]
    # Nothing is promised about padding.
    for key in ("train_losses", "eval_losses", "train_gates", "eval_gates", "logits"):
        if key in result:
            value = result[key].detach().clone()
            value[~given.real] = 0
            result[key] = value
    if any(True for _ in router.parameters()):
        for mode in ("train_gates", "eval_gates"):
            share = result[mode][given.real].mean()
            assert 0.2 < share < 0.9, f"{name}: {mode} hardly differ, {share} of them open"
    return result


def inputs(generator: torch.Generator) -> dict[str, torch.Tensor]:
    shape = (BATCH, LENGTH)
    places = torch.arange(LENGTH)[None]
    # As it is drawn in training: multiples of 2^-23, never 0 or 1.
    uniform = (torch.randint(0, 2**23, (*shape, ROUTABLE), generator=generator) + 0.5) / 2**23
    return {
        "tokens": torch.randint(0, VOCABULARY, shape, generator=generator),
        "targets": torch.randint(0, VOCABULARY, shape, generator=generator),
        "token_mask": (places < torch.tensor(REAL)[:, None]).float(),
        "prompt_mask": (places < torch.tensor(PROMPT)[:, None]).float(),
        "noise": uniform,
    }


def check(name: str, exact: dict[str, torch.Tensor], single: dict[str, torch.Tensor]) -> None:
    """As for the other goldens; only a layer that nothing runs may have gradients of zero."""
    unused = [f"layers.{layer}." for layer in CASES[name][1].get("skipLayers", [])]
    zero = [key for key in exact if any(layer in key for layer in unused)]
    assert all(exact[key].abs().max() == single[key].abs().max() == 0 for key in zero)
    rest = {key: value for key, value in exact.items() if key not in zero}
    base.check_agreement({"gated": rest}, {"gated": single})


def stored_as(value: torch.Tensor) -> torch.Tensor:
    whole = not value.dtype.is_floating_point
    return value.detach().to(torch.int32 if whole else torch.float32).contiguous()


def save(tensors: dict[str, torch.Tensor], file: str) -> None:
    save_file({k: stored_as(v) for k, v in tensors.items()}, GOLDENS / f"{file}.safetensors")


def main() -> None:
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    GOLDENS.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(SEED)
    given = inputs(generator)
    save(given, "inputs")
    cases = [{"name": n, "router": k, "options": o} for n, (k, o) in CASES.items()]
    settings = {
        "anchorLayers": ANCHOR_LAYERS,
        "objective": OBJECTIVE,
        "step": STEP,
        "threshold": THRESHOLD,
        "cases": cases,
    }
    (GOLDENS / "cases.json").write_text(json.dumps(settings, indent=2) + "\n")
    for name in CASES:
        router = make_router(name, generator)
        exact = compute(name, router, given, torch.float64)
        single = compute(name, router, given, torch.float32)
        check(name, exact, single)
        save(exact, name)
        numbers = {k: round(v.item(), 6) for k, v in exact.items() if v.dim() == 0}
        print(f"{name}: {numbers}")


if __name__ == "__main__":
    main()
