#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes kernels for launchers: as machine code for a GPU, or as PTX for the emulator.

usage: emit_kernels.py RONDO_EMIT_KERNEL FOLDER ptx|cubin LIST...
A list has lines of a label and options of rondo-emit-kernel. The folder gets LABEL.traits and LABEL.cubin, which may hold
PTX: the driver loads it as it loads machine code. The file "kernels" lists the labels.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys


def read_kernels(path):
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return {words[0]: words[1:] for words in lines if words}


def emit(tool, folder, form, label, options):
    for kind, suffix in ((form, ".cubin"), ("traits", ".traits")):
        subprocess.run([tool, *options, f"--emit={kind}", "-o", folder / (label + suffix)], check=True)


def emit_kernels(tool, folder, form, lists):
    """Makes the folder anew; returns the kernels: label to options."""
    kernels = {}
    for path in lists:
        kernels.update(read_kernels(path))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(emit, tool, folder, form, label, options) for label, options in kernels.items()]
        for task in tasks:
            task.result()
    (folder / "kernels").write_text("\n".join(kernels) + "\n")
    return kernels


if __name__ == "__main__":
    emit_kernels(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], map(pathlib.Path, sys.argv[4:]))
