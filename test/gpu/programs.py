#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the compiled programs of the bundle by its rondo-run against float64, on several numbers of ranks that share a GPU.

It prints a table and writes programs.json into the folder that the variable RESULTS names; a timeline goes beside it.
Ends with 0 if everything is right, 1 if not, 2 if it cannot run.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import results
import sweep
from machine import describe_machine

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
RUN, PROGRAMS = BUNDLE / "bin/rondo-run", BUNDLE / "programs"
PARTS = ("check", "sweep", "long", "overlap")
SCHEMA = results.ROWS | {"cases": [{
    "case": str, "ranks": int, "schedule": str, "errors": [{"output": str, "error": (float, int, type(None)),
                                                            "tolerance": (float, int)}],
    "held": bool, "failure": (str, type(None))}]}
# Queries, keys: one row, fewer rows than ranks, primes, several blocks of keys, more queries than keys.
LENGTHS = [(1, 1), (3, 257), (61, 1601), (257, 127)]
TIMELINE = ("query-ring-bf16-none", 4, 257, 1601)
OVERLAP = {"program": "llama-query-ring", "home": "llama-query-ring-home", "ranks": 4,
           "queries": 63, "keys": 76848}  # of each rank
NO_GPU = "programs for CUDA cannot run here"
LINK = (5, 20)  # microseconds, GB/s


class Failure(Exception):
    """Why nothing can run."""


class Unmeasured(Exception):
    """Why one figure is missing."""


@dataclasses.dataclass
class Case:
    program: dict
    ranks: int
    queries: int
    keys: int
    options: tuple = ("--device=0",)
    devices: tuple = None  # of the ranks, if that is to be checked
    graph: bool = False

    @property
    def name(self):
        return f"{self.program['name']}, {self.queries} queries, {self.keys} keys{', a graph' if self.graph else ''}"

    @property
    def command(self):
        return [RUN, PROGRAMS / f"{self.program['name']}.so", f"--ranks={self.ranks}",
                f"--length=s0={self.queries}", f"--length=s1={self.keys}", *self.options,
                *(["--graph"] if self.graph else [])]


def execute(command, timeout):
    """Status, output and errors; a program that does not end is a failure like others."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return 1, "", f"no end in {timeout} s"
    except OSError as error:
        raise Failure(str(error)) from error
    if NO_GPU in done.stderr:
        raise Failure(done.stderr.strip())
    return done.returncode, done.stdout, done.stderr.strip()


# ---- Against float64 -------------------------------------------------------------------------------------------------

def check(case, timeout):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        status, _, errors = execute([*case.command, "--check", f"--json={report}"], timeout)
        written = json.loads(report.read_text()) if report.is_file() else {"check": [], "per_rank": []}
    checks, devices = written["check"], tuple(rank["device"] for rank in written["per_rank"])
    held = status == 0 and len(checks) == 2 and all(output["passed"] for output in checks)
    if held and case.devices is not None and devices != case.devices:
        held, errors = False, f"the ranks were on GPUs {devices}, not {case.devices}"
    return {"case": case.name, "ranks": case.ranks, "schedule": case.program["schedule"],
            "errors": [{key: output[key] for key in ("output", "error", "tolerance")} for output in checks],
            "held": held, "failure": None if held else errors or f"status {status}"}


def print_case(case):
    errors = "  ".join(f"{output['output']} {output['error']:.1e}" if output["error"] is not None else
                       f"{output['output']} not finite" for output in case["errors"])
    print(f"{'ok   ' if case['held'] else 'WRONG'} {case['ranks']} ranks  {case['case']}: {errors or 'no result'}", flush=True)
    if case["failure"]:
        print(f"      {case['failure']}", flush=True)


def check_all(programs, arguments):
    cases = [Case(program, ranks, queries, keys)
             for i, program in enumerate(programs) if not program["name"].startswith("long")
             for j, ranks in enumerate(arguments.ranks)
             for queries, keys in (LENGTHS if arguments.all else LENGTHS[(i + j) % 2::2])]
    # One rank's runs are replayed, too; of all steps of a ring, host_time compares the bits.
    cases += [dataclasses.replace(case, graph=True) for case in cases if case.ranks == 1]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for case in pool.map(lambda case: check(case, arguments.timeout), cases):
            print_case(case)
            yield case


# ---- The sweep of odd lengths -------------------------------------------------------------------------------------------

def check_sweep(by_name, arguments):
    """Every class of lengths on every number of ranks; prints what was wrong, and a table. Returns rows and cases."""
    names = [name for name in sweep.get_names() if name in by_name]
    if not names:
        return [], []
    planned = sweep.list_cases(names, arguments.ranks, arguments.classes)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        cases = list(pool.map(lambda one: check(Case(by_name[one[0]], one[1], *one[3:]), arguments.timeout), planned))
    table = {(name, ranks): ([], []) for name in names for ranks in arguments.ranks}
    for (name, ranks, word, *_), case in zip(planned, cases):
        table[name, ranks][0 if case["held"] else 1].append(word)
        if not case["held"]:
            print_case(case)
    print("Right, of these classes of lengths:", *(f"  {word}: {sweep.CLASSES[word][0]}" for word in arguments.classes),
          *sweep.make_table(table), sep="\n", flush=True)
    right = sum(case["held"] for case in cases)
    worst = max((output["error"] / output["tolerance"] for case in cases for output in case["errors"]
                 if output["error"] is not None), default=0)
    row = results.row(f"{len(names)} programs of rings, dense and causal, on {', '.join(map(str, arguments.ranks))} ranks, "
                      f"at {len(arguments.classes)} classes of lengths", right,
                      f"{right} of {len(cases)} right, largest error {worst:.2f} of its tolerance", "all",
                      right == len(cases))
    return [row], cases


# ---- Tensors of more than 2^31 elements --------------------------------------------------------------------------------

def check_long(arguments):
    status, output, errors = execute([BUNDLE / "bin/long_test", PROGRAMS, str(arguments.long_rows)], arguments.timeout)
    lines = [json.loads(line) for line in output.splitlines()]
    for line in lines:
        tolerances = (6e-4, 1e-5)
        values = [("output", line["output_error"]), ("lse", line["lse_error"])]
        yield {"case": f"{line['program']}, {line['queries']} queries, {line['keys']} keys, sampled rows",
               "ranks": line["ranks"], "schedule": "kv-ring",
               "errors": [{"output": name, "error": None if value < 0 else value, "tolerance": tolerance}
                          for (name, value), tolerance in zip(values, tolerances)],
               "held": line["held"], "failure": None if line["held"] else "sampled rows differ from float64"}
    if errors or (status != 0 and all(line["held"] for line in lines)):
        yield {"case": "tensors of more than 2^31 elements", "ranks": 1, "schedule": "kv-ring", "errors": [],
               "held": False, "failure": errors or f"status {status}"}


# ---- Times -----------------------------------------------------------------------------------------------------------

def measure(case, timeout, *options):
    """rondo-run's figures of each run, in seconds, and the events of the last one."""
    with tempfile.TemporaryDirectory() as folder:
        report, trace = (pathlib.Path(folder) / name for name in ("report.json", "trace.json"))
        status, _, errors = execute([*case.command, f"--json={report}", f"--trace={trace}", *options], timeout)
        if status != 0:
            raise Unmeasured(f"{case.name}: {errors}")
        events = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]
        return json.loads(report.read_text())["per_rank"], events


def draw_timeline(by_name, arguments):
    name, ranks, queries, keys = TIMELINE
    if name not in by_name:
        return []
    path = RESULTS / "programs-timeline.svg"
    figures, events = measure(Case(by_name[name], ranks, queries, keys), arguments.timeout, "--repeat=3",
                              f"--timeline={path}", f"--link={LINK[0]},{LINK[1]}")
    held = len(figures) == ranks and all(rank["total_s"]["median"] > 0 for rank in figures) and path.is_file()
    held = held and {event["cat"] for event in events} >= {"kernel", "exchange"}
    return [results.row("timeline, trace and JSON of all ranks", len(events), f"{len(events)} events", "there", held)]


def get_kernels(events, step=None):
    return [event for event in events if event["cat"] == "kernel" and step in (None, event["args"]["step"])]


def get_step_seconds(events):
    """The time from each attend to the next: the periods of the steady steps."""
    starts = sorted(event["ts"] for event in get_kernels(events) if event["name"] == "attend")
    return [(later - earlier) * 1e-6 for earlier, later in zip(starts, starts[1:])]


def get_bare_seconds(events):
    """An attend and the merge that follows it, by themselves."""
    durations = {name: [event["dur"] for event in get_kernels(events) if event["name"] == name]
                 for name in ("attend", "merge")}
    if not all(durations.values()):
        raise Unmeasured("the trace has no attend or no merge")
    return sum(statistics.median(values) for values in durations.values()) * 1e-6


def make_overlap_case(program, arguments):
    """The case and options of one rank in loopback."""
    ranks = OVERLAP["ranks"]
    queries, keys = (arguments.overlap_lengths or (OVERLAP["queries"], OVERLAP["keys"]))
    return Case(program, ranks, queries * ranks, keys * ranks), ("--communicator=loopback",
                                                                 f"--repeat={arguments.repeat}")


def measure_home_parts(by_name, arguments):
    """The same ring with its home block in two parts, of which the second hides the tail."""
    if OVERLAP["home"] not in by_name:
        return []
    case, common = make_overlap_case(by_name[OVERLAP["home"]], arguments)
    rank = measure(case, arguments.timeout, *common, f"--link={LINK[0]},{LINK[1]}",
                   f"--timeline={RESULTS / 'programs-home-parts.svg'}")[0][0]
    total, tail = rank["total_s"]["median"], rank["exposed_tail_s"]["median"]
    return [results.row("exposed in the tail, two home parts", tail / total, f"{tail * 1e6:.1f} us"),
            results.row("total, two home parts", total, f"{total * 1e6:.1f} us, median of {arguments.repeat} runs")]


def measure_overlap(by_name, arguments):
    """One rank of four in loopback, its link emulated, beside the same without a link."""
    if OVERLAP["program"] not in by_name:
        return []
    queries, keys = (arguments.overlap_lengths or (OVERLAP["queries"], OVERLAP["keys"]))
    case, common = make_overlap_case(by_name[OVERLAP["program"]], arguments)
    bare = measure(case, arguments.timeout, *common)
    linked = measure(case, arguments.timeout, *common, f"--link={LINK[0]},{LINK[1]}",
                     f"--timeline={RESULTS / 'programs-overlap.svg'}")
    alone, step = get_bare_seconds(bare[1]), statistics.median(get_step_seconds(linked[1]))
    rank = linked[0][0]
    sent = [event["dur"] * 1e-6 for event in linked[1] if event["cat"] == "exchange"]
    total = rank["total_s"]["median"]
    exposed = rank["exposed_steady_s"]["median"]
    where = f"{queries} queries, {keys} keys a rank, link {LINK[0]} us, {LINK[1]} GB/s"
    return [
        results.row(f"attend and merge by themselves, {where}", alone, f"{alone * 1e6:.1f} us"),
        results.row("longest transfer", max(sent), f"{max(sent) * 1e6:.1f} us, {max(sent) / alone:.2f} of that"),
        results.row("steady step over attend and merge", step / alone, f"{step / alone:.3f}x ({step * 1e6:.1f} us)"),
        results.row("exposed in steady steps", exposed / total, f"{exposed / total:.2%} ({exposed * 1e6:.1f} us)"),
        results.row("exposed in the tail", rank["exposed_tail_s"]["median"] / total,
                    f"{rank['exposed_tail_s']['median'] * 1e6:.1f} us"),
        results.row("total", total, f"{total * 1e6:.1f} us, median of {arguments.repeat} runs"),
    ]


# ---- main --------------------------------------------------------------------------------------------------------------

def numbers(text):
    return [int(number) for number in text.split(",")]


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh programs", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="programs whose names contain this")
    parser.add_argument("--skip", default="", help=f"of {', '.join(PARTS)}, separated by commas")
    parser.add_argument("--all", action="store_true", help="all lengths on each number of ranks, not every second")
    parser.add_argument("--ranks", type=numbers, default=[1, 2, 3, 4, 8])
    parser.add_argument("--jobs", type=int, default=max(1, min(8, (os.cpu_count() or 1) - 1)),
                        help="runs at once; most of their time is that of the reference, on the CPU")
    parser.add_argument("--classes", default=",".join(sweep.CLASSES), help="of lengths of the sweep")
    parser.add_argument("--timeout", type=int, default=240, help="seconds of one run")
    parser.add_argument("--repeat", type=int, default=20, help="of what is timed")
    parser.add_argument("--long-rows", type=int, default=17000003, help="of the long tensors")
    parser.add_argument("--overlap-lengths", type=numbers, help="queries and keys of a rank")
    arguments = parser.parse_args(argv)
    arguments.skip = [part for part in arguments.skip.split(",") if part]
    if unknown := [part for part in arguments.skip if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]}; there are {', '.join(PARTS)}")
    arguments.classes = arguments.classes.split(",")
    if unknown := [word for word in arguments.classes if word not in sweep.CLASSES]:
        parser.error(f"unknown class {unknown[0]}; there are {', '.join(sweep.CLASSES)}")
    if arguments.overlap_lengths and len(arguments.overlap_lengths) != 2:
        parser.error("--overlap-lengths takes two numbers: queries,keys")
    return arguments


def run(arguments, argv):
    programs = [program for program in json.loads((PROGRAMS / "programs.json").read_text())
                if arguments.only in program["name"]]
    if not programs:
        raise Failure(f"no program is called *{arguments.only}*")
    by_name = {program["name"]: program for program in programs}
    data = {"title": "Compiled programs", "machine": describe_machine(), "command": " ".join(["run.sh programs", *argv]),
            "date": results.today(), "commit": results.commit(), "notes": [], "rows": [], "cases": []}
    if "check" not in arguments.skip:
        data["cases"] += check_all(programs, arguments)
    if "sweep" not in arguments.skip:
        rows, cases = check_sweep(by_name, arguments)
        data["rows"] += rows
        data["cases"] += cases
    if "long" not in arguments.skip and "long" in by_name:
        for case in check_long(arguments):
            print_case(case)
            data["cases"].append(case)
    if "overlap" not in arguments.skip:
        for part in (draw_timeline, measure_overlap, measure_home_parts):
            try:
                data["rows"] += part(by_name, arguments)
            except Unmeasured as reason:
                data["rows"].append(results.row(part.__name__.replace("_", " "), 0, str(reason), "there", False))
    wrong = sum(not case["held"] for case in data["cases"])
    if data["cases"]:
        data["rows"].insert(0, results.row("compiled programs that differ from float64", wrong,
                                           f"{wrong} of {len(data['cases'])} cases", "0", wrong == 0))
    for row in data["rows"]:
        print(f"{row['what']}: {row['text']}" + ("" if row["held"] is None else ", held" if row["held"] else ", NOT HELD"))
    results.save(RESULTS / "programs.json", data, SCHEMA)
    return 0 if all(row["held"] is not False for row in data["rows"]) else 1


def main(argv):
    arguments = parse(argv)
    try:
        return run(arguments, argv)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
