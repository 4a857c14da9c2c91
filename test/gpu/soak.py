#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Many runs in one process, and many sessions: memory of host and GPU, open files and threads must not grow.

bin/rondo-soak makes them, at lengths that come again and at ever new ones, on ranks that share the GPU and on ranks that
NCCL joins. Writes soak.json into the folder that the variable RESULTS names. Ends with 0 if nothing grew and results are
right, 1 if not, 2 if it cannot run.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import results
from machine import count_gpus, describe_machine
from nccl_job import Job, find_nccl

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
NUMBER = (float, int)
GROWTH = {"grew": int, "slack": int, "held": bool}
RESOURCES = ("heap_bytes", "resident_bytes", "device_bytes", "descriptors", "threads")
REPORT = {"program": str, "communicator": str, "ranks": int, "seed": int, "checks": int, "error": NUMBER, "right": bool,
          "held": bool, "phases": [{
              "name": str, "count": int, "warm_up": int, "seconds": NUMBER,
              "growth": {resource: GROWTH for resource in RESOURCES},
              "samples": [{resource: int for resource in RESOURCES}]}]}
SCHEMA = results.ROWS | {"reports": [REPORT]}
NO_GPU = "programs for CUDA cannot run here"


class Failure(Exception):
    """Why nothing can run."""


def get_command(arguments, program, runs, cycles, *options):
    return [BUNDLE / "bin/rondo-soak", BUNDLE / f"programs/{program}.so", f"--most={arguments.most}", f"--runs={runs}",
            f"--cycles={cycles}", f"--seed={arguments.seed}", *options]


def read_report(output, errors):
    """What rondo-soak printed, or a text that says why there is none."""
    if NO_GPU in errors:
        raise Failure(errors.strip())
    try:
        report = json.loads(output)
    except ValueError:
        return None, errors.strip() or "no report"
    report["program"] = pathlib.Path(report["program"]).stem
    return report, errors.strip()


def soak_threads(arguments, program, ranks, runs, cycles):
    command = get_command(arguments, program, runs, cycles, f"--ranks={ranks}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.timeout)
    except subprocess.TimeoutExpired:
        return None, f"no end in {arguments.timeout} s"
    except OSError as error:
        raise Failure(str(error)) from error
    return read_report(done.stdout, done.stderr)


def soak_nccl(arguments, program, ranks, runs, cycles):
    job = Job(get_command(arguments, program, runs, cycles, "--communicator=nccl"), ranks, arguments.gpus < ranks,
              find_nccl())
    statuses, outputs, errors = job.finish(arguments.timeout)
    report, text = read_report(outputs[0], "\n".join(filter(None, errors)))
    if report and any(statuses):
        report["held"] = False
    return report, text


def describe_growth(report, phase):
    """The row of one phase."""
    growth = phase["growth"]
    held = report["right"] and all(growth[resource]["held"] for resource in RESOURCES)
    memory = [f"{what} {growth[resource]['grew'] / 1024:+.0f} KiB"
              for what, resource in (("heap", "heap_bytes"), ("resident", "resident_bytes"), ("GPU", "device_bytes"))]
    others = [f"{growth[resource]['grew']:+d} {what}"
              for what, resource in (("files", "descriptors"), ("threads", "threads"))]
    slack = ", ".join(f"{growth[resource]['slack'] / 1024:.0f}" for resource in RESOURCES[:3])
    return results.row(f"{phase['count']} {phase['name']}, {report['program']}, {report['ranks']} ranks "
                       f"({report['communicator']}): growth in the second half", growth["heap_bytes"]["grew"],
                       ", ".join(memory + others) + f"; {phase['seconds']:.1f} s",
                       f"<= {slack} KiB, no files, no threads", held)


def get_rows(report):
    rows = [describe_growth(report, phase) for phase in report["phases"]]
    rows.append(results.row(f"results of {report['program']}, {report['ranks']} ranks ({report['communicator']}), that "
                            "agree with float64 before and after", report["error"],
                            f"{report['checks']} compared, largest error {report['error']:.1e}", "all", report["right"]))
    return rows


def run(arguments, argv):
    data = {"title": "Many runs in one process", "machine": describe_machine(),
            "command": " ".join(["run.sh soak", *argv]), "date": results.today(), "commit": results.commit(),
            "notes": [], "rows": [], "reports": []}
    few = max(arguments.runs // 5, 20)
    parts = [(soak_threads, "query-ring-f16-none", 4, arguments.runs, arguments.runs // 100),
             (soak_threads, "kv-ring-f16-bottom-right", 3, few, few // 100)]
    if arguments.nccl_runs > 0:
        parts.append((soak_nccl, "query-ring-f16-none", 2, arguments.nccl_runs, arguments.nccl_cycles))
    held = True
    for soak, program, *numbers in parts:
        report, errors = soak(arguments, program, *numbers)
        rows = get_rows(report) if report else [
            results.row(f"{program}, {numbers[0]} ranks", 0, errors or "no report", "nothing grows", False)]
        held = held and bool(report) and report["held"]
        data["reports"] += [report] if report else []
        data["rows"] += rows
        for row in rows:
            print(f"{row['what']}: {row['text']}, {'held' if row['held'] else 'NOT HELD'}", flush=True)
        if errors:
            print(errors, flush=True)
        results.save(RESULTS / "soak.json", data, SCHEMA)
    return 0 if held else 1


def main(argv):
    parser = argparse.ArgumentParser(prog="run.sh soak", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20000, help="and a hundredth of that as sessions")
    parser.add_argument("--nccl-runs", type=int, default=400, help="on two processes; 0: none")
    parser.add_argument("--nccl-cycles", type=int, default=4, help="sessions there, each of some seconds")
    parser.add_argument("--most", default="s0=61,s1=401", help="the largest lengths")
    parser.add_argument("--gpus", type=int, default=count_gpus(), help="how many there are")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=300, help="seconds of each part")
    arguments = parser.parse_args(argv)
    if arguments.runs < 20 or 0 < arguments.nccl_runs < 20:
        parser.error("fewer than 20 runs say nothing")
    try:
        return run(arguments, argv)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
