#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints what a program's rondo_cuda_code says. usage: read_cuda_code.py PROGRAM.so

The structures are those of rondo/abi.h and rondo/cuda_abi.h. Numbers that are 0 are left out.
"""
import ctypes
import json
import sys
from ctypes import POINTER, Structure, c_char, c_char_p, c_int32, c_uint32, c_uint64, c_void_p

ELEMENTS = ["f32", "f16", "bf16"]


class Traits(Structure):
    _fields_ = [(name, c_int32) for name in (
        "threads", "shared_bytes", "cluster", "warpgroups", "block_keys", "causal", "persistent", "dependent_launch",
        "rows_per_block", "arriving", "plain_loads")]


class Image(Structure):
    _fields_ = [("data", c_void_p), ("bytes", c_uint64)]


class Kernel(Structure):
    _fields_ = [("symbol", c_char_p), ("image", c_int32), ("input", c_int32), ("output", c_int32),
                ("arriving", c_int32), ("traits", Traits)]


class Code(Structure):
    _fields_ = [("image_count", c_uint32), ("kernel_count", c_uint32), ("images", POINTER(Image)),
                ("kernels", POINTER(Kernel))]


class Header(Structure):
    _fields_ = [("magic", c_char * 8), ("abi_version", c_uint32), ("function_count", c_uint32), ("functions", c_void_p),
                ("manifest", c_void_p), ("manifest_bytes", c_uint64), ("cuda", POINTER(Code))]


def count(number, noun):
    return f"{number} {noun}" + ("" if number == 1 else "s")


def describe_image(image):
    data = ctypes.string_at(image.data, image.bytes)
    if data.startswith(b"\x7fELF"):
        return data, "cubin"
    assert data.endswith(b"\0") and data.count(b"\0") == 1, "PTX must end in the only NUL"
    return data, "PTX"


def describe_kernel(kernel):
    words = [kernel.symbol.decode(), f"image {kernel.image}"]
    words += [f"{name} {ELEMENTS[getattr(kernel, name)]}" for name in ("input", "output") if getattr(kernel, name)]
    for name, _ in Traits._fields_:
        if getattr(kernel.traits, name):
            words.append(f"{name} {getattr(kernel.traits, name)}")
    return " ".join(words)


def main(path):
    header = Header.in_dll(ctypes.CDLL(path), "rondo_program_v1")
    manifest = json.loads(ctypes.string_at(header.manifest, header.manifest_bytes))
    print("target", manifest["target"])
    code = header.cuda.contents
    print(count(code.image_count, "image"))
    contents = []
    for number in range(code.image_count):
        content, kind = describe_image(code.images[number])
        contents.append(content)
        print(f"  {number}: {kind}")
    print(count(code.kernel_count, "kernel"))
    for number in range(code.kernel_count):
        kernel = code.kernels[number]
        assert kernel.symbol in contents[kernel.image], f"{kernel.symbol} is not in its image"
        print("  " + describe_kernel(kernel))


main(sys.argv[1])
