#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The code of the paper LV-XAttn beside Rondo: forward of one cross-attention step on ranks that NCCL joins.

usage: run.sh paper CHECKOUT [options]      CHECKOUT: a clone of https://github.com/uw-mad-dash/LV-XAttn

Both run the query ring, in turn, on the same shards: those of Llama 3.2-Vision (32 query and 8 key/value heads, 128
features), f16, which is all that the paper's kernels compute; and rounded up to whole tiles of 32 rows, since those
kernels read and write past the end of others. Where GPUs are fewer than ranks all ranks share one, and each process
poses as a host of its own: then NCCL goes by TCP, and processes share the GPU by time slices.

It prints a table and writes paper.json into the folder that the variable RESULTS names. Ends with 0, with 1 if Rondo's
results are wrong or a job fails, with 2 if it cannot run.
"""
import argparse
import contextlib
import importlib
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
import types

import results

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
PROGRAM = "llama-f16-query-ring"
HEADS, KEY_HEADS, FEATURES, TILE = 32, 8, 128, 32
MODULES = {"lv_xattn": "LV-XAttn, query ring", "ring": "its Ring Attention"}
# What its files import, and forward never calls.
UNUSED = {"einops": ["rearrange"], "pytest": [], "tqdm": ["tqdm"], "numpy": []}
USED = ("torch", "torch.distributed", "torch.profiler", "torch.utils.data", "triton")
SAMPLED_ROWS = 2
NUMBER, NONE = results.NUMBER, results.NONE
SCHEMA = results.ROWS | {"ranks": int, "queries": int, "keys": int, "one_gpu": bool, "programs": [
    {"name": str, "milliseconds": [NUMBER], "error": (*NUMBER, NONE)}]}


class Failure(Exception):
    """Why nothing can run."""


# ---- A rank of the paper's code --------------------------------------------------------------------------------------

@contextlib.contextmanager
def stand_ins():
    """Modules in place of those that are missing, as long as the paper's code is imported."""
    made = []
    for name, contents in UNUSED.items():
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__dict__.update(dict.fromkeys(contents))
            made.append(name)
    yield
    for name in made:
        del sys.modules[name]


def import_forward(checkout, module):
    """Its forward, and what starts its ranks."""
    for name in USED:
        importlib.import_module(name)  # which might ask for a module that is missing, and must not find a stand-in
    # First, so that no other package of that name is found.
    sys.path.insert(0, str(checkout))
    with stand_ins():
        package = importlib.import_module(module)
    if not pathlib.Path(package.__file__).resolve().is_relative_to(checkout):
        raise ImportError(f"{module} is {package.__file__}, not that of {checkout}")
    return package._attn_forward, package.initialize_distributed


def make_shards(torch, rank, queries, keys):
    """Q, K and V of a rank, the same wherever they are made."""
    generator = torch.Generator(device="cuda").manual_seed(1000 + rank)
    return [torch.randn(1, heads, rows, FEATURES, generator=generator, device="cuda", dtype=torch.float32).half()
            for heads, rows in ((HEADS, queries), (KEY_HEADS, keys), (KEY_HEADS, keys))]


def compare(torch, output, rank, ranks, queries, keys):
    """The relative error of the first and the last rows, against float64 over the keys of all ranks."""
    rows = torch.tensor([0, queries - 1][:SAMPLED_ROWS], device="cuda")
    query = make_shards(torch, rank, queries, keys)[0][0, :, rows].double().view(KEY_HEADS, -1, FEATURES)
    scores, values = [], []
    for other in range(ranks):
        _, key, value = make_shards(torch, other, queries, keys)
        scores.append(query @ key[0].double().transpose(1, 2) / FEATURES ** 0.5)
        values.append(value[0])
    weights = torch.softmax(torch.cat(scores, dim=2), dim=2)
    expected = sum(part @ value.double() for part, value in zip(weights.split(keys, dim=2), values))
    difference = output[0, :, rows].double().view_as(expected) - expected
    return float(difference.norm() / expected.norm())


def work(arguments):
    """One rank: prints a line of JSON."""
    import torch
    import torch.distributed as dist
    if arguments.one_gpu:
        os.environ["LOCAL_RANK"] = "0"
    forward, initialize = import_forward(arguments.checkout, arguments.module)
    initialize()
    rank, ranks = dist.get_rank(), dist.get_world_size()
    q, k, v = make_shards(torch, rank, arguments.queries, arguments.keys)
    seconds = []
    for i in range(arguments.warm_ups + arguments.iterations):
        dist.barrier()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        output = forward(q, k, v, False, FEATURES ** -0.5, None)[3]
        torch.cuda.synchronize()
        if i >= arguments.warm_ups:
            seconds.append(time.perf_counter() - begin)
    error = compare(torch, output, rank, ranks, arguments.queries, arguments.keys)
    print(json.dumps({"seconds": seconds, "error": error if error == error else None}), flush=True)
    dist.barrier()
    dist.destroy_process_group()


# ---- Jobs ------------------------------------------------------------------------------------------------------------

def run_job(arguments, command):
    """What the ranks printed."""
    from nccl_job import Job, find_nccl
    job = Job(command, arguments.ranks, arguments.one_gpu, find_nccl())
    statuses, outputs, errors = job.finish(arguments.timeout)
    if any(statuses):
        raise results.ResultError(f"{pathlib.Path(command[0]).name} ended with {statuses}: "
                                  + "\n".join(error[-2000:] for error in errors if error))
    return outputs


def time_paper(arguments, module):
    """Milliseconds of each iteration, by the slowest rank, and the largest error."""
    command = [sys.executable, __file__, str(arguments.checkout), f"--worker={module}", f"--queries={arguments.queries}",
               f"--keys={arguments.keys}", f"--iterations={arguments.iterations}", f"--warm-ups={arguments.warm_ups}",
               *(["--one-gpu"] if arguments.one_gpu else [])]
    lines = [next((line for line in reversed(output.splitlines()) if line.startswith("{")), None)
             for output in run_job(arguments, command)]
    if None in lines:
        raise results.ResultError(f"{module}: a rank printed no figures")
    ranks = [json.loads(line) for line in lines]
    errors = [rank["error"] for rank in ranks]
    return ([1e3 * max(times) for times in zip(*(rank["seconds"] for rank in ranks))],
            None if None in errors else max(errors))


def time_rondo(arguments, check):
    """The same of our program."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        run_job(arguments, [BUNDLE / "bin/rondo-run", BUNDLE / f"programs/{PROGRAM}.so", "--communicator=nccl",
                            f"--length=s0={arguments.queries * arguments.ranks}",
                            f"--length=s1={arguments.keys * arguments.ranks}", f"--repeat={arguments.iterations}",
                            f"--json={report}", *(["--check"] if check else [])])
        report = json.loads(report.read_text())
    times = [rank["total_s"]["runs"] for rank in report["per_rank"]]
    errors = [output["error"] for output in report["check"][:1]]
    return [1e3 * max(together) for together in zip(*times)], errors[0] if errors else None


# ---- The comparison --------------------------------------------------------------------------------------------------

def measure(arguments):
    """Programs and their times, taking turns."""
    programs = {name: {"name": name, "milliseconds": [], "error": None}
                for name in (*(MODULES[module] for module in arguments.modules), "Rondo, query ring")}
    for number in range(arguments.rounds):
        for module in arguments.modules:
            times, error = time_paper(arguments, module)
            programs[MODULES[module]]["milliseconds"] += times
            programs[MODULES[module]]["error"] = error
        times, error = time_rondo(arguments, check=arguments.check and number == 0)
        programs["Rondo, query ring"]["milliseconds"] += times
        if number == 0:
            programs["Rondo, query ring"]["error"] = error
        print(f"round {number + 1} of {arguments.rounds}: " + ", ".join(
            f"{program['name']} {statistics.median(program['milliseconds']):.3f} ms" for program in programs.values()),
              flush=True)
    return list(programs.values())


def get_rows(arguments, programs):
    ours = statistics.median(programs[-1]["milliseconds"])
    where = f"{arguments.queries} queries, {arguments.keys} keys a rank, {arguments.ranks} ranks, f16"
    rows = []
    for program in programs:
        median, error = statistics.median(program["milliseconds"]), program["error"]
        text = f"{median:.3f} ms" + ("" if error is None else f", relative error of O {error:.1e}")
        rows.append(results.row(f"{program['name']}, {where}", median, text))
    for program in programs[:-1]:
        ratio = statistics.median(program["milliseconds"]) / ours
        rows.append(results.row(f"{program['name']} over Rondo's", ratio, f"{ratio:.1f}x"))
    return rows


def check_place(arguments):
    """Everything that can be missing, before anything runs."""
    missing = [module for module in arguments.modules if not (arguments.checkout / module / "attn.py").is_file()]
    if missing:
        raise Failure(f"{arguments.checkout} has no {missing[0]}/attn.py: give the folder of a clone of "
                      "https://github.com/uw-mad-dash/LV-XAttn")
    if not (BUNDLE / f"programs/{PROGRAM}.so").is_file():
        raise Failure(f"there is no programs/{PROGRAM}.so: run this from a bundle, as `run.sh paper`, which `make "
                      "gpu-bundle` makes")
    try:
        import torch
        import triton
    except ImportError as error:
        raise Failure(f"the paper's code needs PyTorch and Triton: {error}") from error
    if not torch.cuda.is_available():
        raise Failure("this PyTorch sees no GPU")
    from machine import count_gpus, describe_machine
    arguments.one_gpu = count_gpus() < arguments.ranks
    nccl = ".".join(map(str, torch.cuda.nccl.version()))
    return f"{describe_machine()}, PyTorch {torch.__version__}, Triton {triton.__version__}, NCCL {nccl}"


def compare_all(arguments, argv):
    machine = check_place(arguments)
    programs = measure(arguments)
    place = "Each rank has a GPU of its own." if not arguments.one_gpu else \
        "All ranks share one GPU by time slices, and NCCL goes by TCP: ratios are not those of a machine with a GPU for each."
    data = {"title": "The paper's code beside ours", "machine": machine, "command": " ".join(["run.sh paper", *argv]),
            "date": results.today(), "commit": results.commit(), "ranks": arguments.ranks, "queries": arguments.queries,
            "keys": arguments.keys, "one_gpu": arguments.one_gpu, "programs": programs,
            "notes": [f"Medians of {arguments.rounds} rounds of {arguments.iterations} iterations after "
                      f"{arguments.warm_ups}, programs taking turns; of each iteration the slowest rank. {place}"],
            "rows": get_rows(arguments, programs)}
    for row in data["rows"]:
        print(f"{row['what']}: {row['text']}")
    results.save(RESULTS / "paper.json", data, SCHEMA)


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return number


def whole_tiles(text):
    number = positive(text)
    if number % TILE:
        raise argparse.ArgumentTypeError(f"{number} rows: the paper's kernels are right for multiples of {TILE} alone")
    return number


def parse(argv):
    parser = argparse.ArgumentParser(prog="run.sh paper", description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=pathlib.Path, help="a clone of github.com/uw-mad-dash/LV-XAttn")
    parser.add_argument("--ranks", type=positive, default=4)
    parser.add_argument("--queries", type=whole_tiles, default=64, help="of each rank")
    parser.add_argument("--keys", type=whole_tiles, default=76864, help="of each rank")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--iterations", type=positive, default=10, help="of each round")
    parser.add_argument("--warm-ups", type=positive, default=3)
    parser.add_argument("--modules", default="lv_xattn", help="of its folders: lv_xattn, ring")
    parser.add_argument("--check", action="store_true", help="compare all of Rondo's output with float64 on the CPU, which "
                        "takes minutes at the default lengths")
    parser.add_argument("--timeout", type=positive, default=300, help="seconds of one job")
    parser.add_argument("--worker", choices=MODULES, dest="module", help=argparse.SUPPRESS)
    parser.add_argument("--one-gpu", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    arguments.checkout = arguments.checkout.resolve()
    arguments.modules = arguments.modules.split(",")
    if unknown := [module for module in arguments.modules if module not in MODULES]:
        parser.error(f"unknown module {unknown[0]}; there are {', '.join(MODULES)}")
    return arguments


def main(argv):
    arguments = parse(argv)
    try:
        if arguments.module:
            work(arguments)
        else:
            compare_all(arguments, argv)
        return 0
    except results.ResultError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
