#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The attentions that are measured on a GPU, what bounds their time, and the bars they must clear."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    heads: int
    key_heads: int
    queries: int
    keys: int
    features: int
    causal: bool = False  # the last query sees all keys

    def pairs(self):
        """Pairs of a query and a key that it sees."""
        if not self.causal:
            return self.queries * self.keys
        diagonal = self.keys - self.queries
        return sum(min(max(query + diagonal + 1, 0), self.keys) for query in range(self.queries))

    def flops(self):
        return 4 * self.pairs() * self.heads * self.features

    def bytes(self):
        """Q, K, V and O once, in 16 bits."""
        return 2 * 2 * self.features * (self.heads * self.queries + self.key_heads * self.keys)

    def floor_ms(self, ceilings):
        """The larger of FLOPs over the matrix rate and bytes over the copy bandwidth; None if either is unknown."""
        if not ceilings["matrix_tflops"] or not ceilings["copy_tbps"]:
            return None
        return max(self.flops() / ceilings["matrix_tflops"], self.bytes() / ceilings["copy_tbps"]) * 1e-9

    def __str__(self):
        return (f"{self.heads}/{self.key_heads}, {self.queries}, {self.keys}, {self.features}"
                f"{' causal' if self.causal else ''}")


FIELDS = [field.name for field in dataclasses.fields(Shape)]

SHAPES = [
    Shape("square8k", 16, 16, 8192, 8192, 128),
    Shape("square8k-causal", 16, 16, 8192, 8192, 128, True),
    Shape("square16k", 16, 16, 16384, 16384, 128),
    Shape("square16k-causal", 16, 16, 16384, 16384, 128, True),
    Shape("causal4k-grouped", 32, 8, 4096, 4096, 128, True),
    Shape("llama3v", 32, 8, 63, 76848, 128),
    Shape("llama3v-16", 32, 8, 16, 76848, 128),
    Shape("llama3v-gathered", 32, 8, 1008, 76848, 128),
    Shape("owl3", 28, 4, 256, 93312, 128),
    Shape("flamingo-128", 8, 8, 128, 131072, 128),
    Shape("flamingo-64", 8, 8, 128, 131072, 64),
    Shape("square8k-64", 16, 16, 8192, 8192, 64),
    Shape("square8k-64-causal", 16, 16, 8192, 8192, 64, True),
    Shape("square8k-256", 8, 8, 8192, 8192, 256),
]

# For trying the benchmark itself, also where the GPU is emulated.
TINY = [Shape("tiny", 2, 1, 63, 400, 128), Shape("tiny-causal", 4, 2, 130, 130, 128, True)]

CUDNN, FLASH_ATTENTION = "cuDNN", "FlashAttention-2"


@dataclasses.dataclass(frozen=True)
class Bars:
    """Floor over time, and the peer's time over ours, must be at least this."""
    floor: float
    peer: str
    factor: float
    on_other_gpus: dict = dataclasses.field(default_factory=dict)  # part of the GPU's name: another factor

    def factor_on(self, machine):
        return next((factor for part, factor in self.on_other_gpus.items() if part in machine), self.factor)


BARS = {
    "square8k": Bars(0.94, CUDNN, 1.09),
    "square8k-causal": Bars(0.90, CUDNN, 1.24),
    "square16k": Bars(0.94, CUDNN, 1.08),
    "llama3v": Bars(0.85, FLASH_ATTENTION, 2.35),
    "llama3v-16": Bars(0.88, FLASH_ATTENTION, 1.12),
    "llama3v-gathered": Bars(0.94, CUDNN, 1.18),
    "owl3": Bars(0.95, FLASH_ATTENTION, 2.25),
    "flamingo-128": Bars(0.91, FLASH_ATTENTION, 1.4, {"H200": 1.8}),
    "flamingo-64": Bars(0.82, FLASH_ATTENTION, 1.4),
    "square8k-64": Bars(0.63, CUDNN, 1.04),
}

# [B, H, S, D] over [B, S, H, D], in time, of every shape.
LAYOUT_BAR = 0.90

# The persistent kernel over ours that is not, in time: at most what the kernels' prototypes had, over 0.97.
PERSISTENT_BARS = {"square16k-causal": 0.941 / 0.97, "causal4k-grouped": 0.81 / 0.97}
