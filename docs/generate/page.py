# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes generated pages, or checks that they are current: the options -c and --help of the generators."""

import argparse
import difflib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def argument_parser(documentation):
    parser = argparse.ArgumentParser(description=documentation.splitlines()[0])
    parser.add_argument("-c", "--check", action="store_true", help="write nothing, and fail if a page is not current")
    return parser


def update(pages, check):
    """Writes the texts of `pages`, by path; or, to check, prints how each differs from its file. Gives the exit status."""
    stale = 0
    for path, text in pages.items():
        file = ROOT / path
        current = file.read_text() if file.exists() else ""
        if current == text:
            continue
        if check:
            stale += 1
            sys.stdout.writelines(difflib.unified_diff(current.splitlines(True), text.splitlines(True), path, "generated"))
            print(f"error: {path} is not current; run make docs")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"wrote {path}")
    return 1 if stale else 0
