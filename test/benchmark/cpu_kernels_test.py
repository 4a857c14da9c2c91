#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs benchmark/cpu_kernels.py once on small shapes, and checks the file that it writes. Usage: ... BUILD"""
import json
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benchmark/cpu_kernels.py"
HEAD = {"title": str, "machine": str, "command": str, "date": str, "commit": str, "notes": list, "rows": list}
ROW = {"what": str, "value": (int, float), "text": str, "bar": (str, type(None)), "held": (bool, type(None))}
# One for each kind of measurement.
EXPECTED = ("multiply-add peak of one core", "attend f32", "the same over the multiply-add peak", "bf16 over f32",
            "f16 over f32", "causal over dense", "two threads a rank over one", "thread time of a whole run in loopback")


def check_types(values, types):
    assert values.keys() == types.keys(), f"has {sorted(values)}; expected {sorted(types)}"
    for name, expected in types.items():
        assert isinstance(values[name], expected), f"{name} is {values[name]!r}; expected {expected}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cpu.json"
        subprocess.run([sys.executable, SCRIPT, "--quick", "--build", sys.argv[1], "--output", path], check=True)
        result = json.loads(path.read_text())
    check_types(result, HEAD)
    for row in result["rows"]:
        check_types(row, ROW)
        assert row["value"] > 0, f"{row['what']} is {row['value']}; expected a positive number"
        assert (row["bar"] is None) == (row["held"] is None), f"{row['what']} has a bar or is held, not both"
    for expected in EXPECTED:
        assert any(row["what"].startswith(expected) for row in result["rows"]), f"no row begins with '{expected}'"


if __name__ == "__main__":
    main()
