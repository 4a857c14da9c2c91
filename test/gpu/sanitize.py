#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs random cases of all kernels under the tools of compute-sanitizer, and writes sanitize.json and a log of each.

They go into the folder that the variable RESULTS names. Buffers have no guards: the tools see what is past them.
Ends with 0 if all are clean, 1 if not, 2 if it cannot run.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import results

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
LEAST_CASES = 60
FAULT = 86  # exit status if the tool finds something
SUMMARY = re.compile(r"(?:ERROR SUMMARY: (\d+) error|RACECHECK SUMMARY: (\d+) hazard)")


def find_sanitizer():
    homes = [os.environ.get("CUDA_HOME", "/usr/local/cuda"), "/usr/local/cuda"]
    places = [os.environ.get("PATH", ""), *(f"{home}/bin" for home in homes)]
    return shutil.which("compute-sanitizer", path=os.pathsep.join(places))


def count_errors(log):
    """What the tool's summary says, or None if there is none."""
    counts = [int(errors or hazards) for errors, hazards in SUMMARY.findall(log)]
    return counts[-1] if counts else None


def get_version(sanitizer):
    text = subprocess.run([sanitizer, "--version"], capture_output=True, text=True).stdout
    number = re.search(r"\d+\.\d+[.\d]*", text)
    return number.group() if number else "of unknown version"


def run(sanitizer, tool, arguments):
    """The row of one tool, and the machine."""
    log, check = (RESULTS / f"sanitize-{tool}.{suffix}" for suffix in ("log", "json"))
    check.unlink(missing_ok=True)
    command = [sanitizer, "--tool", tool, "--error-exitcode", str(FAULT), BUNDLE / "bin/attend_test",
               BUNDLE / "kernels", "check", str(arguments.cases), "--random-only", f"--json={check}"]
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
                                   env=os.environ | {"RONDO_TEST_GUARD_BYTES": "0"})
        try:
            status = process.wait(arguments.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the tool's program, too
            process.wait()
            status = f"no end in {arguments.timeout} s"
    text = log.read_text(errors="replace")
    errors = count_errors(text)
    checked = json.loads(check.read_text()) if check.is_file() else {"rows": [{"value": 0}], "machine": "unknown GPU"}
    cases = checked["rows"][0]["value"]
    check.unlink(missing_ok=True)
    clean = status == 0 and errors == 0 and cases >= LEAST_CASES
    if not clean:
        print(f"{tool}: status {status}; the end of {log}:", *text.splitlines()[-30:], sep="\n  ", flush=True)
    found = f"{errors} errors in {cases} cases" if errors is not None else f"no summary (status {status})"
    row = results.row(tool, -1 if errors is None else errors, found, f"0 in {LEAST_CASES} or more", clean)
    return row, checked["machine"]


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh sanitize", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="?", type=int, default=2, help="of each kernel")
    parser.add_argument("--tools", default=",".join(TOOLS), help="separated by commas")
    parser.add_argument("--parallel", action="store_true", help="all tools at once")
    parser.add_argument("--timeout", type=int, default=540, help="seconds of one tool")
    arguments = parser.parse_args(argv)
    arguments.tools = arguments.tools.split(",")
    if unknown := [tool for tool in arguments.tools if tool not in TOOLS]:
        parser.error(f"unknown tool {unknown[0]}; there are {', '.join(TOOLS)}")
    return arguments


def main(argv):
    arguments = parse(argv)
    sanitizer = find_sanitizer()
    if not sanitizer:
        print("error: compute-sanitizer is neither on PATH nor in /usr/local/cuda/bin; it is part of the CUDA toolkit, "
              "and CUDA_HOME may say where that is", file=sys.stderr)
        return 2
    version = get_version(sanitizer)
    data = {"title": "compute-sanitizer", "machine": "", "command": " ".join(["run.sh sanitize", *argv]),
            "date": results.today(), "commit": results.commit(), "notes": [], "rows": []}
    with concurrent.futures.ThreadPoolExecutor(len(TOOLS) if arguments.parallel else 1) as pool:
        for row, machine in pool.map(lambda tool: run(sanitizer, tool, arguments), arguments.tools):
            data["machine"] = f"{machine}, compute-sanitizer {version}"
            print(f"{row['what']}: {row['text']}, {'clean' if row['held'] else 'NOT CLEAN'}", flush=True)
            data["rows"].append(row)
            results.save(RESULTS / "sanitize.json", data, results.ROWS)
    return 0 if all(row["held"] for row in data["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
