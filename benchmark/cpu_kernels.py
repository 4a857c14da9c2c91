#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures the CPU kernels beside a BLAS and the machine's multiply-add peak, and writes benchmark/results/cpu.json.

Every figure is a ratio taken in one process: rondo-cpu-bench executes all cases in turn, round after round, and the
median of the rounds' ratios is reported, so that a machine whose speed drifts does not decide. What one core does is
measured in processor time of its thread, so that other work on the machine does not count; only the row of two threads
is by the clock on the wall and needs two idle cores.
Usage: cpu_kernels.py --build BUILD [--rounds N] [--blas LIBRARY] [--output FILE] [--realtime] [--quick]
"""
import argparse
import ctypes.util
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import results

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples/01-cross-attention/cross-attention.mlir"
RANKS = 4  # of the example
FEATURES = 128
IDLE_CORES = 1.9  # what two idle cores reach at least, relative to one
TYPES = ("f32", "f16", "bf16")

PROGRAM = """rondo.grid @one = ["seq" = 1]
func.func @attention(%q: {rows} {sharding}, %k: {columns} {sharding}, %v: {columns} {sharding})
    -> ({rows} {sharding}) {{
  %o = rondo.attention %q, %k, %v{causal} : ({rows}, {columns}, {columns}) -> {rows}
  return %o : {rows}
}}
"""


class Shape:
    """Heads of queries and of keys, and the lengths."""

    def __init__(self, query_heads, key_heads, queries, keys):
        self.query_heads, self.key_heads, self.queries, self.keys = query_heads, key_heads, queries, keys

    def __str__(self):
        return f"{self.query_heads}/{self.key_heads} heads, {self.queries} x {self.keys}"

    def spell(self, element):
        """As rondo-cpu-bench takes it."""
        return f"{element},1,{self.query_heads},{self.key_heads},{self.queries},{self.keys},{FEATURES}"

    def operations(self):
        """Floating-point operations of the two products."""
        return 4 * self.query_heads * self.queries * self.keys * FEATURES

    def program(self, element, causal):
        tensor = lambda heads, length: f"tensor<1x{heads}x{length}x{FEATURES}x{element}>"
        return PROGRAM.format(rows=tensor(self.query_heads, self.queries), columns=tensor(self.key_heads, self.keys),
                              sharding='{rondo.sharding = #rondo.sharding<@one, [{}, {}, {"seq"}, {}]>}',
                              causal=" causal top_left" if causal else "")


# The example's shard, the example as a whole, a long one, and a square.
SHARD, GLOBAL = Shape(32, 8, 16, 1601), Shape(32, 8, 61, 6404)
LONG, SQUARE = Shape(8, 8, 1024, 4096), Shape(4, 4, 2048, 2048)
QUICK_LONG, QUICK_SQUARE = Shape(2, 2, 40, 100), Shape(2, 2, 70, 70)


class Bench:
    def __init__(self, build, folder):
        self.bin = pathlib.Path(build).resolve() / "bin"
        self.folder = pathlib.Path(folder)
        self.cases = {}

    def compile(self, name, source, *options):
        program = self.folder / f"{name}.so"
        subprocess.run([self.bin / "rondo-compile", source, "-o", program, *options], check=True)
        return program

    def compile_shape(self, name, shape, element="f32", causal=False):
        source = self.folder / f"{name}.mlir"
        source.write_text(shape.program(element, causal))
        return self.compile(name, source)

    def add_kernels(self, name, shape, element="f32", causal=False):
        program = self.compile_shape(name, shape, element, causal)
        self.cases[name] = f"kernels:{shape.spell(element)}:{program}:1:attend"

    def measure(self, rounds, seconds, blas, realtime):
        # OpenBLAS as it comes.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        cases = [f"{name}={case}" for name, case in self.cases.items()]
        priority = ["chrt", "--fifo", "1"] if realtime else []
        command = [*priority, self.bin / "rondo-cpu-bench", str(rounds), str(seconds), blas or "-", *cases]
        finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        return Measured(json.loads(finished.stdout))


class Measured:
    """What rondo-cpu-bench printed, and the rows made of it."""

    def __init__(self, data):
        self.data, self.rows = data, []

    def times(self, case, clock):
        return [times[clock] for times in self.data["cases"][case]]

    def ratio(self, case, other, clock="cpu"):
        """How many times longer `case` took than `other`."""
        return statistics.median(a / b for a, b in zip(self.times(case, clock), self.times(other, clock)))

    def rate(self, case, operations):
        return operations / statistics.median(self.times(case, "cpu")) / 1e9

    def add(self, what, value, text, bar=None, held=None):
        self.rows.append(results.row(what, value, text, bar, held))
        print(f"| {what} | {text} | {bar or ''} | {'' if held is None else 'yes' if held else 'NO'} |", flush=True)

    def add_at_least(self, what, value, bar, unit=""):
        self.add(what, value, f"{value:.2f}{unit}", f">= {bar}{unit}", value >= bar)


def add_cases(bench, shapes, blas):
    shard, long, square, whole = shapes
    bench.cases["peak"] = "peak:1"
    for name, shape in (("shard", shard), ("long", long)):
        for element in TYPES:
            bench.add_kernels(f"{name}-{element}", shape, element)
        if blas:
            bench.cases[f"{name}-blas"] = f"blas:{shape.spell('f32')}"
    bench.add_kernels("dense", square)
    bench.add_kernels("causal", square, causal=True)
    bench.cases["two-cores-before"] = "peak:2"
    for threads in (1, 2):
        bench.cases[f"threads-{threads}"] = f"run:{square.spell('f32')}:{bench.folder / 'dense.so'}:1:threads:{threads}"
    bench.cases["two-cores-after"] = "peak:2"
    ring = bench.compile("ring", EXAMPLE, "--schedule=query-ring")
    bench.cases["loopback"] = f"run:{whole.spell('f32')}:{ring}:{RANKS}:loopback:1"
    bench.cases["attends"] = f"kernels:{SHARD.spell('f32')}:{ring}:{RANKS}:attend"


def add_rows(measured, shapes, blas):
    shard, long, square, whole = shapes
    peak = measured.data["peak_operations"]
    measured.add("multiply-add peak of one core", measured.rate("peak", peak),
                 f"{measured.rate('peak', peak):.0f} GFLOP/s")
    for name, shape, bar in (("shard", shard, 0.8), ("long", long, 0.85)):
        rate = measured.rate(f"{name}-f32", shape.operations())
        measured.add(f"attend f32, {shape}", rate, f"{rate:.0f} GFLOP/s")
        if blas:
            measured.add_at_least("the same over OpenBLAS sgemm of its two products",
                                  measured.ratio(f"{name}-blas", f"{name}-f32"), bar)
        share = measured.ratio("peak", f"{name}-f32") * shape.operations() / peak
        measured.add_at_least("the same over the multiply-add peak", share, 0.7)
        for element in TYPES[1:]:
            measured.add_at_least(f"{element} over f32, {shape}",
                                  measured.ratio(f"{name}-f32", f"{name}-{element}"), 0.9)
    measured.add_at_least(f"causal over dense, {square}", measured.ratio("dense", "causal"), 1.7, "x")
    add_threads(measured, square)
    whole_run = measured.ratio("loopback", "attends")
    measured.add(f"thread time of a whole run in loopback over its attends, {whole} on {RANKS} ranks", whole_run,
                 f"{whole_run:.3f}", "<= 1.05", whole_run <= 1.05)


def add_threads(measured, square):
    """Two threads count in rounds in which other work left them two cores: the multiply-add loop beside them tells. One
    thread alone takes as long as its processor time."""
    what = f"two threads a rank over one, {square}"
    speedups = [one / two for one, two in zip(measured.times("threads-1", "cpu"), measured.times("threads-2", "wall"))]
    beside = zip(measured.times("two-cores-before", "wall"), measured.times("two-cores-after", "wall"))
    cores = [2 * one / max(times) for one, times in zip(measured.times("peak", "cpu"), beside)]
    idle = [index for index, count in enumerate(cores) if count >= IDLE_CORES]
    if idle:
        measured.add_at_least(f"{what}, in {len(idle)} rounds with two idle cores",
                              statistics.median(speedups[index] for index in idle), 1.8, "x")
    else:
        speedup = statistics.median(speedups)
        measured.add(f"{what}, the cores being busy", speedup, f"{speedup:.2f}x")
    count = statistics.median([cores[index] for index in idle] or cores)
    measured.add("the multiply-add peak of two cores over one, in the same rounds", count, f"{count:.2f}x")


def find_blas():
    """The path of an OpenBLAS: that of this Python's numpy, or the system's; None if there is neither."""
    numpy = importlib.util.find_spec("numpy")
    if numpy and numpy.origin:
        bundled = sorted(pathlib.Path(numpy.origin).parent.parent.glob("numpy.libs/*openblas*"))
        if bundled:
            return str(bundled[0])
    return ctypes.util.find_library("openblas")


def describe_machine():
    fields = {}
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    vectors = "AVX-512" if "avx512f" in fields.get("flags", "").split() else "AVX2"
    return (f"{fields.get('model name', platform.machine())} (family {fields.get('cpu family', '?')}, model "
            f"{fields.get('model', '?')}), {os.cpu_count()} cores, {vectors}, {system}")


def write(path, measured, arguments, blas):
    notes = [f"Medians of {arguments.rounds} interleaved rounds; {FEATURES} features. One core is measured in "
             "processor time of its thread."]
    notes.append(f"OpenBLAS: {measured.data['blas']}, one thread, rows of grouped heads as one matrix." if blas else
                 "No OpenBLAS was found (--blas, or numpy's, or the system's): the rows that need it are missing.")
    results.save(path, {
        "title": "Kernels, on a CPU", "machine": describe_machine(),
        "command": "benchmark/cpu_kernels.py" + (" --realtime" if arguments.realtime else ""), "date": results.today(),
        "commit": results.commit(), "notes": notes, "rows": measured.rows}, results.ROWS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=ROOT / "build", help="the build folder")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--blas", help="a library with cblas_sgemm")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benchmark/results/cpu.json")
    parser.add_argument("--realtime", action="store_true", help="keep other work off the cores; needs privileges")
    parser.add_argument("--quick", action="store_true", help="try everything once on small shapes; bars do not count")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    blas = arguments.blas or find_blas()
    shapes = (SHARD, QUICK_LONG, QUICK_SQUARE, GLOBAL) if arguments.quick else (SHARD, LONG, SQUARE, GLOBAL)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.build, folder)
        add_cases(bench, shapes, blas)
        measured = bench.measure(arguments.rounds, 0 if arguments.quick else 0.05, blas, arguments.realtime)
    print(f"{describe_machine()}\n\n| what | measured | bar | held |\n|---|---|---|---|")
    add_rows(measured, shapes, blas)
    write(arguments.output, measured, arguments, blas)
    missed = [row["what"] for row in measured.rows if row["held"] is False]
    return 1 if missed and not arguments.quick else 0


if __name__ == "__main__":
    sys.exit(main())
