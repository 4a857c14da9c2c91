#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch's attention and matrix product, on the inputs and the stream of our kernels."""
import dataclasses
import typing

from shapes import CUDNN, FLASH_ATTENTION

MATRIX_SIZE = 8192


@dataclasses.dataclass
class Peer:
    name: str
    form: str  # "plain"; grouped heads: "packed" as rows of one key/value head, or "enable_gqa"
    launch: typing.Callable  # with a count
    run: typing.Callable  # once; returns O in [B, H, S, D]


class Memory:
    """Memory of the device that is not PyTorch's, in 16-bit words."""

    def __init__(self, address, shape):
        self.__cuda_array_interface__ = {"shape": shape, "typestr": "<i2", "data": (address, False), "version": 2}


class Torch:
    """PyTorch, with a stream that is current while it lives. Raises ImportError or RuntimeError without it or a GPU."""

    def __init__(self):
        import torch
        import torch.nn.functional
        from torch.nn.attention import SDPBackend, sdpa_kernel
        if not torch.cuda.is_available():
            raise RuntimeError("this PyTorch sees no GPU")
        torch.cuda.init()
        self.torch = torch
        self.backends = {CUDNN: SDPBackend.CUDNN_ATTENTION, FLASH_ATTENTION: SDPBackend.FLASH_ATTENTION}
        self.sdpa_kernel = sdpa_kernel
        self.torch_stream = torch.cuda.Stream()
        torch.cuda.set_stream(self.torch_stream)
        self.stream = self.torch_stream.cuda_stream
        self.description = f"PyTorch {torch.__version__}, cuDNN {self.cudnn_version()}"

    def cudnn_version(self):
        """cuDNN says 91900 for 9.19.0."""
        number = self.torch.backends.cudnn.version() or 0
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"

    def matrix_product(self):
        """A launch of 2 * MATRIX_SIZE^3 FLOPs, on random normal numbers."""
        a, b = (self.torch.randn(MATRIX_SIZE, MATRIX_SIZE, device="cuda", dtype=self.torch.bfloat16) for _ in range(2))
        out = self.torch.empty_like(a)

        def launch(count):
            for _ in range(count):
                self.torch.matmul(a, b, out=out)
        return launch

    def view(self, address, *shape):
        words = self.torch.as_tensor(Memory(address, shape), device="cuda")
        return words.view(self.torch.bfloat16)

    def peers(self, shape, inputs):
        """Those that may compute the shape. Whether they can shows when they run. Inputs are in [B, H, S, D]."""
        q = self.view(inputs[0], 1, shape.heads, shape.queries, shape.features)
        k, v = (self.view(address, 1, shape.key_heads, shape.keys, shape.features) for address in inputs[1:])
        group = shape.heads // shape.key_heads
        forms = {"plain": (q, {})}
        if group > 1:
            forms = {"enable_gqa": (q, {"enable_gqa": True})}
            if not shape.causal:  # packed rows would need a mask
                forms["packed"] = (q.view(1, shape.key_heads, group * shape.queries, shape.features), {})
        return [self.peer(name, form, queries, k, v, shape, options)
                for name in self.backends for form, (queries, options) in forms.items()]

    def peer(self, name, form, q, k, v, shape, options):
        attention = self.torch.nn.functional.scaled_dot_product_attention

        def launch(count):
            with self.sdpa_kernel(self.backends[name]):
                for _ in range(count):
                    result = attention(q, k, v, is_causal=shape.causal, **options)
            return result

        def run():
            return launch(1).reshape(1, shape.heads, shape.queries, shape.features)
        return Peer(name, form, launch, run)

    def difference(self, peer, output, shape):
        """The peer's O against ours: ||difference|| / ||ours||."""
        theirs = peer.run().float()
        ours = self.view(output, 1, shape.heads, shape.queries, shape.features).float()
        return float((theirs - ours).norm() / ours.norm())

    def free(self):
        self.torch.cuda.empty_cache()
