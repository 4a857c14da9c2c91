#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The bundle's launchers (test/gpu/bench_library.cpp) as Python objects. All work in the device's primary context."""
import ctypes
from ctypes import c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_uint64, c_void_p

SIGNATURES = {
    "bench_open": (c_int, [c_char_p]),
    "bench_device_name": (c_char_p, []),
    "bench_multiprocessors": (c_int, []),
    "bench_create_stream": (c_void_p, []),
    "bench_begin": (None, [c_void_p]),
    "bench_end": (c_float, [c_void_p]),
    "bench_create": (c_void_p, [c_int64] * 5 + [c_int, c_int, c_uint64]),
    "bench_destroy": (None, [c_void_p]),
    "bench_input": (c_uint64, [c_void_p, c_int]),
    "bench_candidates": (c_int, [c_void_p]),
    "bench_label": (c_char_p, [c_void_p, c_int]),
    "bench_is_persistent": (c_int, [c_void_p, c_int]),
    "bench_describe": (c_char_p, [c_void_p, c_int]),
    "bench_output": (c_uint64, [c_void_p, c_int]),
    "bench_check": (c_int, [c_void_p, c_int, c_void_p, ctypes.POINTER(c_double), ctypes.POINTER(c_double)]),
    "bench_launch": (None, [c_void_p, c_int, c_int, c_void_p]),
    "bench_create_copy": (c_void_p, [c_size_t]),
    "bench_copy": (None, [c_void_p, c_int, c_void_p]),
    "bench_destroy_copy": (None, [c_void_p]),
}


class Library:
    """The library with all kernels of a folder loaded."""

    def __init__(self, path, kernels):
        self.c = ctypes.CDLL(str(path))
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments
        self.kernel_count = self.c.bench_open(str(kernels).encode())
        self.device_name = self.c.bench_device_name().decode()
        self.multiprocessors = self.c.bench_multiprocessors()

    def time(self, launch, launches, stream):
        """Milliseconds of one of several launches, on the device; one more comes before."""
        launch(1)
        self.c.bench_begin(stream)
        launch(launches)
        return self.c.bench_end(stream) / launches


class Candidate:
    """One of our kernels, with its merge, for one case."""

    def __init__(self, case, index):
        c, handle = case.library.c, case.handle
        self.case, self.index, self.layout = case, index, case.layout
        self.label = c.bench_label(handle, index).decode()
        self.description = c.bench_describe(handle, index).decode()
        self.persistent = bool(c.bench_is_persistent(handle, index))
        self.output = c.bench_output(handle, index)

    def check(self, stream):
        """Whether some rows agree with float64, and the errors of O and of LSE."""
        output, lse = c_double(), c_double()
        right = self.case.library.c.bench_check(self.case.handle, self.index, stream, output, lse)
        return bool(right), output.value, lse.value

    def launch(self, count, stream):
        self.case.library.c.bench_launch(self.case.handle, self.index, count, stream)


class Case:
    """A shape on random normal bf16 inputs, in one layout; to be closed."""

    def __init__(self, library, shape, layout, seed):
        self.library, self.shape, self.layout = library, shape, layout
        self.handle = library.c.bench_create(shape.heads, shape.key_heads, shape.queries, shape.keys, shape.features,
                                             shape.causal, layout == "BSHD", seed)
        self.inputs = [library.c.bench_input(self.handle, which) for which in range(3)]
        self.candidates = [Candidate(self, index) for index in range(library.c.bench_candidates(self.handle))]

    def close(self):
        self.library.c.bench_destroy(self.handle)


class Copy:
    """Copies on the device, of `size` bytes each; to be closed."""

    def __init__(self, library, size):
        self.library, self.size = library, size
        self.handle = library.c.bench_create_copy(size)

    def launch(self, count, stream):
        self.library.c.bench_copy(self.handle, count, stream)

    def close(self):
        self.library.c.bench_destroy_copy(self.handle)
