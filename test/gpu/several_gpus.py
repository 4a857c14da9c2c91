#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the compiled programs of the bundle in one process on all GPUs of the machine, against float64; times a ring.

Ranks are dealt round the GPUs; their number is smaller than, equal to and larger than that of GPUs. It prints a table
and writes gpus.json into the folder that the variable RESULTS names; a timeline of all ranks goes beside it. Ends with
0 if everything is right, 1 if not, 2 if it cannot run.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import sys
import tempfile

import programs
import results
from machine import count_gpus, describe_machine

RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
SCHEMA = programs.SCHEMA | {"gpus": int}
BITS = ("query-ring-bf16-none", 61, 1601)  # the same on one GPU and on several
RING = {"program": "llama-query-ring", "queries": 63, "keys": 76848}  # of each rank


def check_all(chosen, arguments):
    def place(ranks):
        return tuple(rank % arguments.gpus for rank in range(ranks))

    cases = [programs.Case(program, ranks, *lengths, options=(), devices=place(ranks))
             for i, program in enumerate(chosen) if not program["name"].startswith("long")
             for j, ranks in enumerate(arguments.ranks)
             for lengths in (programs.LENGTHS if arguments.all else programs.LENGTHS[(i + j) % 4:(i + j) % 4 + 1])]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for case in pool.map(lambda case: programs.check(case, arguments.timeout), cases):
            programs.print_case(case)
            yield case


def compare_bits(by_name, arguments):
    name, queries, keys = BITS
    if name not in by_name:
        return []
    outputs = []
    with tempfile.TemporaryDirectory() as folder:
        for options in ((), ("--device=0",)):
            file = pathlib.Path(folder) / "output.npy"
            case = programs.Case(by_name[name], arguments.gpus, queries, keys, (*options, f"--output=result0={file}"))
            status, _, errors = programs.execute(case.command, arguments.timeout)
            outputs.append(file.read_bytes() if status == 0 else errors)
    return [results.row("bits that differ from those on one GPU", int(outputs[0] != outputs[1]),
                        "none" if outputs[0] == outputs[1] else "some", "none", outputs[0] == outputs[1])]


def get_rate(events):
    """Of the largest transfers: bytes, and bytes a second."""
    sent = [(event["args"]["bytes"], event["dur"] * 1e-6) for event in events if event["cat"] == "exchange"]
    most = max(size for size, _ in sent)
    return most, most / statistics.median(seconds for size, seconds in sent if size == most)


def time_ring(by_name, arguments):
    """A rank for each GPU: what transfers by copy engines cost, and what of it shows."""
    if RING["program"] not in by_name:
        return []
    ranks = arguments.gpus
    queries, keys = arguments.lengths or (RING["queries"], RING["keys"])
    case = programs.Case(by_name[RING["program"]], ranks, queries * ranks, keys * ranks, options=())
    picture = RESULTS / "gpus-timeline.svg"
    figures, events = programs.measure(case, arguments.timeout, f"--repeat={arguments.repeat}", f"--timeline={picture}")
    lanes = {event["tid"] for event in events}
    alone = programs.get_bare_seconds(events)
    first = [event for event in events if event["tid"] == 0]
    step = statistics.median(programs.get_step_seconds(first))
    size, rate = get_rate(events)

    def slowest(name):
        return max(rank[name]["median"] for rank in figures)

    total = slowest("total_s")
    where = f"{ranks} ranks on {ranks} GPUs, {queries} queries, {keys} keys a rank"
    return [
        results.row("lanes of the timeline", len(lanes), str(len(lanes)), str(2 * ranks),
                    lanes == set(range(2 * ranks))),
        results.row(f"attend and merge by themselves, {where}", alone, f"{alone * 1e6:.1f} us"),
        results.row("largest transfer", rate, f"{size} bytes at {rate * 1e-9:.1f} GB/s"),
        results.row("steady step over attend and merge", step / alone, f"{step / alone:.3f}x ({step * 1e6:.1f} us)"),
        results.row("exposed in steady steps", slowest("exposed_steady_s") / total,
                    f"{slowest('exposed_steady_s') / total:.2%} ({slowest('exposed_steady_s') * 1e6:.1f} us)"),
        results.row("exposed in the tail", slowest("exposed_tail_s") / total,
                    f"{slowest('exposed_tail_s') * 1e6:.1f} us"),
        results.row("total", total, f"{total * 1e6:.1f} us, median of {arguments.repeat} runs"),
    ]


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh gpus", description=__doc__.splitlines()[0])
    parser.add_argument("--gpus", type=int, default=count_gpus(), help="how many there are")
    parser.add_argument("--only", default="", help="programs whose names contain this")
    parser.add_argument("--ranks", type=programs.numbers, help="default: 2, and as many as GPUs, one less and one more")
    parser.add_argument("--all", action="store_true", help="all lengths of each program, not one")
    parser.add_argument("--jobs", type=int, default=4, help="runs at once; most of their time is the reference's")
    parser.add_argument("--timeout", type=int, default=240, help="seconds of one run")
    parser.add_argument("--repeat", type=int, default=20, help="of what is timed")
    parser.add_argument("--lengths", type=programs.numbers, help="queries and keys of a rank, of what is timed")
    arguments = parser.parse_args(argv)
    if arguments.lengths and len(arguments.lengths) != 2:
        parser.error("--lengths takes two numbers: queries,keys")
    arguments.ranks = arguments.ranks or sorted({2, max(2, arguments.gpus - 1), arguments.gpus, arguments.gpus + 1})
    return arguments


def run(arguments, argv):
    if arguments.gpus < 2:
        raise programs.Failure(f"this machine has {arguments.gpus} GPU: several are wanted, or say --gpus=N")
    chosen = [program for program in json.loads((programs.PROGRAMS / "programs.json").read_text())
              if arguments.only in program["name"]]
    if not chosen:
        raise programs.Failure(f"no program is called *{arguments.only}*")
    by_name = {program["name"]: program for program in chosen}
    data = {"title": "Compiled programs on several GPUs of one process",
            "machine": describe_machine(),
            "command": " ".join(["run.sh gpus", *argv]), "date": results.today(), "commit": results.commit(),
            "gpus": arguments.gpus, "notes": [], "rows": []}
    data["cases"] = list(check_all(chosen, arguments))
    wrong = sum(not case["held"] for case in data["cases"])
    if data["cases"]:
        data["rows"].append(results.row("compiled programs that differ from float64", wrong,
                                        f"{wrong} of {len(data['cases'])} cases", "0", wrong == 0))
    for part in (compare_bits, time_ring):
        try:
            data["rows"] += part(by_name, arguments)
        except programs.Unmeasured as reason:
            data["rows"].append(results.row(part.__name__.replace("_", " "), 0, str(reason), "there", False))
    for row in data["rows"]:
        held = {None: "", True: ", held", False: ", NOT HELD"}[row["held"]]
        print(f"{row['what']}: {row['text']}{held}")
    results.save(RESULTS / "gpus.json", data, SCHEMA)
    return 0 if all(row["held"] is not False for row in data["rows"]) else 1


def main(argv):
    arguments = parse(argv)
    try:
        return run(arguments, argv)
    except programs.Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
