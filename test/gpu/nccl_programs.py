#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the compiled programs of the bundle on processes that NCCL joins, against float64, and lets ranks be lost.

Ranks have a GPU each, or share one if there are fewer. NCCL is the one that RONDO_NCCL names, else PyTorch's, else the
one that the linker finds. It prints a table and writes nccl.json into the folder that the variable RESULTS names. Ends
with 0 if everything is right, 1 if not, 2 if it cannot run.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile

import nccl_faults
import results
from machine import count_gpus, describe_machine
from nccl_job import Job, find_nccl

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
RUN, PROGRAMS = BUNDLE / "bin/rondo-run", BUNDLE / "programs"
SCHEMA = results.ROWS | {"gpus": int, "nccl": str, "cases": [{
    "case": str, "ranks": int, "one_gpu": bool, "error": (float, int, type(None)), "total_s": (float, int, type(None)),
    "exposed_s": (float, int, type(None)), "held": bool, "failure": (str, type(None))}]}
# Queries and keys: one row, fewer rows than ranks, primes.
LENGTHS = [(1, 1), (3, 257), (61, 1601)]
TIMEOUT = 10  # of the runtime, in seconds


def get_words(program, queries, keys):
    return [RUN, "--communicator=nccl", PROGRAMS / f"{program['name']}.so", f"--length=s0={queries}",
            f"--length=s1={keys}"]


def check(arguments, program, ranks, one_gpu, lengths, graph):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "report.json"
        job = Job([*get_words(program, *lengths), f"--timeout={TIMEOUT}", "--check", "--repeat=5", f"--json={path}",
                   *(["--graph"] if graph else [])], ranks, one_gpu, arguments.nccl)
        statuses, _, errors = job.finish(arguments.timeout)
        report = json.loads(path.read_text()) if path.is_file() else {"check": [], "per_rank": []}
    held = not any(statuses) and len(report["per_rank"]) == ranks and bool(report["check"])
    held = held and all(output["passed"] for output in report["check"])
    errors_of_outputs = [output["error"] for output in report["check"] if output["error"] is not None]

    def slowest(name):
        return max((rank[name]["median"] for rank in report["per_rank"] if rank[name]), default=None)

    return {"case": f"{program['name']}, {lengths[0]} queries, {lengths[1]} keys{', a graph' if graph else ''}",
            "ranks": ranks, "one_gpu": one_gpu,
            "error": max(errors_of_outputs, default=None), "total_s": slowest("total_s"),
            "exposed_s": slowest("exposed_steady_s"), "held": held,
            "failure": None if held else "; ".join(filter(None, errors)) or f"statuses {statuses}"}


def print_case(case):
    figures = "" if case["error"] is None else f"  error {case['error']:.1e}"
    if case["total_s"] is not None:
        figures += f"  {case['total_s'] * 1e3:.3f} ms, exposed {(case['exposed_s'] or 0) * 1e3:.3f} ms"
    place = "one GPU" if case["one_gpu"] else "own GPUs"
    print(f"{'ok   ' if case['held'] else 'WRONG'} {case['ranks']} ranks, {place}  {case['case']}{figures}", flush=True)
    if case["failure"]:
        print(f"      {case['failure']}", flush=True)


def describe_place(arguments):
    sharing = [str(ranks) for ranks in (*arguments.ranks, arguments.fault_ranks) if ranks > arguments.gpus]
    return f"{arguments.gpus} GPUs; " + (f"jobs of {', '.join(sorted(set(sharing)))} ranks share one, each process posing "
                                         "as a host." if sharing else "each rank has its own.")


def run_cases(arguments, programs):
    for ranks in arguments.ranks:
        one_gpu = arguments.gpus < ranks
        for i, program in enumerate(programs):
            for lengths in (LENGTHS if arguments.all else LENGTHS[i % 3:i % 3 + 1]):
                for graph in (False, True):
                    yield check(arguments, program, ranks, one_gpu, lengths, graph)


def print_trial(trial):
    print(f"{'WRONG' if trial['failure'] else 'ok   '} {nccl_faults.describe(trial)}", flush=True)
    if trial["failure"]:
        print(f"      {trial['failure']}", *trial["said"], sep="\n      ", flush=True)


def lose_ranks(arguments, program):
    """Rows and cases of the trials."""
    ranks = arguments.fault_ranks
    setting = nccl_faults.Setting(get_words(program, 61, 1601), ranks, arguments.gpus < ranks, arguments.nccl,
                                  arguments.fault_timeout)
    trials = nccl_faults.execute_trials(setting, arguments.trials, arguments.jobs, arguments.seed, print_trial)
    cases = [{"case": nccl_faults.describe(trial), "ranks": ranks, "one_gpu": setting.one_gpu, "error": None,
              "total_s": None, "exposed_s": None, "held": trial["failure"] is None,
              "failure": "; ".join([trial["failure"], *trial["said"]]) if trial["failure"] else None}
             for trial in trials]
    texts = {trial["said"][0] for trial in trials if trial["said"] and not trial["failure"]}
    print(*sorted(texts)[:4], sep="\n")  # what users read
    return nccl_faults.get_rows(setting, trials), cases


def main(argv):
    parser = argparse.ArgumentParser(prog="run.sh nccl", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="query-ring", help="programs whose names contain this")
    parser.add_argument("--ranks", type=lambda text: [int(number) for number in text.split(",")], default=[2, 4])
    parser.add_argument("--all", action="store_true", help="all lengths of each program, not one")
    parser.add_argument("--trials", type=int, default=25, help="in which a rank is killed, and in which it is stopped")
    parser.add_argument("--jobs", type=int, default=4, help="trials at once")
    parser.add_argument("--fault-ranks", type=int, default=3)
    parser.add_argument("--fault-timeout", type=float, default=1, help="the runtime's in trials, in seconds")
    parser.add_argument("--seed", type=int, default=1, help="of the first trials")
    parser.add_argument("--gpus", type=int, default=count_gpus(), help="how many there are")
    parser.add_argument("--timeout", type=int, default=120, help="seconds of one job")
    arguments = parser.parse_args(argv)
    arguments.nccl = find_nccl()
    programs = [program for program in json.loads((PROGRAMS / "programs.json").read_text())
                if arguments.only in program["name"] and not program["name"].startswith(("long", "llama", "owl3", "flamingo"))]
    if not programs:
        print(f"error: no program is called *{arguments.only}*", file=sys.stderr)
        return 2
    data = {"title": "Programs on ranks that NCCL joins", "machine": describe_machine(),
            "command": " ".join(["run.sh nccl", *argv]), "date": results.today(), "commit": results.commit(),
            "gpus": arguments.gpus, "nccl": arguments.nccl or "the linker's",
            "notes": [describe_place(arguments)], "rows": [], "cases": []}
    print(f"NCCL: {data['nccl']}", flush=True)
    for case in run_cases(arguments, programs):
        print_case(case)
        data["cases"].append(case)
    held = sum(case["held"] for case in data["cases"])
    data["rows"].append(results.row("cases that agree with float64", held, f"{held} of {len(data['cases'])}", "all",
                                    held == len(data["cases"])))
    if arguments.trials > 0:
        rows, cases = lose_ranks(arguments, programs[0])
        data["rows"] += rows
        data["cases"] += cases
    results.save(RESULTS / "nccl.json", data, SCHEMA)
    for row in data["rows"]:
        print(f"{row['what']}: {row['text']} ({row['bar']}), {'held' if row['held'] else 'NOT HELD'}")
    return 0 if all(row["held"] for row in data["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
