#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds source files that do not say under which license they stand, and says it with --fix.

The line stands below the title: after the line of `//===- Title -===//`, after a comment of another form that opens the
file, or after `#!`; in a file without any of these it comes first.

usage: license.py [--fix] FILE-OR-FOLDER...     prints each file without the line and exits with 1 if there is one
"""

import pathlib
import re
import sys

LICENSE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
SLASHES = {".c", ".cpp", ".cu", ".h", ".hpp", ".td"}
HASHES = {".cmake", ".py", ".sh"}
NAMES = {"CMakeLists.txt", "Makefile"}
# Inputs of tests are not ours to change; the others are not in the repository.
SKIPPED = re.compile(r"^(\..+|build.*|Inputs|venv|out|__pycache__)$")


def is_source(path):
    return path.suffix in SLASHES | HASHES or path.name in NAMES


def sources(root):
    """The source files at or below a path, in the order of their names."""
    if root.is_file():
        return [root] if is_source(root) else []
    found = []
    for path in sorted(root.iterdir()):
        if not SKIPPED.match(path.name) and not path.is_symlink():
            found += sources(path)
    return found


def title_end(lines):
    """How many lines the title takes: those above the license."""
    first = lines[0] if lines else ""
    if first.startswith(("//===", "#!")):
        return 1
    if first.startswith("/*"):
        return next(number for number, line in enumerate(lines, start=1) if "*/" in line)
    for mark in ("//", "#"):
        if first.startswith(mark) and not re.match(r"#\w", first):
            return next((number for number, line in enumerate(lines) if not line.startswith(mark)), len(lines))
    return 0


def with_license(path, text):
    lines = text.splitlines(keepends=True)
    end = title_end(lines)
    title = lines[0] if end else ""
    if title.startswith("/*") or (not title and path.suffix == ".c"):
        line = f"/* {LICENSE} */\n"
    else:
        line = f"{'//' if path.suffix in SLASHES else '#'} {LICENSE}\n"
    return "".join(lines[:end] + [line] + lines[end:])


def main(arguments):
    fix = "--fix" in arguments
    roots = [pathlib.Path(argument) for argument in arguments if argument != "--fix"]
    missing = [root for root in roots if not root.exists()]
    if missing or not roots:
        sys.exit(f"error: there is no {missing[0]}" if missing else __doc__)
    paths = [path for root in roots for path in sources(root)]
    if not paths:
        sys.exit(f"error: no source files under {' '.join(map(str, roots))}")
    wrong = 0
    for path in paths:
        text = path.read_text()
        if any(line.strip("/*# \n") == LICENSE for line in text.splitlines()):
            continue
        wrong += 1
        if fix:
            path.write_text(with_license(path, text))
        else:
            print(f"{path}: lacks the line '{LICENSE}'; add it by {sys.argv[0]} --fix")
    print(f"{len(paths)} files, {wrong} {'mended' if fix else 'without license'}")
    return 1 if wrong and not fix else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
