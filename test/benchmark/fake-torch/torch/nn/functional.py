# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import torch
from torch.nn import attention


def scaled_dot_product_attention(q, k, v, is_causal=False, enable_gqa=False):
    """Refuses one call, as backends do."""
    assert q.dtype == k.dtype == v.dtype == torch.bfloat16 and k.shape == v.shape
    assert enable_gqa or q.shape[1] == k.shape[1], "grouped heads without enable_gqa"
    if enable_gqa and attention.current == ["cudnn"]:
        raise RuntimeError("No available kernel.\n Aborting execution.")
    return torch.Tensor(q.shape, q.dtype)
