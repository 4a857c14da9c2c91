#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times our attention kernels on a GPU beside PyTorch's, in one process and on one stream.

Of each shape, all kernels of ours that can compute it, in both layouts, and all peers take turns: in each round each of
them pauses (the clocks recover), runs once, and then is timed over some launches; the next round goes the other way.
Medians of the rounds count. The matrix product and the copy that make the floor are timed likewise, before and after.
Without PyTorch only our kernels are timed, and there is no matrix product. Writes bench.json, after each shape, into
the folder that the variable RESULTS names. Ends with 1 if a result is wrong, whatever the times.
"""
import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import results
from figures import PEERS, describe, get_lines
from shapes import FIELDS, SHAPES, TINY

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
COPY_BYTES = 1 << 31
SEED = 7


def say(*words):
    # The library may end the process, and what Python holds back would be lost.
    print(*words, flush=True)


def driver_version():
    """Of the NVIDIA driver, or None."""
    try:
        return re.search(r"\d+\.\d+[.\d]*", pathlib.Path("/proc/driver/nvidia/version").read_text()).group()
    except (OSError, AttributeError):
        pass
    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, check=True, timeout=60).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


class Session:
    """The device, our kernels on it, and PyTorch if it is there."""

    def __init__(self, arguments):
        from library import Library
        self.rounds, self.launches, self.gap = arguments.rounds, arguments.launches, arguments.gap * 1e-3
        self.copy_bytes = arguments.copy_bytes
        self.torch, self.notes = None, []
        if arguments.peers:
            try:
                from peers import Torch
                self.torch = Torch()
            except (ImportError, OSError, RuntimeError, AttributeError) as error:
                self.notes.append(f"No peers and no matrix product: {type(error).__name__}: {error}.")
                say(f"# {self.notes[-1]}")
        self.library = Library(BUNDLE / "lib/librondo_gpu_bench.so", BUNDLE / "kernels")
        self.stream = self.torch.stream if self.torch else self.library.c.bench_create_stream()
        parts = [self.library.device_name, f"driver {driver_version() or 'unknown'}"]
        self.machine = ", ".join(parts + ([self.torch.description] if self.torch else []))
        self.matrix_flops, self.ceiling_ms = 0, {}

    def measure(self, launches):
        """For each function of a count, milliseconds of one launch in each round."""
        times = [[] for _ in launches]
        for number in range(self.rounds):
            order = range(len(launches)) if number % 2 == 0 else reversed(range(len(launches)))
            for index in order:
                time.sleep(self.gap)
                times[index].append(self.library.time(launches[index], self.launches, self.stream))
        return times

    def ours(self, candidate):
        return lambda count: candidate.launch(count, self.stream)

    def measure_ceilings(self):
        from library import Copy
        copy = Copy(self.library, self.copy_bytes)
        launches = {"copy": lambda count: copy.launch(count, self.stream)}
        if self.torch:
            from peers import MATRIX_SIZE
            self.matrix_flops = 2 * MATRIX_SIZE**3
            launches["matrix"] = self.torch.matrix_product()
        for name, times in zip(launches, self.measure(list(launches.values()))):
            self.ceiling_ms.setdefault(name, []).extend(times)
        copy.close()

    def ceilings(self):
        """Of all measurements so far."""
        matrix, copy = (self.ceiling_ms.get(name) for name in ("matrix", "copy"))
        return {"matrix_tflops": matrix and self.matrix_flops / statistics.median(matrix) * 1e-9,
                "copy_tbps": copy and 2 * self.copy_bytes / statistics.median(copy) * 1e-9}


def summarize(times):
    return {"median_ms": statistics.median(times), "least_ms": min(times), "most_ms": max(times)}


def get_peers(session, shape, case):
    """Peers that can compute the shape; for the others, what they say."""
    able, unable = [], []
    for peer in session.torch.peers(shape, case.inputs) if session.torch else []:
        try:
            difference = session.torch.difference(peer, case.candidates[0].output, shape)
        except (RuntimeError, TypeError) as error:
            reason = " ".join(str(error).split())[:300]
            unable.append({"name": peer.name, "form": peer.form, "median_ms": None, "failed": reason})
            say(f"  {peer.name} ({peer.form}) cannot: {reason}")
        else:
            able.append((peer, difference))
    return able, unable


def check(session, candidate):
    right, output, lse = candidate.check(session.stream)
    if not right:
        say(f"  WRONG: {candidate.description}")
    return {"label": candidate.label, "layout": candidate.layout, "persistent": candidate.persistent, "right": right,
            "output_error": output, "lse_error": lse, "description": candidate.description}


def measure_shape(session, shape):
    """The shape's entry of the results."""
    from library import Case
    cases = [Case(session.library, shape, layout, SEED) for layout in ("BHSD", "BSHD")]
    candidates = [candidate for case in cases for candidate in case.candidates]
    entries = [check(session, candidate) for candidate in candidates]
    able, unable = get_peers(session, shape, cases[0]) if cases[0].candidates else ([], [])
    say(f"\n{shape.name} ({shape}): {len(candidates)} of ours, {len(able)} peers")
    launches = [session.ours(candidate) for candidate in candidates] + [peer.launch for peer, _ in able]
    times = session.measure(launches)
    for entry, of_entry in zip(entries, times):
        entry.update(summarize(of_entry))
    peers = [{"name": peer.name, "form": peer.form, **summarize(of_peer), "difference_from_ours": difference}
             for (peer, difference), of_peer in zip(able, times[len(candidates):])]
    for entry in sorted(entries + peers, key=lambda entry: entry["median_ms"]):
        who = entry.get("label") or f"{entry['name']} ({entry['form']})"
        rest = entry.get("description") or f"differs from ours by {entry['difference_from_ours']:.1e}"
        say(f"  {who:<32} {entry.get('layout', 'BHSD')} {entry['median_ms']:8.4f} ms "
            f"({entry['least_ms']:.4f}..{entry['most_ms']:.4f})  | {rest}")
    del able, launches
    for case in cases:
        case.close()
    if session.torch:
        session.torch.free()
    return {**{field: getattr(shape, field) for field in FIELDS}, "candidates": entries, "peers": peers + unable}


def print_table(data):
    lines = get_lines(data)
    header = ["shape", "ms", "TFLOP/s", "floor/time", *(f"over {name}" for name in PEERS), "BSHD", "persistent",
              "kernel"]
    rows = [[line.shape.name, f"{line.ms:.4f}", f"{line.tflops():.0f}", describe(line.floor),
             *(describe(line.over.get(name), suffix="x") for name in PEERS), describe(line.layout),
             describe(line.persistent), line.label] for line in lines]
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    missed = sum(figure.held() is False for line in lines for figure in line.figures())
    say(f"{missed} bars are not held")


def is_right(data):
    """Whether every shape has kernels in both layouts, and all are right."""
    return all(entry["candidates"] and all(c["right"] for c in entry["candidates"])
               and {c["layout"] for c in entry["candidates"]} == {"BHSD", "BSHD"} for entry in data["shapes"])


def select(text):
    """Shapes by parts of their names, separated by commas; "tiny" are those that try the benchmark itself."""
    if not text:
        return SHAPES
    parts = text.split(",")
    chosen = [shape for shape in SHAPES + TINY if any(part in shape.name for part in parts)]
    if not chosen:
        raise argparse.ArgumentTypeError(f"no shape is called {text}: {', '.join(s.name for s in SHAPES + TINY)}")
    return chosen


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return int(text)


def dry_run(arguments):
    """Says what would be measured; touches neither GPU nor driver."""
    kernels = (BUNDLE / "kernels/kernels").read_text().split()
    missing = [name for label in kernels for name in (f"{label}.cubin", f"{label}.traits")
               if not (BUNDLE / "kernels" / name).is_file()]
    missing += [] if (BUNDLE / "lib/librondo_gpu_bench.so").is_file() else ["lib/librondo_gpu_bench.so"]
    import library  # noqa: F401
    import peers  # noqa: F401
    say(f"{len(kernels)} kernels, {len(arguments.shapes)} shapes, {arguments.rounds} rounds of {arguments.launches} "
        f"launches, commit {results.commit()}")
    say(f"Python {sys.version.split()[0]}, nvidia-smi {shutil.which('nvidia-smi') or 'not found'}")
    if missing:
        say(f"error: the bundle lacks {', '.join(missing)}")
    return 2 if missing else 0


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run.sh bench", description=__doc__.splitlines()[0])
    parser.add_argument("rounds", nargs="?", type=positive, default=9)
    parser.add_argument("--shapes", type=select, default=SHAPES, help="parts of names, separated by commas")
    parser.add_argument("--launches", type=positive, default=4, help="that are timed together")
    parser.add_argument("--gap", type=float, default=30, help="milliseconds before each measurement")
    parser.add_argument("--copy-bytes", type=positive, default=COPY_BYTES, help="of the copy that shows the bandwidth")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="do not look for PyTorch")
    parser.add_argument("--dry-run", action="store_true", help="look whether all is there; needs no GPU")
    return parser.parse_args(arguments)


def main(argv):
    arguments = parse(argv)
    if arguments.dry_run:
        return dry_run(arguments)
    session = Session(arguments)
    library = session.library
    say(f"# {session.machine}, {library.multiprocessors} multiprocessors, {library.kernel_count} kernels")
    session.measure_ceilings()
    data = {
        "title": "Hopper kernels", "machine": session.machine, "command": " ".join(["run.sh bench", *argv]),
        "date": results.today(), "commit": results.commit(), "notes": session.notes, "complete": False,
        "method": {"rounds": session.rounds, "launches": session.launches, "gap_ms": arguments.gap,
                   "interleaved": True},
        "ceilings": session.ceilings(), "shapes": [],
    }
    path = pathlib.Path(os.environ.get("RESULTS", ".")) / "bench.json"
    for shape in arguments.shapes:
        data["shapes"].append(measure_shape(session, shape))
        results.save(path, data, results.GPU)
    session.measure_ceilings()
    data.update(ceilings=session.ceilings(), complete=True)
    results.save(path, data, results.GPU)
    matrix, copy = data["ceilings"]["matrix_tflops"], data["ceilings"]["copy_tbps"]
    say(f"\n# matrix product {f'{matrix:.0f} TFLOP/s' if matrix else 'not measured'}, copy {copy:.2f} TB/s")
    print_table(data)
    right = is_right(data)
    say(f"{path}: {'all right' if right else 'WRONG RESULTS'}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
