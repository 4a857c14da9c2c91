#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes kernels for hand-written programs: a C header with PTX images and their traits.

usage: make_kernels.py RONDO_EMIT_KERNEL HEADER "OPTIONS OF KERNEL 0" "OPTIONS OF KERNEL 1" ...
The header defines `kernels` and `images`, one of each for every kernel.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ELEMENTS = {"f32": "RONDO_ELEMENT_F32", "f16": "RONDO_ELEMENT_F16", "bf16": "RONDO_ELEMENT_BF16"}
# The fields of rondo_kernel_traits.
TRAITS = ["threads", "shared_bytes", "cluster", "warpgroups", "block_keys", "causal", "persistent", "dependent_launch",
          "rows_per_block", "arriving", "plain_loads"]


def emit(tool, options, form):
    return subprocess.run([tool, *options.split(), f"--emit={form}"], check=True, capture_output=True, text=True).stdout


def describe(number, traits):
    fields = ", ".join(f".{name} = {traits[name]}" for name in TRAITS if name in traits)
    arriving = ELEMENTS[traits.get("arriving_type", "f32")]
    return (f'  {{"{traits["name"]}", {number}, {ELEMENTS[traits["input"]]}, {ELEMENTS[traits["output"]]}, {arriving}, '
            f"{{{fields}}}}},")


def quote(text):
    lines = (line.replace("\\", "\\\\").replace('"', '\\"') for line in text.splitlines())
    return "\n".join(f'"{line}\\n"' for line in lines)


def main():
    tool, header, kernels = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(lambda options: emit(tool, options, "ptx"), kernels))
        traits = [dict(line.split() for line in text.splitlines())
                  for text in pool.map(lambda options: emit(tool, options, "traits"), kernels)]
    lines = [f"static const char image_{i}[] =\n{quote(text)};" for i, text in enumerate(texts)]
    lines.append("static const rondo_cuda_image images[] = {")
    lines += [f"  {{image_{i}, sizeof image_{i}}}," for i in range(len(texts))]
    lines.append("};\nstatic const rondo_cuda_kernel kernels[] = {")
    lines += [describe(i, one) for i, one in enumerate(traits)]
    lines.append("};\n")
    header.write_text("\n".join(lines))


main()
