# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import contextlib

current = []


class SDPBackend:
    CUDNN_ATTENTION, FLASH_ATTENTION = "cudnn", "flash"


@contextlib.contextmanager
def sdpa_kernel(backend):
    current.append(backend)
    try:
        yield
    finally:
        current.pop()
