#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws docs/pictures: one rank's timeline of example 01 under either schedule, on the same emulated link.

The link is as fast as hides the query ring: its largest group travels for 0.8 of the time of one attend. Of several
runs the fastest is drawn, the one that the machine disturbed least. Usage: timelines.py --build BUILD [--runs N]
"""
import argparse
import pathlib

from spine import QUERY_BYTES, RANKS, RESULT_BYTES, ROOT, Bench, link_for

PICTURES = ROOT / "docs/pictures"
TRANSFER_OVER_ATTEND = 0.8


def drawn_total(summary):
    """Seconds of the last run, which is the one that rondo-run draws."""
    return summary["per_rank"][0]["total_s"]["runs"][-1]


def least_attend(bench, program, runs):
    """Seconds of one attend, the only kernel that takes time."""
    return min(min(bench.loopback(program)["compute_s"]["runs"]) for _ in range(runs)) / RANKS


def draw(bench, program, link, runs, picture):
    candidate = pathlib.Path(bench.folder.name) / "timeline.svg"
    fastest = float("inf")
    for _ in range(runs):
        summary = bench.run(program, "--communicator=loopback", f"--link=0,{link:.3f}", f"--timeline={candidate}")
        if drawn_total(summary) < fastest:
            fastest = drawn_total(summary)
            picture.write_text(candidate.read_text())
    print(f"{picture.relative_to(ROOT)}: {fastest * 1e3:.2f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=ROOT / "build", help="the build folder")
    parser.add_argument("--runs", type=int, default=10, help="runs of which the fastest is drawn")
    arguments = parser.parse_args()
    bench = Bench(arguments.build, rounds=1)
    PICTURES.mkdir(exist_ok=True)
    programs = {name: bench.compile(name, f"--schedule={name}") for name in ("query-ring", "kv-ring")}
    attend = least_attend(bench, programs["query-ring"], arguments.runs)
    link = link_for(RESULT_BYTES + QUERY_BYTES, TRANSFER_OVER_ATTEND * attend)
    for name, program in programs.items():
        draw(bench, program, link, arguments.runs, PICTURES / f"{name}.svg")


if __name__ == "__main__":
    main()
