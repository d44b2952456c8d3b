"""Random four-bit weights of TinyLlama's shapes, which both of the rivals' models are made of.

Every matrix is in blocks of 32 weights along its input: levels 1 to 15, of which 8 stands for 0, so
that the weights have no bias, and a scale for each block. What a matrix holds depends on the seed
and its name only.
"""

import zlib
from dataclasses import dataclass

import numpy as np

BLOCK = 32
ZERO = 8
# Weights spread like those of a model at its beginning; levels -7 to 7 themselves by 4.32.
SPREAD, LEVEL_SPREAD = 0.02, 4.32


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama."""

    layers: int
    width: int = 2048
    inner: int = 5632
    heads: int = 32
    kv_heads: int = 4
    vocabulary: int = 32_000
    context: int = 2048
    theta: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_width

    def matrices(self) -> dict[str, tuple[int, int]]:
        """(outputs, inputs) of a layer's matrices, by their names in Hugging Face's layout."""
        return {
            "self_attn.q_proj": (self.width, self.width),
            "self_attn.k_proj": (self.kv_width, self.width),
            "self_attn.v_proj": (self.kv_width, self.width),
            "self_attn.o_proj": (self.width, self.width),
            "mlp.gate_proj": (self.inner, self.width),
            "mlp.up_proj": (self.inner, self.width),
            "mlp.down_proj": (self.width, self.inner),
        }


@dataclass(frozen=True)
class Blocks:
    """A matrix in blocks."""

    levels: np.ndarray  # uint8 [outputs, blocks, BLOCK], 1 to 15
    scales: np.ndarray  # float16 [outputs, blocks]

    def floats(self) -> np.ndarray:
        """The weights as float32 [outputs, inputs]."""
        weights = (self.levels.astype(np.float32) - ZERO) * self.scales[..., None].astype(
            np.float32
        )
        return weights.reshape(len(weights), -1)

    def rows(self, order: np.ndarray) -> "Blocks":
        """The same matrix with its rows in another order."""
        return Blocks(self.levels[order], self.scales[order])


def stack(parts: list[Blocks]) -> Blocks:
    """Matrices of the same inputs as one, below each other."""
    return Blocks(
        np.concatenate([part.levels for part in parts]),
        np.concatenate([part.scales for part in parts]),
    )


class RandomWeights:
    """Makes matrices when they are asked for, always the same for the same name."""

    def __init__(self, shape: Shape, seed: int):
        self.shape = shape
        self.seed = seed

    def layer(self, number: int, name: str) -> Blocks:
        """A matrix of a layer."""
        outputs, inputs = self.shape.matrices()[name]
        return self._blocks(f"layers.{number}.{name}", outputs, inputs)

    def embedding(self) -> Blocks:
        return self._blocks("embed_tokens", self.shape.vocabulary, self.shape.width)

    def head(self) -> Blocks:
        return self._blocks("lm_head", self.shape.vocabulary, self.shape.width)

    def _blocks(self, name: str, outputs: int, inputs: int) -> Blocks:
        random = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        size = (outputs, inputs // BLOCK)
        levels = random.integers(1, 16, (*size, BLOCK), dtype=np.uint8)
        scales = random.uniform(0.8, 1.2, size) * SPREAD / LEVEL_SPREAD
        return Blocks(levels, scales.astype(np.float16))
