#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times PyTorch's attention on the shapes of the GPU test, for comparison on the same machine.

Needs PyTorch with CUDA. Medians of 9 rounds of 4 launches on random normal data, with gaps of 30 ms that let the clocks
recover, as the GPU test does. Usage: peers.py
"""
import time

import torch
import torch.nn.functional as functional
from torch.nn.attention import SDPBackend, sdpa_kernel

# name, query heads, key/value heads, queries, keys, features, causal
SHAPES = [
    ("square8k", 16, 16, 8192, 8192, 128, False),
    ("square8k-causal", 16, 16, 8192, 8192, 128, True),
    ("square16k", 16, 16, 16384, 16384, 128, False),
    ("square16k-causal", 16, 16, 16384, 16384, 128, True),
    ("llama3v", 32, 8, 63, 76848, 128, False),
    ("llama3v-16", 32, 8, 16, 76848, 128, False),
    ("llama3v-gathered", 32, 8, 1008, 76848, 128, False),
    ("owl3", 28, 4, 256, 93312, 128, False),
    ("flamingo-128", 8, 8, 128, 131072, 128, False),
    ("flamingo-64", 8, 8, 128, 131072, 64, False),
    ("square8k-64", 16, 16, 8192, 8192, 64, False),
    ("square8k-64-causal", 16, 16, 8192, 8192, 64, True),
    ("square8k-256", 8, 8, 8192, 8192, 256, False),
]
BACKENDS = {"cuDNN": SDPBackend.CUDNN_ATTENTION, "FlashAttention-2": SDPBackend.FLASH_ATTENTION}
ROUNDS, LAUNCHES = 9, 4


def median_ms(launch):
    launch()
    times = []
    for _ in range(ROUNDS):
        torch.cuda.synchronize()
        time.sleep(0.03)
        launch()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(LAUNCHES):
            launch()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / LAUNCHES)
    return sorted(times)[ROUNDS // 2]


def random(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def main():
    print(f"# {torch.cuda.get_device_name()}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
    a, b = random(8192, 8192), random(8192, 8192)
    print(f"# matrix product {2 * 8192**3 / median_ms(lambda: a @ b) * 1e-9:.0f} TFLOP/s")
    for name, heads, key_heads, queries, keys, features, causal in SHAPES:
        q = random(1, heads, queries, features)
        k, v = random(1, key_heads, keys, features), random(1, key_heads, keys, features)
        if heads != key_heads:
            # Grouped heads packed by hand, as rows of one key/value head: the fair call. It needs no mask.
            q = q.view(1, key_heads, heads // key_heads * queries, features)
        figures = []
        for backend, kind in BACKENDS.items():
            with sdpa_kernel(kind):
                ms = median_ms(lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=causal))
            figures.append(f"{backend} {ms:.4f} ms")
        print(f"{name}: {', '.join(figures)}", flush=True)


if __name__ == "__main__":
    main()
