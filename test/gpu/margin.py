#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times the Llama query ring under several SM margins: by NCCL on two GPUs, and by loopback on one, with an emulated link
that takes multiprocessors. Says whether the margin that the runtime chooses is the best one.

It prints a table and writes margin.json into the folder that the variable RESULTS names. Ends with 0 if everything was
measured, 1 if not, 2 if it cannot run. Figures beside their bars are in the JSON; they do not change how it ends.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import programs
import results
from machine import count_gpus, describe_machine
from nccl_job import find_nccl, free_port, get_place

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
SWEEP, PROGRAM = BUNDLE / "bin/margin_sweep", BUNDLE / "programs/llama-query-ring.so"
NUMBER = (float, int)
SCHEMA = results.ROWS | {"gpus": int, "nccl": str, "settings": [{
    "kind": str, "rank": int, "register": bool, "margin": int, "ctas": int, "sms": int, "used_margin": int,
    "used_ctas": int, "ring_us": NUMBER, "step_us": NUMBER, "attend_us": NUMBER, "merge_us": NUMBER,
    "transfer_us": NUMBER, "total_us": NUMBER}]}
CHOSEN = -1  # by the runtime
MARGINS, CTAS = (CHOSEN, 0, 1, 2, 4, 8), (CHOSEN, 1, 2, 4, 8)
# With so many multiprocessors taken by an emulated link, the most that a steady step may take of its kernels alone.
BARS = {1: 1.04, 4: 1.06, 8: 1.12}
NEAR = 1.02  # of the best margin of 0, 4, 8
LOOPBACK_RANKS = 4


class Failure(Exception):
    """Why something was not measured."""


def name(number):
    return "chosen" if number == CHOSEN else str(number)


def get_lines(processes, timeout):
    """The lines of JSON of all processes."""
    lines = []
    try:
        for process in processes:
            output, errors = process.communicate(timeout=timeout)
            if process.returncode != 0:
                raise Failure(errors.strip() or f"status {process.returncode}")
            lines += [json.loads(line) for line in output.splitlines()]
    except subprocess.TimeoutExpired:
        raise Failure(f"no end in {timeout} s") from None
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return lines


def sweep(arguments, kind, settings, environments):
    command = [SWEEP, PROGRAM, *map(str, arguments.lengths), kind, str(arguments.runs),
               *(",".join(map(str, setting)) for setting in settings)]
    return get_lines([subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE) for environment in environments], arguments.timeout)


def place_ranks(arguments, register):
    port, one_gpu = free_port(), arguments.gpus < 2
    return [{**os.environ, **get_place(rank, 2, port, one_gpu, arguments.nccl), "RONDO_NCCL_REGISTER": str(int(register))}
            for rank in range(2)]


def sweep_copies(arguments):
    """Transfers by copy engines, for which there need be no room."""
    for line in sweep(arguments, "copies", [(margin, CHOSEN, 0) for margin in (CHOSEN, 0)], place_ranks(arguments, False)):
        yield line | {"register": False}


def sweep_nccl(arguments):
    for register in arguments.register:
        first = register == arguments.register[0]
        settings = [(margin, ctas, 0) for ctas in arguments.ctas for margin in arguments.margins
                    if first or margin in (CHOSEN, 0)]
        for line in sweep(arguments, "nccl", settings, place_ranks(arguments, register)):
            yield line | {"register": register}


def sweep_loopback(arguments):
    settings = [(0, CHOSEN, -1), *((margin, CHOSEN, sms) for sms in BARS for margin in arguments.margins)]
    for line in sweep(arguments, f"loopback:{LOOPBACK_RANKS}", settings, [os.environ]):
        yield line | {"register": False}


def print_table(lines):
    print(f"{'kind':9} {'CTAs':>7} {'SMs':>4} {'margin':>7} {'regist.':>7} | {'margin':>6} {'CTAs':>5} "
          f"{'ring us':>9} {'step us':>9} {'attend us':>9} {'transfer us':>11} {'total us':>9}")
    for line in lines:
        print(f"{line['kind']:9} {name(line['ctas']):>7} {line['sms']:>4} {name(line['margin']):>7} "
              f"{'yes' if line['register'] else 'no':>7} | {line['used_margin']:>6} {line['used_ctas']:>5} "
              f"{line['ring_us']:>9.1f} {line['step_us']:>9.1f} {line['attend_us']:>9.1f} {line['transfer_us']:>11.1f} "
              f"{line['total_us']:>9.1f}", flush=True)


def find(lines, figure, **wanted):
    """The largest of the ranks."""
    return max(line[figure] for line in lines if all(line[key] == value for key, value in wanted.items()))


def compare(lines, figure, what, **wanted):
    """The chosen margin beside the best one of the sweep."""
    measured = [margin for margin in (0, 4, 8) if any(line["margin"] == margin and line["sms"] >= 0 for line in lines)]
    best = min(measured, key=lambda margin: find(lines, figure, margin=margin, **wanted))
    ratio = find(lines, figure, margin=CHOSEN, **wanted) / find(lines, figure, margin=best, **wanted)
    used = find(lines, "used_margin", margin=CHOSEN, **wanted)
    return results.row(f"{what}: chosen margin over the best of 0, 4, 8", ratio,
                       f"{ratio:.3f}x: {used}, beside {best}", f"<= {NEAR}", ratio <= NEAR)


def judge_loopback(lines):
    bare = find(lines, "attend_us", sms=-1) + find(lines, "merge_us", sms=-1)
    for sms, bar in BARS.items():
        step = find(lines, "step_us", sms=sms, margin=CHOSEN)
        yield results.row(f"loopback, {sms} multiprocessors taken: steady step over attend and merge", step / bare,
                          f"{step / bare:.3f}x ({step:.1f} us)", f"<= {bar}", step / bare <= bar)
        yield compare(lines, "step_us", f"loopback, {sms} multiprocessors taken", sms=sms)


def judge_nccl(lines, registers):
    ctas_of_sweep = list(dict.fromkeys(line["ctas"] for line in lines))
    for ctas in ctas_of_sweep:
        yield compare(lines, "ring_us", f"NCCL, CTAs: {name(ctas)}", ctas=ctas, register=registers[0])
    fastest = min(find(lines, "ring_us", ctas=ctas, margin=CHOSEN, register=registers[0])
                  for ctas in ctas_of_sweep)
    ratio = find(lines, "ring_us", ctas=CHOSEN, margin=CHOSEN, register=registers[0]) / fastest
    yield results.row("NCCL: chosen CTAs over the best of the sweep", ratio, f"{ratio:.3f}x", f"<= {NEAR}", ratio <= NEAR)
    if len(registers) > 1:
        for figure in ("ring_us", "transfer_us"):
            first, second = (find(lines, figure, ctas=CHOSEN, margin=CHOSEN, register=register)
                             for register in (True, False))
            yield results.row(f"NCCL, {figure[:-3]}: registered buffers over others", first / second,
                              f"{first / second:.3f}x ({first:.1f} us, {second:.1f} us)")


def compare_copies(lines, copies):
    if not copies:
        return
    by_nccl = find(lines, "ring_us", ctas=CHOSEN, margin=CHOSEN, register=lines[0]["register"])
    by_copies = find(copies, "ring_us", margin=CHOSEN)
    yield results.row("transfers by NCCL over those by copy engines", by_nccl / by_copies,
                      f"{by_nccl / by_copies:.3f}x ({by_nccl:.1f} us, {by_copies:.1f} us)")


def choices(text):
    """Numbers, or "chosen" for what the runtime chooses, which is measured in any case."""
    return list(dict.fromkeys([CHOSEN, *(CHOSEN if word == "chosen" else int(word) for word in text.split(","))]))


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh margin", description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","),
                        help="nccl, loopback; default: both, with one GPU loopback alone")
    parser.add_argument("--runs", type=int, default=20, help="of each setting")
    parser.add_argument("--register", type=lambda text: [word == "yes" for word in text.split(",")], default=[True, False],
                        help="NCCL with registered buffers: yes, no or both; all settings with the first")
    parser.add_argument("--margins", type=choices, default=MARGINS, help="sm_margin; 0 is needed, and 4 and 8 are compared")
    parser.add_argument("--ctas", type=choices, default=CTAS, help="nccl_ctas")
    parser.add_argument("--lengths", type=programs.numbers, default=[programs.OVERLAP["queries"], programs.OVERLAP["keys"]],
                        help="queries and keys of a rank")
    parser.add_argument("--gpus", type=int, default=count_gpus(), help="how many there are")
    parser.add_argument("--timeout", type=int, default=120, help="seconds of one sweep")
    arguments = parser.parse_args(argv)
    arguments.only = arguments.only or (["nccl", "loopback"] if arguments.gpus > 1 else ["loopback"])
    if unknown := set(arguments.only) - {"nccl", "loopback"}:
        parser.error(f"unknown kind {min(unknown)}; there are nccl and loopback")
    if 0 not in arguments.margins:
        parser.error("--margins lacks 0")
    if len(arguments.lengths) != 2:
        parser.error("--lengths takes two numbers: queries,keys")
    return arguments


def main(argv):
    arguments = parse(argv)
    arguments.nccl = find_nccl()
    data = {"title": "Room for transfers beside attention", "machine": describe_machine(),
            "command": " ".join(["run.sh margin", *argv]), "date": results.today(), "commit": results.commit(),
            "gpus": arguments.gpus, "nccl": arguments.nccl or "the linker's", "rows": [], "settings": [],
            "notes": ["Two ranks share a GPU: their times are no measure."] if arguments.gpus < 2 else []}
    failed = False
    for kind, measure, judge in (("loopback", sweep_loopback, judge_loopback),
                                 ("nccl", sweep_nccl, lambda lines: judge_nccl(lines, arguments.register))):
        if kind not in arguments.only:
            continue
        try:
            lines = list(measure(arguments))
            copies = list(sweep_copies(arguments)) if kind == "nccl" else []
        except Failure as failure:
            print(f"error: {kind}: {failure}", file=sys.stderr)
            if programs.NO_GPU in str(failure):
                return 2
            failed = True
            continue
        print_table(lines + copies)
        data["settings"] += lines + copies
        data["rows"] += [*judge(lines), *compare_copies(lines, copies)]
    for row in data["rows"]:
        verdict = {True: "held ", False: "MISSED", None: "     "}[row["held"]]
        print(f"{verdict:6} {row['what']}: {row['text']}" + (f", bar {row['bar']}" if row["bar"] else ""))
    results.save(RESULTS / "margin.json", data, SCHEMA)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
