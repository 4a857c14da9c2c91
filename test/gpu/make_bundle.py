#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a folder that tests the attention kernels on a GPU: the kernels of kernels.txt as cubins, and attend_test.

usage: make_bundle.py RONDO_EMIT_KERNEL ATTEND_TEST FOLDER
The folder needs an sm_90 GPU and its driver only: run.sh check, run.sh bench.
"""
import pathlib
import shutil
import sys

from emit_kernels import emit_kernels

RUN_SCRIPT = """#!/bin/sh
# run.sh check [CASES] | bench [ROUNDS] [SHAPE]
cd "$(dirname "$0")" && exec ./attend_test . "$@"
"""


def main():
    tool, test, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    kernels = emit_kernels(tool, folder, "cubin", [pathlib.Path(__file__).with_name("kernels.txt")])
    (folder / "run.sh").write_text(RUN_SCRIPT)
    (folder / "run.sh").chmod(0o755)
    shutil.copy(test, folder / "attend_test")
    print(f"{folder}: {len(kernels)} kernels")


main()
