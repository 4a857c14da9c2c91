#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One rank of `run.sh multi`, on its own GPU: started by multi.py with the environment that torchrun would set.

Every rank does the same, in the same order. Rank 0 prints, and writes what was measured as JSON.
"""
import json
import math
import os
import pathlib
import statistics
import sys
import time
import types

import torch
import torch.distributed as distributed

import oracle
from distributed_peers import make_peers
from rondo_api import BY_NCCL, EXCHANGE, KERNEL, LOOPBACK, NCCL, Communicator, RondoError, Runtime

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
SEED = 11
WAYS = {"copy engines": {}, "copy engines, graphs": {"graphs": 1}, "NCCL": {"transfers": BY_NCCL},
        "NCCL, graphs": {"transfers": BY_NCCL, "graphs": 1}}
RANK, RANKS, LOCAL_RANK = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))


def say(*words):
    if RANK == 0:
        print(*words, flush=True)


def largest(*values):
    """Of each, over all ranks: what fails or lasts on one, does so for all."""
    tensor = torch.tensor(values, dtype=torch.float64, device="cuda")
    distributed.all_reduce(tensor, op=distributed.ReduceOp.MAX)
    return tensor.tolist()


# ---- Problems --------------------------------------------------------------------------------------------------------

class Problem:
    """A program, its global inputs, and this rank's shards. The same numbers are made on every rank."""

    def __init__(self, runtime, program, queries, keys):
        self.program, self.queries, self.keys = types.SimpleNamespace(**program), queries, keys
        self.code = runtime.load(BUNDLE / "programs" / f"{self.program.name}.so")
        value_features = self.program.value_features or self.program.features
        shapes = [(self.program.heads, queries, self.program.features),
                  (self.program.key_heads, keys, self.program.features), (self.program.key_heads, keys, value_features)]
        dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[self.program.element]
        generator = torch.Generator("cuda").manual_seed(SEED)
        self.whole = [torch.randn(self.program.batches, *shape, device="cuda", dtype=dtype, generator=generator)
                      for shape in shapes]
        is_local = self.program.schedule == "local"
        self.shards = [self.whole[0][:, :, self.rows(queries)].contiguous()]
        self.shards += [tensor if is_local else tensor[:, :, self.rows(keys)].contiguous() for tensor in self.whole[1:]]
        rows = self.shards[0].shape[2]
        size = (self.program.batches, self.program.heads, rows)
        self.output = torch.empty(*size, value_features, device="cuda", dtype=dtype)
        self.lse = torch.empty(*size, device="cuda")

    @classmethod
    def of_shards(cls, other):
        """What one rank would do with these shards if there were no others."""
        problem = cls.__new__(cls)
        problem.__dict__.update(other.__dict__)
        problem.output, problem.lse = torch.empty_like(other.output), torch.empty_like(other.lse)
        return problem

    @staticmethod
    def rows(length):
        block = -(-length // RANKS)
        return slice(min(RANK * block, length), min((RANK + 1) * block, length))

    def run(self, communicator):
        communicator.run(self.code, self.shards, [self.output, self.lse])

    def get_errors(self, communicator):
        """Of a run over poisoned outputs: of O and LSE, the largest of all ranks'."""
        self.output.fill_(math.nan)
        self.lse.fill_(math.nan)
        self.run(communicator)
        torch.cuda.synchronize()
        query, key, value = self.whole
        reference = oracle.attend(torch, self.shards[0], key + key if self.program.doubled else key, value,
                                  self.program.mask, self.rows(self.queries).start, self.queries)
        if self.program.tripled:
            reference = (3 * reference[0], reference[1])
        return largest(*oracle.get_errors(torch, self.output, self.lse, reference))


def describe(overlap):
    return (f"step {overlap['step_us']:.1f} us, bare {overlap['bare_us']:.1f} us, transfer {overlap['transfer_us']:.1f} us, "
            f"exposed {overlap['exposed_us']:.1f} ({overlap['idle_us']:.1f} alone) + {overlap['tail_us']:.1f} us, total "
            f"{overlap['total_us']:.1f} us")


def check(problem, way, communicator):
    """The third run of a graph is a replay."""
    output, lse = [max(errors) for errors in zip(*(problem.get_errors(communicator) for _ in range(3)))]
    held = output <= oracle.TOLERANCES[problem.program.element] and lse <= oracle.LSE_TOLERANCE
    name = f"{problem.program.name}, {problem.queries} queries, {problem.keys} keys, {way}"
    say(f"{'ok   ' if held else 'WRONG'} {RANKS} ranks  {name}  output {output:.1e}  lse {lse:.1e}")
    return {"case": name, "ranks": RANKS, "output_error": output if math.isfinite(output) else None,
            "lse_error": lse if math.isfinite(lse) else None, "held": held}


# ---- Times -----------------------------------------------------------------------------------------------------------

def time_together(run, launches):
    """Milliseconds of one run, on the slowest rank."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    distributed.barrier()
    torch.cuda.synchronize()
    begin.record()
    for _ in range(launches):
        run()
    end.record()
    torch.cuda.synchronize()
    return largest(begin.elapsed_time(end) / launches)[0]


def time_host(run, launches):
    """Microseconds that one call takes, which returns before its work is over; on the slowest rank."""
    times = []
    for _ in range(launches):
        distributed.barrier()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    torch.cuda.synchronize()
    return largest(statistics.median(times))[0] * 1e6


def time_in_turn(runs, rounds, launches):
    """The median of each over rounds in which all take their turn."""
    times = [[] for _ in runs]
    for number in range(rounds):
        order = range(len(runs)) if number % 2 == 0 else reversed(range(len(runs)))
        for i in order:
            time.sleep(0.03)
            times[i].append(time_together(runs[i], launches))
    return [statistics.median(of_one) for of_one in times]


def try_peers(problem, shape):
    """Those that run, and compute what we do; and what the others say."""
    peers, notes = make_peers(torch, distributed, shape, RANKS, *problem.shards)
    able, unable = [], []
    for peer in peers:
        reason = None
        try:
            difference = float((peer.run().float() - problem.output.float()).norm() / problem.output.float().norm())
            torch.cuda.synchronize()
            if difference > 0.02:
                reason = f"differs from ours by {difference:.1e}"
        except (RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
        if largest(reason is not None)[0]:
            unable.append({"name": peer.name, "ms": None, "failed": reason or "fails on another rank"})
        else:
            able.append(peer)
    return able, unable, notes


def get_medians(events):
    """Seconds of one attend and of the merge after it, each by itself."""
    of_name = {name: [event.end - event.begin for event in events if event.kind == KERNEL and event.name == name]
               for name in ("attend", "merge")}
    return sum(statistics.median(durations) for durations in of_name.values() if durations)


def get_steps(traces):
    """Seconds from each attend to the next of its run."""
    steps = []
    for events in traces:
        starts = sorted(event.begin for event in events if event.kind == KERNEL and event.name == "attend")
        steps += [later - earlier for earlier, later in zip(starts, starts[1:])]
    return steps


def trace(problem, communicator, runs):
    """Of each run its events; and its statistics."""
    traces, figures = [], []
    for _ in range(2):
        problem.run(communicator)
    for _ in range(runs):
        distributed.barrier()
        traces.append(communicator.trace(lambda: problem.run(communicator)))
        figures.append(communicator.statistics())
    return traces, figures


def measure_overlap(problem, communicator, bare, runs):
    """Medians of traced runs, of the slowest rank, in microseconds; beside those of measure_bare."""
    traces, figures = trace(problem, communicator, runs)

    def median(name):
        return statistics.median(figure[name] for figure in figures)
    exchanges = [event.end - event.begin for events in traces for event in events if event.kind == EXCHANGE]
    values = largest(*bare, statistics.median(get_steps(traces) or [0]), median("total"),
                     median("exposed") - median("exposed_tail"), median("exposed_tail"),
                     statistics.median(exchanges or [0]))
    names = ("bare_us", "idle_us", "step_us", "total_us", "exposed_us", "tail_us", "transfer_us")
    return {name: value * 1e6 for name, value in zip(names, values)}


def open_communicator(runtime, kind, ranks, **options):
    """In the order of PyTorch's stream, on which inputs are made and outputs are read."""
    communicator = Communicator(runtime, kind, ranks, **options)
    communicator.set_stream(torch.cuda.current_stream())
    return communicator


def measure_bare(runtime, problem, runs):
    """Of one rank that is alone on its GPU, whose sends come back at once: seconds of an attend and a merge, and of waits
    in steady steps."""
    alone = open_communicator(runtime, LOOPBACK, RANKS, device=LOCAL_RANK)
    traces, figures = trace(problem, alone, runs)
    alone.close()
    idle = statistics.median(figure["exposed"] - figure["exposed_tail"] for figure in figures)
    return statistics.median(get_medians(events) for events in traces), idle


# ---- Parts -----------------------------------------------------------------------------------------------------------

def check_all(runtime, communicators, work):
    cases = []
    for program in work["programs"]:
        for queries, keys in work["lengths"]:
            problem = Problem(runtime, program, queries, keys)
            cases += [check(problem, way, communicator) for way, communicator in communicators.items()]
    return cases


def measure_shape(runtime, communicators, work, shape):
    """Both rings in all ways beside the peers, with the shape's lengths on every rank."""
    problems = [Problem(runtime, work["by_name"][f"{shape.name}-{ring}"], shape.queries * RANKS, shape.keys * RANKS)
                for ring in ("query-ring", "kv-ring")]
    home = f"{shape.name}-query-ring-home"
    if home in work["by_name"]:
        problems.append(Problem(runtime, work["by_name"][home], shape.queries * RANKS, shape.keys * RANKS))
    ours = [(problem, *entry) for problem in problems for entry in communicators.items()]
    cases = [check(*one) for one in ours]
    able, unable, notes = try_peers(problems[0], shape)
    runs = [lambda problem=problem, communicator=communicator: problem.run(communicator)
            for problem, _, communicator in ours]
    alone = open_communicator(runtime, LOOPBACK, 1, device=LOCAL_RANK, graphs=1)
    own = Problem.of_shards(problems[0])
    for _ in range(3):
        own.run(alone)
    times = time_in_turn(runs + [lambda: own.run(alone)] + [peer.run for peer in able], work["rounds"], work["launches"])
    alone_ms = times.pop(len(runs))
    alone.close()
    bare = {problem: measure_bare(runtime, problem, work["traced"]) for problem in problems}
    rings = []
    for (problem, way, communicator), run, ms in zip(ours, runs, times):
        host = time_host(run, work["launches"])
        overlap = measure_overlap(problem, communicator, bare[problem], work["traced"])
        parts = ", two home parts" if problem.program.home_parts == 2 else ""
        rings.append({"schedule": problem.program.schedule + parts, "way": way, "ms": ms, "host_us": host, **overlap})
        say(f"  {rings[-1]['schedule']:<28}{way:<21} {ms:8.4f} ms (host {host:.0f} us)  {describe(overlap)}")
    peers = [{"name": peer.name, "ms": ms} for peer, ms in zip(able, times[len(ours):])]
    for peer in peers:
        say(f"  {peer['name']:<50} {peer['ms']:8.4f} ms")
    for peer in unable:
        say(f"  {peer['name']:<50} cannot: {peer['failed']}")
    say(f"  an attend and a merge by themselves{'':<16} {alone_ms:8.4f} ms")
    return cases, {"name": shape.name, "ranks": RANKS, "queries": shape.queries, "keys": shape.keys,
                   "alone_ms": alone_ms, "rings": rings,
                   "peers": peers + unable}, notes


def measure_margins(runtime, work, shape):
    """Milliseconds of replayed runs whose transfers NCCL makes, with fixed margins and CTAs, and with what is chosen when
    neither is given; each has a communicator of its own, and all take turns."""
    problems = [Problem(runtime, work["by_name"][f"{shape.name}-{ring}"], shape.queries * RANKS, shape.keys * RANKS)
                for ring in ("query-ring", "kv-ring")]
    made = []
    for setting in work["margins"]:
        options = {} if setting is None else {"sm_margin": setting[0], "nccl_ctas": setting[1]}
        communicator = open_communicator(runtime, NCCL, 0, transfers=BY_NCCL, graphs=1, **options)
        made += [(problem, setting, communicator) for problem in problems]
    runs = [lambda problem=problem, communicator=communicator: problem.run(communicator)
            for problem, _, communicator in made]
    for run in runs:
        for _ in range(3):
            run()
    entries = []
    for (problem, setting, _), ms in zip(made, time_in_turn(runs, work["rounds"], work["launches"])):
        entries.append({"name": shape.name, "ranks": RANKS, "schedule": problem.program.schedule,
                        "sm_margin": setting and setting[0], "nccl_ctas": setting and setting[1], "ms": ms})
        what = "chosen" if setting is None else f"margin {setting[0]}, {setting[1] or 'default'} CTAs"
        say(f"  {problem.program.schedule:<12} {what:<24} {ms:.4f} ms")
    for communicator in {id(communicator): communicator for *_, communicator in made}.values():
        communicator.close()
    return entries


def measure_scaling(runtime, communicator, work, shape):
    """Milliseconds with the shape's lengths on each rank, and with a whole that stays the same."""
    entries = []
    for kind, parts in (("weak", RANKS), ("strong", work["strong_parts"])):
        problem = Problem(runtime, work["by_name"][f"{shape.name}-query-ring"], shape.queries * parts,
                          shape.keys * parts)
        problem.run(communicator)
        ms = time_in_turn([lambda problem=problem: problem.run(communicator)], work["rounds"], work["launches"])[0]
        say(f"  {kind} scaling, {problem.queries} x {problem.keys} on {RANKS} ranks: {ms:.4f} ms")
        entries.append({"kind": kind, "ranks": RANKS, "queries": problem.queries, "keys": problem.keys, "ms": ms})
    return entries


def main():
    work = json.loads(pathlib.Path(sys.argv[1]).read_text())
    work["by_name"] = {program["name"]: program for program in work["all_programs"]}
    torch.cuda.set_device(LOCAL_RANK)
    distributed.init_process_group("nccl", device_id=torch.device("cuda", LOCAL_RANK))
    runtime = Runtime(BUNDLE / "lib/librondo_runtime.so.0")
    torch.cuda.set_stream(torch.cuda.Stream())
    communicators = {way: open_communicator(runtime, NCCL, 0, **options) for way, options in WAYS.items()}
    result = {"cases": [], "shapes": [], "margins": [], "scaling": [], "notes": []}
    shapes = [types.SimpleNamespace(**shape) for shape in work["shapes"]]
    if RANKS > 1:
        result["cases"] += check_all(runtime, communicators, work)
        for shape in shapes:
            say(f"\n{shape.name}: {shape.queries} queries, {shape.keys} keys on each of {RANKS} ranks")
            cases, entry, notes = measure_shape(runtime, communicators, work, shape)
            result["cases"] += cases
            result["shapes"].append(entry)
            result["notes"] += [note for note in notes if note not in result["notes"]]
        say("\nmultiprocessors that are left to transfers by NCCL, and their CTAs")
        result["margins"] = measure_margins(runtime, work, shapes[0])
    result["scaling"] = measure_scaling(runtime, communicators["copy engines, graphs"], work, shapes[0])
    for communicator in communicators.values():
        communicator.close()
    if RANK == 0:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(result))
    distributed.destroy_process_group()


if __name__ == "__main__":
    try:
        main()
    except (RondoError, OSError) as failure:
        print(f"rank {RANK}: error: {failure}", file=sys.stderr, flush=True)
        os._exit(1)  # the other ranks may wait for this one in PyTorch's group
