#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a folder that tests the attention kernels on a GPU: the kernels of kernels.txt as cubins, and attend_test.

usage: make_bundle.py RONDO_EMIT_KERNEL ATTEND_TEST FOLDER
The folder needs an sm_90 GPU and its driver only: run.sh check, run.sh bench.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

RUN_SCRIPT = """#!/bin/sh
# run.sh check [CASES] | bench [ROUNDS] [SHAPE]
cd "$(dirname "$0")" && exec ./attend_test . "$@"
"""


def read_kernels(path):
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return {words[0]: words[1:] for words in lines if words}


def emit(tool, folder, label, options):
    for kind, suffix in (("cubin", ".cubin"), ("traits", ".traits")):
        subprocess.run([tool, *options, f"--emit={kind}", "-o", folder / (label + suffix)], check=True)


def main():
    tool, test, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    kernels = read_kernels(pathlib.Path(__file__).with_name("kernels.txt"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(emit, tool, folder, label, options) for label, options in kernels.items()]
        for task in tasks:
            task.result()
    (folder / "kernels").write_text("\n".join(kernels) + "\n")
    (folder / "run.sh").write_text(RUN_SCRIPT)
    (folder / "run.sh").chmod(0o755)
    shutil.copy(test, folder / "attend_test")
    print(f"{folder}: {len(kernels)} kernels")


main()
