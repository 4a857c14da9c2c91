#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures how long a run keeps its host: one rank of a ring in loopback, on a stream of the caller, without graphs and
replayed from one. It prints a table and writes host.json into the folder that the variable RESULTS names. Ends with 0 if
replays have the same bits and their time is below the bar, 1 if not, 2 if it cannot run.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import programs
import results

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
BAR = 60  # microseconds of a replayed run with 16 steps
SCHEMA = results.ROWS | {"ways": [{"way": str, "runs": int, "replayed": int, "median_us": (float, int),
                                   "least_us": (float, int), "p90_us": (float, int), "held": bool}]}


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh host", description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="llama-query-ring", help="of 32 heads, 8 of keys, and 128 features in bf16")
    parser.add_argument("--ranks", type=int, default=16)
    parser.add_argument("--queries", type=int, default=16, help="of a rank")
    parser.add_argument("--keys", type=int, default=1601, help="of a rank")
    parser.add_argument("--runs", type=int, default=500)
    return parser.parse_args(argv)


def main(argv):
    arguments = parse(argv)
    command = [BUNDLE / "bin/host_time", BUNDLE / "programs" / f"{arguments.program}.so",
               *(str(number) for number in (arguments.ranks, arguments.queries, arguments.keys, arguments.runs))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1) or done.stderr:
        print(f"error: {done.stderr.strip() or f'status {done.returncode}'}", file=sys.stderr)
        return 2
    ways = [json.loads(line) for line in done.stdout.splitlines()]
    rows = []
    for way in ways:
        bar = way["way"] == "replayed" and arguments.ranks == 16
        text = f"{way['median_us']:.1f} us (least {way['least_us']:.1f}, 90 % within {way['p90_us']:.1f})"
        held = way["held"] and (not bar or way["median_us"] < BAR)
        rows.append(results.row(f"host time of a run of {arguments.ranks} steps, {way['way']}", way["median_us"],
                                text if way["held"] else f"{text}: other bits, or not as many replays",
                                f"below {BAR} us" if bar else "the same bits", held))
    data = {"title": "Host time", "machine": programs.describe_machine(), "command": " ".join(["run.sh host", *argv]),
            "date": results.today(), "commit": results.commit(), "notes": [], "rows": rows, "ways": ways}
    for row in rows:
        print(f"{row['what']}: {row['text']}, {'held' if row['held'] else 'NOT HELD'}")
    results.save(RESULTS / "host.json", data, SCHEMA)
    return 0 if all(row["held"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
