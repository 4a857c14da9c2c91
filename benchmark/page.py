#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Renders benchmark/README.md and its picture from benchmark/results/*.json, and from nothing else.

usage: page.py [--check] [--take FOLDER]
  --check         writes nothing, and exits with 1 if the files are not what it would write
  --take FOLDER   first takes the JSON that a GPU bundle has written into a folder
"""
import argparse
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE / "gpu")]

import results  # noqa: E402
from sections import SECTIONS  # noqa: E402

PAGE = "README.md"

INTRODUCTION = """# Measured

Figures are ratios where they can be: to a peer, to a floor, or to the same program without what is measured, taken in
one run on one machine, so that they carry over to yours; the commands repeat them there. This page and its picture are
made from the files in [results](results) by `make benchmark-page`, which adds no figure of its own.

| files in results | come from |
|---|---|
| spine.json, cpu.json | `make bench`, on any x86-64 machine |
| gpu.json, check.json, programs.json, sanitize.json, nccl.json, soak.json, steps.json, host.json | a GPU, as follows |
| multi.json, gpus.json | several GPUs of one machine, likewise |
| paper.json | a GPU, and a clone of the paper's code, likewise |

`make gpu-bundle` makes the folder build/gpu-bundle, which needs nothing else of this tree. On the GPU's machine,
`RESULTS=folder ./run.sh check`, `programs`, `sanitize`, `bench`, `nccl`, `soak`, `steps`, `host`, `multi`, `gpus` and `paper
CHECKOUT` write JSON into a folder; back here, `make benchmark-page GPU_RESULTS=folder` takes it.
"""


def load_all(folder):
    """The sections whose files are there; a file that no section knows is an error."""
    unknown = sorted({path.name for path in folder.glob("*.json")} - {section.file for section in SECTIONS})
    if unknown:
        raise results.ResultError(f"{unknown[0]}: page.py has no section for it; sections.py lists those it has")
    return [(section, results.load(folder / section.file, section.schema)) for section in SECTIONS
            if (folder / section.file).is_file()]


def render(folder):
    """The files of the page: name to text."""
    loaded = load_all(folder)
    if not loaded:
        raise results.ResultError(f"{folder}: holds no results; `make bench` writes some")
    files = {PAGE: "\n\n".join([INTRODUCTION.rstrip(), *(section.to_markdown(data) for section, data in loaded)]) + "\n"}
    for section, data in loaded:
        files |= section.draw(data)
    return files


def take(source, folder):
    """Copies what a bundle has measured, once all of it is known to be good."""
    known = [section for section in SECTIONS if section.bundle]
    found = [(section, results.load(source / section.bundle, section.schema)) for section in known
             if (source / section.bundle).is_file()]
    if not found:
        raise results.ResultError(f"{source}: holds none of {', '.join(section.bundle for section in known)}")
    for section, data in found:
        results.save(folder / section.file, data, section.schema)
        for name in section.pictures:
            if (source / name).is_file():
                shutil.copy(source / name, folder.parent / name)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not current")
    parser.add_argument("--take", type=pathlib.Path, metavar="FOLDER", help="of the JSON that a GPU bundle wrote")
    parser.add_argument("--folder", type=pathlib.Path, default=HERE, help="of the page; its results are in results/")
    arguments = parser.parse_args(argv)
    try:
        if arguments.take:
            take(arguments.take, arguments.folder / "results")
        files = render(arguments.folder / "results")
    except results.ResultError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    stale = [name for name, content in files.items()
             if not (arguments.folder / name).is_file() or (arguments.folder / name).read_text() != content]
    if arguments.check:
        for name in stale:
            print(f"{arguments.folder / name} is not what its results say; run `make benchmark-page`", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (arguments.folder / name).write_text(files[name])
        print(arguments.folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
