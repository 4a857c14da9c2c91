#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the steps of a query ring cost beside their kernels: one rank in loopback, its link emulated, replayed from graphs.

A step is what each further rank adds to a run, so that neither the host nor the first and the last step count, and
nothing is traced. PyTorch keeps the tensors and the time. Writes steps.json into the folder that the variable RESULTS
names. Ends with 0, or with 2 if it cannot run.
"""
import argparse
import dataclasses
import os
import pathlib
import statistics
import sys
import time

import results
from bench import positive

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
HEADS, KEY_HEADS, FEATURES = 32, 8, 128
FEW, MANY = 4, 12  # ranks
LATENCY_US, SHARE = 5, 0.8  # of the link; and of the time of a step that a transfer takes
SM_BARS = {1: 1.04, 4: 1.06, 8: 1.12}
BARS = {"step": 1.03, "exposed": 0.01, "tail": 0.3, "overlap": 1.5}
SEED = 5
SCHEMA = results.ROWS | {"settings": [{"program": str, "link": bool, "sms": int, "few_us": results.NUMBER,
                                       "many_us": results.NUMBER, "step_us": results.NUMBER}]}


@dataclasses.dataclass
class Setting:
    """A program under a link (GB/s; 0: none) that takes so many multiprocessors; microseconds of a run and of a step."""
    program: str
    bandwidth: float
    sms: int = 0
    few_us: float = 0
    many_us: float = 0

    @property
    def step_us(self):
        return (self.many_us - self.few_us) / (MANY - FEW)


class Bench:
    def __init__(self, arguments):
        import torch
        from rondo_api import LOOPBACK, Communicator, Runtime
        if not torch.cuda.is_available():
            raise RuntimeError("this PyTorch sees no GPU")
        self.torch, self.arguments = torch, arguments
        self.runtime = Runtime(BUNDLE / "lib/librondo_runtime.so.0")
        self.open = lambda ranks, **options: Communicator(self.runtime, LOOPBACK, ranks, device=0, **options)
        torch.cuda.set_stream(torch.cuda.Stream())
        generator = torch.Generator("cuda").manual_seed(SEED)
        self.inputs = [torch.randn(1, heads, rows, FEATURES, device="cuda", dtype=torch.bfloat16, generator=generator)
                       for heads, rows in ((HEADS, arguments.queries), (KEY_HEADS, arguments.keys),
                                           (KEY_HEADS, arguments.keys))]
        self.outputs = [torch.empty_like(self.inputs[0]), torch.empty(1, HEADS, arguments.queries, device="cuda")]
        self.bytes = HEADS * arguments.queries * (2 * FEATURES + 4 * FEATURES + 4)  # of a steady exchange
        self.programs = {}

    def get_program(self, name):
        if name not in self.programs:
            self.programs[name] = self.runtime.load(BUNDLE / f"programs/{name}.so")
        return self.programs[name]

    def make_runs(self, setting):
        """The communicators, and a function for each that runs the program once."""
        program = self.get_program(setting.program)
        link = {"link_latency_us": LATENCY_US, "link_gb_per_s": setting.bandwidth} if setting.bandwidth else {}
        ranks = [self.open(count, graphs=1, link_sms=setting.sms, **link) for count in (FEW, MANY)]
        for communicator in ranks:
            communicator.set_stream(self.torch.cuda.current_stream())
        runs = [lambda one=one: one.run(program, self.inputs, self.outputs) for one in ranks]
        for run in runs:
            for _ in range(4):
                run()
        return ranks, runs

    def time(self, run):
        begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(self.arguments.launches):
            run()
        end.record()
        self.torch.cuda.synchronize()
        return begin.elapsed_time(end) * 1e3 / self.arguments.launches

    def measure(self, settings):
        """All settings take turns in each round."""
        made = [self.make_runs(setting) for setting in settings]
        times = [([], []) for _ in settings]
        for _ in range(self.arguments.rounds):
            for (_, runs), of_setting in zip(made, times):
                time.sleep(0.02)
                for run, of_run in zip(runs, of_setting):
                    of_run.append(self.time(run))
        for setting, (few, many), (ranks, _) in zip(settings, times, made):
            setting.few_us, setting.many_us = statistics.median(few), statistics.median(many)
            for communicator in ranks:
                communicator.close()

    def measure_bare(self):
        """Microseconds of an attend and a merge, by the trace of a ring without a link."""
        from rondo_api import KERNEL
        alone = self.open(FEW)
        alone.set_stream(self.torch.cuda.current_stream())
        program = self.get_program("llama-query-ring")
        of_name = {"attend": [], "merge": []}
        for _ in range(self.arguments.rounds + 2):
            for event in alone.trace(lambda: alone.run(program, self.inputs, self.outputs)):
                if event.kind == KERNEL and event.name in of_name and event.step > 0:
                    of_name[event.name].append(event.end - event.begin)
        alone.close()
        return sum(statistics.median(times) for times in of_name.values()) * 1e6


def ratio(what, value, bar, text, at_least=False):
    held = round(value, 3) >= bar if at_least else round(value, 3) <= bar
    return results.row(what, value, text, f"{'>=' if at_least else '<='} {bar}", held)


def get_tail(plain, linked):
    """By how much a link makes a run longer, but for its steady steps: microseconds."""
    return (linked.few_us - plain.few_us) - (FEW - 1) * (linked.step_us - plain.step_us)


def get_rows(bare, transfer, plain, linked, waits, home, home_linked, taken):
    exposed = max(0, linked.step_us - plain.step_us) / linked.step_us
    tail, home_tail = get_tail(plain, linked), get_tail(home, home_linked)
    rows = [
        results.row("attend and merge by themselves", bare, f"{bare:.1f} us"),
        results.row("transfer", transfer, f"{transfer:.1f} us, {transfer / plain.step_us:.2f} of a step without a link"),
        ratio("steady step over attend and merge", linked.step_us / bare, BARS["step"],
              f"{linked.step_us / bare:.3f}x ({linked.step_us:.1f} us)"),
        results.row("exposed in a steady step: its time over that without a link", exposed,
                    f"{exposed:.2%} ({linked.step_us:.1f} against {plain.step_us:.1f} us)", "< 1 %",
                    exposed < BARS["exposed"]),
        ratio("without overlap over it", waits.step_us / linked.step_us, BARS["overlap"],
              f"{waits.step_us / linked.step_us:.2f}x", at_least=True),
        results.row("tail hop", tail, f"{tail:.1f} us"),
        ratio("tail hop, the home block in two parts, over the hop", home_tail / tail, BARS["tail"],
              f"{home_tail / tail:.2f} ({home_tail:.1f} us)"),
        results.row(f"run of {FEW} ranks, two home parts over one", home_linked.few_us / linked.few_us,
                    f"{home_linked.few_us / linked.few_us:.3f}x ({home_linked.few_us:.1f} us)"),
    ]
    return rows + [ratio(f"steady step over attend and merge, a transfer takes {one.sms} multiprocessors",
                         one.step_us / bare, SM_BARS[one.sms], f"{one.step_us / bare:.3f}x ({one.step_us:.1f} us)")
                   for one in taken]


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh steps", description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=positive, default=63, help="of the rank")
    parser.add_argument("--keys", type=positive, default=76848)
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument("--launches", type=positive, default=10, help="that are timed together")
    return parser.parse_args(argv)


def run(argv):
    from machine import describe_machine
    arguments = parse(argv)
    bench = Bench(arguments)
    bare = bench.measure_bare()
    transfer = SHARE * bare
    bandwidth = bench.bytes / (transfer - LATENCY_US) * 1e-3
    ring, home, waits = (f"llama-query-ring{suffix}" for suffix in ("", "-home", "-waits"))
    settings = [Setting(ring, 0), Setting(ring, bandwidth), Setting(waits, bandwidth), Setting(home, 0),
                Setting(home, bandwidth), *(Setting(ring, bandwidth, sms) for sms in SM_BARS)]
    bench.measure(settings)
    data = {"title": "Steps of a ring", "machine": describe_machine(), "command": " ".join(["run.sh steps", *argv]),
            "date": results.today(), "commit": results.commit(),
            "notes": [f"One rank of {FEW} and of {MANY} in loopback, {arguments.queries} queries and {arguments.keys} keys "
                      f"a rank, a link of {LATENCY_US} us and {bandwidth:.1f} GB/s."],
            "rows": get_rows(bare, transfer, *settings[:5], settings[5:]),
            "settings": [{"program": one.program, "link": one.bandwidth > 0, "sms": one.sms, "few_us": one.few_us,
                          "many_us": one.many_us, "step_us": one.step_us} for one in settings]}
    for one in data["settings"]:
        print(f"  {one['program']:<24} {'link' if one['link'] else '    '} {one['sms']} SMs  {FEW} ranks {one['few_us']:8.1f} "
              f"us  {MANY} ranks {one['many_us']:8.1f} us  step {one['step_us']:.1f} us")
    for row in data["rows"]:
        held = "" if row["held"] is None else ", held" if row["held"] else ", NOT HELD"
        print(f"{row['what']}: {row['text']}{held}", flush=True)
    results.save(RESULTS / "steps.json", data, SCHEMA)
    return 0


def main(argv):
    try:
        return run(argv)
    except (ImportError, OSError, RuntimeError) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
