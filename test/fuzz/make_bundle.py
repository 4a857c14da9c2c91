#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a folder that runs the fuzzers on another x86-64 Linux machine with the same or a newer C library.

usage: make_bundle.py BUILD FOLDER
It holds the fuzzers, the shared libraries that they and the linker need, the linker, the symbolizer and the texts that
IR is made of. run.sh takes rondo-fuzz's options: run.sh --seconds=3600 --jobs=16 --findings=/tmp
"""
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SYSTEM = re.compile(r"^(ld-linux.*|lib(c|m|dl|pthread|rt|gcc_s)\.so.*)$")  # those of the C library stay behind
RUN_SCRIPT = """#!/bin/sh
# run.sh [options of rondo-fuzz]; readers: run.sh manifest|npy [options of libFuzzer]
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="$here/lib" PATH="$here/bin:$PATH"
case ${1-} in
manifest | npy)
  reader=$1
  shift
  mkdir -p "$here/corpus/$reader"
  exec "$here/bin/rondo-fuzz-$reader" "-dict=$here/readers/$reader.dict" "$@" "$here/corpus/$reader" \\
    "$here/readers/seeds/$reader" ;;
esac
exec "$here/bin/rondo-fuzz" "--corpus=$here/mlir" "--linker=$here/bin/ld.lld" "$@"
"""


def copy_with_libraries(binary, name, folder):
    shutil.copy(binary, folder / "bin" / name)
    listing = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    for library in re.findall(r"=> (/\S+)", listing):
        library = pathlib.Path(library)
        if not SYSTEM.match(library.name):
            shutil.copy(library, folder / "lib" / library.name)


def main():
    build, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for part in ("bin", "lib", "mlir"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for binary in ("rondo-fuzz", "rondo-fuzz-manifest", "rondo-fuzz-npy"):
        if (build / "bin" / binary).exists():
            copy_with_libraries(build / "bin" / binary, binary, folder)
    for tool in ("ld.lld", "llvm-symbolizer"):
        copy_with_libraries(shutil.which(f"{tool}-22") or shutil.which(tool), tool, folder)
    for tree in ("test", "examples"):
        for path in (SOURCE / tree).rglob("*.mlir"):
            place = folder / "mlir" / path.relative_to(SOURCE)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
    shutil.copytree(SOURCE / "test/fuzz/readers", folder / "readers", dirs_exist_ok=True)
    script = folder / "run.sh"
    script.write_text(RUN_SCRIPT)
    script.chmod(0o755)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.0f} MB")


main()
