#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs benchmark/cpu_kernels.py once on small shapes, and checks the file that it writes. Usage: ... BUILD"""
import pathlib
import subprocess
import sys
import tempfile

BENCHMARK = pathlib.Path(__file__).resolve().parent.parent.parent / "benchmark"
sys.path.append(str(BENCHMARK))

import results  # noqa: E402

# One for each kind of measurement.
EXPECTED = ("multiply-add peak of one core", "attend f32", "the same over the multiply-add peak", "bf16 over f32",
            "f16 over f32", "causal over dense", "two threads a rank over one", "thread time of a whole run")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cpu.json"
        command = [sys.executable, BENCHMARK / "cpu_kernels.py", "--quick", "--build", sys.argv[1], "--output", path]
        subprocess.run(command, check=True)
        rows = results.load(path, results.ROWS)["rows"]
    for row in rows:
        assert row["value"] > 0, f"{row['what']} is {row['value']}; expected a positive number"
        assert (row["bar"] is None) == (row["held"] is None), f"{row['what']} has a bar or is held, not both"
    for expected in EXPECTED:
        assert any(row["what"].startswith(expected) for row in rows), f"no row begins with '{expected}'"


if __name__ == "__main__":
    main()
