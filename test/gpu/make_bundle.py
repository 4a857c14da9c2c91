#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a folder that checks and times the attention kernels on a GPU, and needs nothing of this tree: see bundle/.

With --form=ptx its kernels are PTX, as the emulator wants them; a GPU's driver takes these too, but compiles them.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

from compile_programs import PROGRAMS, compile_programs
from emit_kernels import emit_kernels

HERE = pathlib.Path(__file__).resolve().parent
BENCHMARK = HERE.parent.parent / "benchmark"
sys.path.append(str(BENCHMARK))

import results  # noqa: E402

# All that runs there, and not here.
SCRIPTS = [BENCHMARK / "results.py", *sorted((BENCHMARK / "gpu").glob("*.py")),
           *(file for file in sorted(HERE.glob("*.py"))
             if file.stem not in ("make_bundle", "compile_programs", "emit_kernels"))]


def find_libraries(runtime):
    """The runtime, and what it needs besides the C library, by the names under which they are looked for."""
    listing = subprocess.run(["ldd", runtime], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"^\s*(libjansson\.so\S*) => (\S+)", listing, re.MULTILINE)
    return {"librondo_runtime.so.0": runtime, **dict(needed)}


def copy_programs(arguments):
    folder = arguments.folder
    names = arguments.programs.split(",") if arguments.programs else None
    chosen = [program for program in PROGRAMS if names is None or program.name in names]
    compile_programs(arguments.compile, folder / "programs", arguments.form, chosen)
    for name, file in {"bin/rondo-run": arguments.run, "bin/long_test": arguments.long,
                       "bin/host_time": arguments.host, "bin/margin_sweep": arguments.margin,
                       "bin/rondo-soak": arguments.soak}.items():
        shutil.copy(file, folder / name)
    for name, file in find_libraries(arguments.runtime).items():
        shutil.copy(file, folder / "lib" / name)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="made anew")
    parser.add_argument("--emit-kernel", required=True, help="rondo-emit-kernel")
    parser.add_argument("--check", required=True, help="attend_test")
    parser.add_argument("--bench", required=True, help="librondo_gpu_bench.so")
    parser.add_argument("--compile", required=True, help="rondo-compile")
    parser.add_argument("--run", required=True, help="rondo-run, without a C++ library")
    parser.add_argument("--long", required=True, help="long_test")
    parser.add_argument("--soak", required=True, help="rondo-soak")
    parser.add_argument("--margin", required=True, help="margin_sweep")
    parser.add_argument("--host", required=True, help="host_time")
    parser.add_argument("--runtime", required=True, help="librondo_runtime.so")
    parser.add_argument("--programs", help="names, separated by commas; default: all")
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
    programs = copy_programs(arguments)
    binaries = [file for name in ("bin", "lib") for file in (folder / name).iterdir()]
    subprocess.run(["strip", "--strip-unneeded", *binaries], check=True)
    (folder / "commit").write_text(results.commit() + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {len(kernels)} kernels, {len(programs)} programs, {size / 2**20:.1f} MiB")


main()
