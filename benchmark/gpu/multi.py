#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled programs on several GPUs of one machine, one rank on each, beside what PyTorch offers for the same.

Against float64: programs of both rings at odd lengths, and at every measured shape. Then times, taking turns with the
peers; steps, transfers and waits by the runtime's trace; a sweep of the multiprocessors that kernels leave to transfers;
and scaling. Writes multi.json, and the timeline of a run as multi-timeline.svg, into the folder that the variable
RESULTS names. Ends with 1 if a result is wrong, whatever the times; with 2 if it cannot run.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import results
from bench import driver_version, positive
from shapes import SHAPES

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
MEASURED = {"llama3v": "llama", "owl3": "owl3", "flamingo-128": "flamingo"}  # shape, and how its programs are called
LENGTHS = [(1, 1), (3, 257), (61, 1601)]
MARGINS = [(0, 0), (0, 1), (1, 1), (2, 2), (4, 4), (8, 8), (4, 0), (8, 0), None]  # None: neither is given
LAUNCHES, TRACED, STRONG_PARTS = 8, 10, 8
BARS = {"step": 1.05, "exposed": 0.01, "margin": 1.02, "peer": 3.0}
FAR_MORE_KEYS = 256  # keys for each query, from which on the bar over peers holds

NUMBER, NONE = results.NUMBER, results.NONE
OVERLAP = {name: NUMBER for name in ("bare_us", "idle_us", "step_us", "total_us", "exposed_us", "tail_us",
                                      "transfer_us")}
SCHEMA = results.ROWS | {
    "gpus": int,
    "cases": [{"case": str, "ranks": int, "output_error": NUMBER + (NONE,), "lse_error": NUMBER + (NONE,),
               "held": bool}],
    "shapes": [{"name": str, "ranks": int, "queries": int, "keys": int, "alone_ms": NUMBER,
                "rings": [{"schedule": str, "way": str, "ms": NUMBER, "host_us": NUMBER} | OVERLAP],
                "peers": [{"name": str, "ms": NUMBER + (NONE,), "failed?": str}]}],
    "margins": [{"name": str, "ranks": int, "schedule": str, "sm_margin": (int, NONE), "nccl_ctas": (int, NONE),
                 "ms": NUMBER}],
    "scaling": [{"kind": str, "ranks": int, "queries": int, "keys": int, "ms": NUMBER}],
}


class Failure(Exception):
    """Why nothing can run."""


def list_gpus():
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"nvidia-smi lists no GPUs: {error}") from error


def run_ranks(ranks, command, timeout, **options):
    """Starts the command once for each rank, as torchrun would; the first that fails ends the others."""
    from nccl_job import find_nccl, free_port, get_place
    port, quiet = free_port(), {"NCCL_NVLS_ENABLE": "0", "TORCH_SYMM_MEM_DISABLE_MULTICAST": "1"}
    started = [subprocess.Popen(command, env={**os.environ, **get_place(rank, ranks, port, False, find_nccl()), **quiet},
                                **options) for rank in range(ranks)]
    deadline = time.monotonic() + timeout
    while None in (statuses := [process.poll() for process in started]) and not any(statuses):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for process in started:
        process.kill()
        process.wait()
    if any(statuses) or None in statuses:
        raise Failure(f"{ranks} ranks: their statuses are {statuses}, where None has not ended"
                      f"{f' in {timeout} s' if not any(statuses) else ''}")


# ---- What follows from the times -------------------------------------------------------------------------------------

def get_best_peer(entry):
    return min((peer["ms"] for peer in entry["peers"] if peer["ms"]), default=None)


def get_ring(entry, schedule, way="copy engines"):
    """Traces show no graphs."""
    return next((ring for ring in entry["rings"] if (ring["schedule"], ring["way"]) == (schedule, way)), None)


def get_shape_rows(entry):
    """Figures of the query ring, and over the best peer the faster of both rings."""
    ring, best = get_ring(entry, "query-ring"), min(ring["ms"] for ring in entry["rings"])
    where = f"{entry['name']}, {entry['ranks']} GPUs"
    step = ring["step_us"] / ring["bare_us"]
    whole = {parts: ring["ms"] / (entry["ranks"] * entry["alone_ms"]) for parts, ring in (
        (name, get_ring(entry, schedule, "copy engines, graphs"))
        for name, schedule in (("", "query-ring"), (", two home parts", "query-ring, two home parts"))) if ring}
    least = min(whole.values())
    # Waits for what is there already cost a moment, too, and measuring them another.
    exposed = max(0, ring["exposed_us"] - ring["idle_us"]) / ring["total_us"]
    is_first = entry["name"] == "llama3v"
    has_bar = {parts: is_first and value == least for parts, value in whole.items()}
    rows = [results.row(f"{where}: run over {entry['ranks']} attends and merges by themselves, its tail included{parts}",
                        value, f"{value:.3f}x", f"<= {BARS['step']}" if has_bar[parts] else None,
                        round(value, 3) <= BARS["step"] if has_bar[parts] else None) for parts, value in whole.items()]
    rows += [
        results.row(f"{where}: traced steady step over attend and merge", step, f"{step:.3f}x ({ring['step_us']:.1f} us)"),
        results.row(f"{where}: exposed in steady steps", exposed, f"{exposed:.2%} ({ring['exposed_us']:.1f} us, {ring['idle_us']:.1f} us where nothing is sent)",
                    "< 1 %", exposed < BARS["exposed"]),
        results.row(f"{where}: exposed in the tail", ring["tail_us"], f"{ring['tail_us']:.1f} us"),
    ]
    peer = get_best_peer(entry)
    if peer:
        has_bar = entry["keys"] / entry["queries"] >= FAR_MORE_KEYS
        rows.append(results.row(f"{where}: over the best peer", peer / best, f"{peer / best:.2f}x",
                                f">= {BARS['peer']:g}" if has_bar else None,
                                round(peer / best, 2) >= BARS["peer"] if has_bar else None))
    return rows


def get_margin_rows(entries):
    rows = []
    for ranks, schedule in dict.fromkeys((entry["ranks"], entry["schedule"]) for entry in entries):
        own = [entry for entry in entries if (entry["ranks"], entry["schedule"]) == (ranks, schedule)]
        chosen = next(entry for entry in own if entry["sm_margin"] is None)
        ratio = chosen["ms"] / min(entry["ms"] for entry in own)
        rows.append(results.row(f"{ranks} GPUs, {schedule}: the chosen margin over the best of the sweep", ratio,
                                f"{ratio:.3f}x", f"<= {BARS['margin']}", round(ratio, 3) <= BARS["margin"]))
    return rows


def get_scaling_rows(entries):
    alone = {entry["kind"]: entry["ms"] for entry in entries if entry["ranks"] == 1}
    rows = []
    for entry in entries:
        if entry["ranks"] == 1 or entry["kind"] not in alone:
            continue
        ideal = {"weak": entry["ranks"], "strong": 1 / entry["ranks"]}[entry["kind"]] * alone[entry["kind"]]
        rows.append(results.row(f"{entry['ranks']} GPUs, {entry['kind']} scaling: time over the ideal", entry["ms"] / ideal,
                                f"{entry['ms'] / ideal:.3f}x ({entry['ms']:.4f} ms)"))
    return rows


def get_rows(data):
    wrong = sum(not case["held"] for case in data["cases"])
    rows = [results.row("programs that differ from float64", wrong, f"{wrong} of {len(data['cases'])} cases", "0",
                        wrong == 0 and bool(data["cases"]))]
    for entry in data["shapes"]:
        rows += get_shape_rows(entry)
    return rows + get_margin_rows(data["margins"]) + get_scaling_rows(data["scaling"])


# ---- The run -----------------------------------------------------------------------------------------------------------

def get_programs():
    programs = json.loads((BUNDLE / "programs/programs.json").read_text())
    measured = tuple(f"{name}-" for name in MEASURED.values())
    return programs, [program for program in programs if not program["name"].startswith(("long", *measured))]


def measure(ranks, arguments, data):
    everything, checked = get_programs()
    work = {"all_programs": everything, "programs": checked, "lengths": LENGTHS, "margins": MARGINS,
            "rounds": arguments.rounds, "launches": LAUNCHES, "traced": TRACED, "strong_parts": STRONG_PARTS,
            "shapes": [{**dataclasses.asdict(shape), "name": MEASURED[shape.name]} for shape in SHAPES
                       if shape.name in MEASURED]}
    with tempfile.TemporaryDirectory() as folder:
        task, answer = (pathlib.Path(folder) / name for name in ("work.json", "answer.json"))
        task.write_text(json.dumps(work))
        run_ranks(ranks, [sys.executable, "-X", "faulthandler", BUNDLE / "scripts/multi_rank.py", task, answer], arguments.timeout)
        result = json.loads(answer.read_text())
    names = {called: name for name, called in MEASURED.items()}
    for entry in result["shapes"] + result["margins"]:
        entry["name"] = names[entry["name"]]
    for name in ("cases", "shapes", "margins", "scaling"):
        data[name] += result[name]
    data["notes"] += [note for note in result["notes"] if note not in data["notes"]]


def draw_timeline(ranks, arguments):
    """Of the first shape, by rondo-run."""
    shape = next(shape for shape in SHAPES if shape.name in MEASURED)
    path = RESULTS / "multi-timeline.svg"
    run_ranks(ranks, [BUNDLE / "bin/rondo-run", BUNDLE / f"programs/{MEASURED[shape.name]}-query-ring.so",
                      "--communicator=nccl", f"--length=s0={shape.queries * ranks}",
                      f"--length=s1={shape.keys * ranks}", "--repeat=5", f"--timeline={path}"],
              arguments.timeout, stdout=subprocess.DEVNULL)


def parse(argv, gpus):
    parser = argparse.ArgumentParser(prog="run.sh multi", description=__doc__.splitlines()[0])
    powers = [1 << i for i in range(8) if 1 << i <= gpus]
    parser.add_argument("--ranks", type=lambda text: [int(number) for number in text.split(",")], default=powers,
                        help="numbers of ranks, separated by commas; default: powers of two up to the number of GPUs")
    parser.add_argument("--rounds", type=positive, default=7)
    parser.add_argument("--timeout", type=positive, default=300, help="seconds of one number of ranks")
    parser.add_argument("--no-timeline", dest="timeline", action="store_false")
    arguments = parser.parse_args(argv)
    if max(arguments.ranks) > gpus or max(arguments.ranks) < 2:
        raise Failure(f"{max(arguments.ranks)} ranks, but this machine has {gpus} GPU{'s'[:gpus != 1]}: each rank needs "
                      "its own, and there is nothing to measure with fewer than two")
    return arguments


def run(argv):
    gpus = list_gpus()
    arguments = parse(argv, len(gpus))
    import torch
    version = ".".join(map(str, torch.cuda.nccl.version()))
    data = {"title": "Several GPUs", "machine": f"{len(gpus)} x {gpus[0]}, driver {driver_version() or 'unknown'}, PyTorch "
            f"{torch.__version__}, NCCL {version}", "command": " ".join(["run.sh multi", *argv]), "date": results.today(),
            "commit": results.commit(), "notes": [], "rows": [], "gpus": len(gpus), "cases": [], "shapes": [],
            "margins": [], "scaling": []}
    print(f"# {data['machine']}", flush=True)
    for ranks in arguments.ranks:
        measure(ranks, arguments, data)
        data["rows"] = get_rows(data)
        results.save(RESULTS / "multi.json", data, SCHEMA)
    for row in data["rows"]:
        held = "" if row["held"] is None else ", held" if row["held"] else ", NOT HELD"
        print(f"{row['what']}: {row['text']}{held}", flush=True)
    if arguments.timeline:
        draw_timeline(max(arguments.ranks), arguments)
    return 0 if all(case["held"] for case in data["cases"]) else 1


def main(argv):
    try:
        return run(argv)
    except (Failure, ImportError) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
