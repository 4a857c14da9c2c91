#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures what the README claims of the schedules, prints each figure beside its bar, and writes results/spine.json.

Every figure is a ratio taken in one run: programs are run in turn (A B A B ...), each round in a process of its own, and
the median of the rounds' ratios is reported, so that a machine whose speed drifts does not decide.
Usage: spine.py --build BUILD [--rounds N] [--output FILE]
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import results

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples/01-cross-attention/cross-attention.mlir"

# Example 01 on 4 ranks: 16 of 61 queries, 1601 of 6404 keys, 32 and 8 heads of 128 features, float32.
RUNS = 5  # of a process, after a warm-up
RANKS, QUERIES, KEYS, QUERY_HEADS, KEY_HEADS, FEATURES = 4, 16, 1601, 32, 8, 128
QUERY_BYTES = QUERIES * QUERY_HEADS * FEATURES * 4
RESULT_BYTES = QUERIES * QUERY_HEADS * (FEATURES * 4 + 4)
KEY_VALUE_BYTES = 2 * KEYS * KEY_HEADS * FEATURES * 4


class Bench:
    def __init__(self, build, rounds):
        self.bin = pathlib.Path(build).resolve() / "bin"
        self.rounds = rounds
        self.folder = tempfile.TemporaryDirectory()
        self.rows = []

    def compile(self, name, *options, source=EXAMPLE):
        program = pathlib.Path(self.folder.name) / f"{name}.so"
        subprocess.run([self.bin / "rondo-compile", source, "-o", program, *options], check=True)
        return program

    def run(self, program, *options):
        """The summary of one process."""
        summary = pathlib.Path(self.folder.name) / "summary.json"
        subprocess.run([self.bin / "rondo-run", program, f"--ranks={RANKS}", f"--repeat={RUNS}", f"--json={summary}", *options],
                       check=True, stdout=subprocess.DEVNULL)
        return json.loads(summary.read_text())

    def loopback(self, program, link=None):
        options = [f"--link=0,{link:.6f}"] if link else []
        return self.run(program, "--communicator=loopback", *options)["per_rank"][0]

    def interleave(self, *cases):
        """Runs (program, link) cases in turn; returns for each the summaries of all rounds."""
        results = [[] for _ in cases]
        for _ in range(self.rounds):
            for result, (program, link) in zip(results, cases):
                result.append(self.loopback(program, link))
        return results

    def measure_attend(self, program):
        """Seconds of one attend: compute of a whole run over its steps."""
        return statistics.median(self.loopback(program)["compute_s"]["median"] for _ in range(5)) / RANKS

    def report(self, what, value, figure, bar=None, passed=None):
        """`figure` is the value as text. Without a bar it is only reported."""
        self.rows.append(results.row(what, value, figure, bar, passed))
        verdict = "" if passed is None else "yes" if passed else "NO"
        print(f"| {what} | {figure} | {bar or 'reported'} | {verdict} |", flush=True)

    def failures(self):
        return sum(row["held"] is False for row in self.rows)



def total(summary):
    return summary["total_s"]["median"]


def steady(summary):
    """The time without the tail hop."""
    runs = zip(summary["total_s"]["runs"], summary["exposed_tail_s"]["runs"])
    return statistics.median(time - tail for time, tail in runs)


def ratio(figure, summaries, others):
    """The median of the rounds' ratios."""
    return statistics.median(figure(summary) / figure(other) for summary, other in zip(summaries, others))


def link_for(size, seconds):
    """GB/s of the link that takes `seconds` for `size` bytes."""
    return size / seconds / 1e9


def measure_errors(bench):
    """The example in each element type against its float64 evaluation."""
    summary = pathlib.Path(bench.folder.name) / "check.json"
    for element_type, bar in (("f32", 4e-6), ("f16", 6e-4), ("bf16", 4e-3)):
        source = pathlib.Path(bench.folder.name) / f"{element_type}.mlir"
        source.write_text(EXAMPLE.read_text().replace("f32", element_type))
        program = bench.compile(element_type, "--schedule=query-ring", source=source)
        subprocess.run([bench.bin / "rondo-run", program, "--check", f"--json={summary}"], check=True,
                       stdout=subprocess.DEVNULL)
        error = json.loads(summary.read_text())["check"][0]["error"]
        bench.report(f"relative error against float64, {element_type}", error, f"{error:.1e}",
                     f"<= {bar:.0e}", error <= bar)


def measure_overlap(bench, ring, synchronous):
    attend = bench.measure_attend(ring)
    link = link_for(QUERY_BYTES + RESULT_BYTES, 0.8 * attend)
    bare, linked, bare_synchronous, linked_synchronous = bench.interleave(
        (ring, None), (ring, link), (synchronous, None), (synchronous, link))
    exposed = ratio(steady, linked, bare) - 1
    bench.report(f"exposed communication in steady steps, transfer 0.8 of attend ({attend * 1e3:.2f} ms)",
                 exposed, f"{exposed:.2%}", "< 2 %", exposed < 0.02)
    loss = ratio(steady, linked_synchronous, bare_synchronous)
    bench.report("the same without overlap", loss, f"{loss:.2f}x slower", ">= 1.5x", loss >= 1.5)
    hop = 0.8 * attend * RESULT_BYTES / (QUERY_BYTES + RESULT_BYTES)
    tail = statistics.median(summary["exposed_tail_s"]["median"] for summary in linked) / hop
    waits = statistics.median(summary["exposed_steady_s"]["median"] for summary in linked)
    bench.report("of which the compute stream waited for communication", waits, f"{waits * 1e6:.0f} us")
    bench.report("tail: the last hop, exposed", tail, f"{tail:.2f} of the hop")


def measure_schedules(bench, ring, key_value_ring):
    attend = bench.measure_attend(ring)
    link = link_for(KEY_VALUE_BYTES, 20 * attend)
    query, key_value = bench.interleave((ring, link), (key_value_ring, link))
    measured = ratio(total, key_value, query)
    # docs/schedules: query ring n * max(attend, q + o) + o; key/value ring attend + (n - 1) * max(attend, kv).
    hop = lambda size: size / link / 1e9
    predicted = ((attend + (RANKS - 1) * max(attend, hop(KEY_VALUE_BYTES))) /
                 (RANKS * max(attend, hop(QUERY_BYTES + RESULT_BYTES)) + hop(RESULT_BYTES)))
    bench.report("query ring over key/value ring, K/V hop 20x attend", measured, f"{measured:.1f}x", ">= 10x",
                 measured >= 10)
    bench.report("that over what the formulas say", measured / predicted, f"{measured / predicted:.2f}", ">= 0.9",
                 measured >= 0.9 * predicted)


def measure_compilation(bench):
    times = []
    for _ in range(15):
        start = time.monotonic()
        bench.compile("timed", "--schedule=query-ring")
        times.append(time.monotonic() - start)
    seconds = statistics.median(times)
    bench.report("rondo-compile example 01, median of 15", seconds, f"{seconds:.2f} s", "< 1 s", seconds < 1)


def measure_suite(bench, build):
    start = time.monotonic()
    passed = subprocess.run(["ctest", "--test-dir", build, "-R", "^lit$"], stdout=subprocess.DEVNULL, check=False)
    seconds = time.monotonic() - start
    bench.report("lit suite", seconds, f"{seconds:.0f} s", "< 60 s", passed.returncode == 0 and seconds < 60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=20, help="processes of each case")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benchmark/results/spine.json")
    arguments = parser.parse_args()
    bench = Bench(arguments.build, arguments.rounds)
    ring = bench.compile("query-ring", "--schedule=query-ring")
    synchronous = bench.compile("no-overlap", "--schedule=query-ring", "--no-overlap")
    key_value_ring = bench.compile("kv-ring", "--schedule=kv-ring")

    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.machine())
    method = f"Medians of {arguments.rounds} interleaved rounds of {RUNS} runs."
    print(f"{model}. {method}\n")
    print("| what | measured | bar | held |\n|---|---|---|---|")
    measure_errors(bench)
    measure_overlap(bench, ring, synchronous)
    measure_schedules(bench, ring, key_value_ring)
    measure_compilation(bench)
    measure_suite(bench, arguments.build)
    results.save(arguments.output, {
        "title": "Schedules, on a CPU", "machine": f"{model}, {os.cpu_count()} cores", "command": "make bench",
        "date": results.today(), "commit": results.commit(), "notes": [method], "rows": bench.rows}, results.ROWS)
    return 1 if bench.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
