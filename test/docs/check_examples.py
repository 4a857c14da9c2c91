#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parses and verifies every ```mlir example of the documentation, but for sketches, which leave out parts by `...`.

usage: check_examples.py RONDO_OPT FILE...     the files are .td (op, type and attribute descriptions) and .md

Comments in the first column divide a block into sections (before, after). A section of symbols (rondo.grid, func.func,
module) is a program. Any other is a list of statements, each beginning in the first column: a statement stands in a
function whose arguments are the values that it uses but does not define. Their types are found by asking: MLIR says
which type each use expects.
"""

import pathlib
import re
import subprocess
import sys
import textwrap

BLOCK = re.compile(r"^(?P<indent> *)```mlir\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
SYMBOL = re.compile(r"(rondo\.grid|func\.func|module)\b|[!#]\w+ = ")
PRELUDE = 'rondo.grid @gpus = ["data" = 2, "seq" = 4]\n'
KERNEL = "func.func private @{name}(index, index, {types}) attributes {{exec.kernel = \"example\"}}\n"
MISMATCH = re.compile(r"'(?P<value>%\w+)' expects different type than prior uses: '(?P<type>.*?)' vs")


def sections(block):
    """The parts of a block between comments in the first column."""
    return [section for section in re.split(r"^//.*\n", block, flags=re.MULTILINE) if section.strip()]


def statements(section):
    """Splits a section at the lines that begin in the first column, but for closing brackets."""
    result = []
    for line in section.splitlines(keepends=True):
        if result and (not line.strip() or line[0] in " })"):
            result[-1] += line
        elif line.strip():
            result.append(line)
    return result


def run(rondo_opt, program):
    result = subprocess.run([rondo_opt, "-verify-roundtrip", "-"], input=program, capture_output=True, text=True)
    return None if result.returncode == 0 else result.stderr


def check_program(rondo_opt, program):
    return run(rondo_opt, program if "rondo.grid" in program else PRELUDE + program)


def check_statement(rondo_opt, statement):
    """The error of an attribute, a type or a statement of a function body; None if there is none."""
    if statement.startswith("#"):
        return run(rondo_opt, PRELUDE + f"func.func private @f() attributes {{example = {statement}}}")
    if statement.startswith("!"):
        return run(rondo_opt, PRELUDE + f"func.func private @f({statement})")
    names = re.findall(r"%\w+", statement)
    defined = re.findall(r"%\w+", statement.split("=")[0]) if statement.startswith("%") else []
    types = {name: "none" for name in names if name not in defined}
    kernel = re.search(r"exec\.dispatch \w+ @(?P<name>\w+).*: \((?P<types>.*)\) -> \(\)", statement, re.DOTALL)
    prelude = PRELUDE + (KERNEL.format(**kernel.groupdict()) if kernel else "")
    for _ in range(len(types) + 1):
        arguments = ", ".join(f"{name}: {type}" for name, type in types.items())
        error = run(rondo_opt, prelude + f"func.func @f({arguments}) {{\n{statement}return\n}}")
        expected = MISMATCH.search(error or "")
        if not expected or types.get(expected["value"]) != "none":
            return error
        types[expected["value"]] = expected["type"]
    return error


def examples(text):
    """Gives the line of each block that is no sketch, with an example of it and how to check it."""
    for match in BLOCK.finditer(text):
        block = textwrap.dedent(match["text"])
        line = text.count("\n", 0, match.start()) + 1
        for section in [] if "..." in block else sections(block):
            if SYMBOL.match(section):
                yield line, section, check_program
            else:
                yield from ((line, statement, check_statement) for statement in statements(section))


def main(rondo_opt, paths):
    count, failures, sketches = 0, 0, 0
    for path in paths:
        text = pathlib.Path(path).read_text()
        sketches += sum("..." in match["text"] for match in BLOCK.finditer(text))
        for line, example, check in examples(text):
            count += 1
            error = check(rondo_opt, example)
            if error:
                failures += 1
                print(f"{path}:{line}: example does not hold:\n{example}{error}")
    print(f"{count} examples, {failures} failures, {sketches} sketches")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
