#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs an example and compares what it prints with its expected output.

    check_output.py expected-output.txt -- command [argument ...]

Numbers with a decimal point may differ by two units of their last expected digit: CPUs round differently. Times, errors
in scientific notation (their bounds are the example's own business) and the CPU's name are not compared. Everything else
must be the same. An example that exits with 77 (something that it needs is out of reach) is passed on as skipped.
"""
import re
import subprocess
import sys

SKIPPED = 77
DECIMAL = re.compile(r"-?\d+\.\d+")
MEASURED = re.compile(r"\d+(\.\d+)? (us|ms|s)\b|\d\.\d+e-\d+|cpu:\S+(?=,)")


def same_number(expected, actual):
    unit = 10.0 ** -len(expected.partition(".")[2])
    return abs(float(expected) - float(actual)) <= 2.001 * unit


def same_line(expected, actual):
    expected, actual = MEASURED.sub("<measured>", expected), MEASURED.sub("<measured>", actual)
    if DECIMAL.sub("#", expected) != DECIMAL.sub("#", actual):
        return False
    return all(map(same_number, DECIMAL.findall(expected), DECIMAL.findall(actual)))


def first_difference(expected, actual):
    """The first line that differs, described; None if there is none."""
    for number in range(max(len(expected), len(actual))):
        line = [lines[number] if number < len(lines) else None for lines in (expected, actual)]
        if None in line or not same_line(*line):
            return "line {}:\n  expected: {}\n  actual:   {}".format(
                number + 1, *("(no more lines)" if text is None else text for text in line))
    return None


def main():
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        expected = file.read().splitlines()
    result = subprocess.run(sys.argv[3:], stdout=subprocess.PIPE, text=True, check=False)
    print(result.stdout, end="", flush=True)
    if result.returncode:
        what = "skipped" if result.returncode == SKIPPED else "failed"
        print(f"check_output: the example {what} with exit status {result.returncode}", file=sys.stderr)
        return SKIPPED if result.returncode == SKIPPED else 1
    difference = first_difference(expected, result.stdout.splitlines())
    if difference:
        print(f"check_output: {sys.argv[1]}, {difference}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
