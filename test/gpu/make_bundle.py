#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a folder that checks and times the attention kernels on a GPU, and needs nothing of this tree: see bundle/.

With --form=ptx its kernels are PTX, as the emulator wants them; a GPU's driver takes these too, but compiles them.
"""
import argparse
import pathlib
import shutil
import sys

from emit_kernels import emit_kernels

HERE = pathlib.Path(__file__).resolve().parent
BENCHMARK = HERE.parent.parent / "benchmark"
sys.path.append(str(BENCHMARK))

import results  # noqa: E402

SCRIPTS = [BENCHMARK / "results.py", *sorted((BENCHMARK / "gpu").glob("*.py")), HERE / "sanitize.py"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="made anew")
    parser.add_argument("--emit-kernel", required=True, help="rondo-emit-kernel")
    parser.add_argument("--check", required=True, help="attend_test")
    parser.add_argument("--bench", required=True, help="librondo_gpu_bench.so")
    parser.add_argument("--form", choices=("cubin", "ptx"), default="cubin")
    parser.add_argument("--list", type=pathlib.Path, action="append", help="of kernels; default: kernels.txt")
    arguments = parser.parse_args()
    folder = arguments.folder
    if folder.exists() and any(folder.iterdir()) and not (folder / "run.sh").is_file():
        parser.error(f"{folder} holds something else than a bundle; remove it, or name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "bundle", folder)
    kernels = emit_kernels(arguments.emit_kernel, folder / "kernels", arguments.form,
                           arguments.list or [HERE / "kernels.txt"])
    for name, files in {"bin": [arguments.check], "lib": [arguments.bench], "scripts": SCRIPTS}.items():
        (folder / name).mkdir()
        for file in files:
            shutil.copy(file, folder / name)
    (folder / "commit").write_text(results.commit() + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {len(kernels)} kernels, {size / 2**20:.1f} MiB")


main()
