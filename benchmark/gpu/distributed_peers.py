#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What PyTorch offers for attention whose sequence is sharded, on the same shards: every rank calls these together."""
import dataclasses
import typing

GATHER, RING = "all_gather, then", "ring attention,"


@dataclasses.dataclass
class Peer:
    name: str
    run: typing.Callable  # once; returns O of this rank's queries


def gather_peers(torch, distributed, shape, ranks, query, key, value):
    """All keys and values are gathered, then this rank's queries attend to them. Keys are kept as [S, H, D], so that
    what is gathered is in order without a copy."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    keys, values = (shard[0].transpose(0, 1).contiguous() for shard in (key, value))
    gathered = [keys.new_empty((ranks * keys.shape[0], *keys.shape[1:])) for _ in range(2)]
    group = shape.heads // shape.key_heads
    packed = query.view(1, shape.key_heads, group * shape.queries, shape.features)
    forms = {"enable_gqa": (query, {"enable_gqa": True} if group > 1 else {})}
    if group > 1:
        forms["packed"] = (packed, {})

    def make(backend, queries, options):
        def run():
            for target, source in zip(gathered, (keys, values)):
                distributed.all_gather_into_tensor(target, source)
            whole = [tensor.transpose(0, 1).unsqueeze(0) for tensor in gathered]
            with sdpa_kernel(backend):
                result = torch.nn.functional.scaled_dot_product_attention(queries, *whole, **options)
            return result.reshape(query.shape)
        return run
    return [Peer(f"{GATHER} {name} ({form})", make(backend, *forms[form]))
            for name, backend in (("cuDNN", SDPBackend.CUDNN_ATTENTION), ("FlashAttention-2", SDPBackend.FLASH_ATTENTION))
            for form in forms]


def ring_peers(torch, distributed, shape, query, key, value):
    """PyTorch's own context parallelism, without its balance of causal work: grouped heads as they are, or repeated
    beforehand."""
    from torch.distributed.tensor.experimental._context_parallel import _attention as context_parallel
    group = shape.heads // shape.key_heads
    flash = torch.ops.aten._scaled_dot_product_flash_attention
    context_parallel._cp_options.enable_load_balance = False

    def make(method, keys, values):
        def run():
            context_parallel._cp_options.rotate_method = method
            return context_parallel._templated_ring_attention(distributed.group.WORLD, 2, flash, query, keys, values)[0]
        return run
    forms = {"": (key, value)}
    if group > 1:
        forms[", heads repeated"] = tuple(shard.repeat_interleave(group, dim=1) for shard in (key, value))
    return [Peer(f"{RING} FlashAttention-2 ({method.name.lower()}{form})", make(method, *forms[form]))
            for method in context_parallel._RotateMethod for form in forms]


def make_peers(torch, distributed, shape, ranks, query, key, value):
    """All that may run, and why the others cannot."""
    peers, notes = gather_peers(torch, distributed, shape, ranks, query, key, value), []
    try:
        peers += ring_peers(torch, distributed, shape, query, key, value)
    except (ImportError, AttributeError) as error:
        notes.append(f"PyTorch's ring attention cannot be called: {type(error).__name__}: {error}.")
    return peers, notes
