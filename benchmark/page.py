#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Renders benchmark/README.md and its picture from benchmark/results/*.json, and from nothing else.

usage: page.py [--check] [--take FOLDER]
  --check         writes nothing, and exits with 1 if the files are not what it would write
  --take FOLDER   first takes the JSON of a GPU bundle: bench, check, programs, sanitize from a folder
"""
import argparse
import dataclasses
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE / "gpu")]

import results  # noqa: E402
import svg  # noqa: E402
from figures import PEERS, describe, get_lines  # noqa: E402

PAGE, PICTURE = "README.md", "gpu.svg"

INTRODUCTION = """# Measured

Figures are ratios where they can be: to a peer, to a floor, or to the same program without what is measured, taken in
one run on one machine, so that they carry over to yours; the commands repeat them there. This page and its picture are
made from the files in [results](results) by `make benchmark-page`, which adds no figure of its own.

| files in results | come from |
|---|---|
| spine.json, cpu.json | `make bench`, on any x86-64 machine |
| gpu.json, check.json, programs.json, sanitize.json | a GPU, as follows |

`make gpu-bundle` makes the folder build/gpu-bundle, which needs nothing else of this tree. On the GPU's machine,
`RESULTS=folder ./run.sh check`, `programs`, `sanitize` and `bench` write JSON into a folder; back here,
`make benchmark-page GPU_RESULTS=folder` takes it.
"""


@dataclasses.dataclass
class Section:
    """One file of results; `text` says what it measures and how."""
    file: str
    heading: str
    text: str
    schema: dict = dataclasses.field(default_factory=lambda: results.ROWS)


SECTIONS = [
    Section("spine.json", "Schedules, on a CPU", """\
Example 01 on four ranks: 16 of 61 queries and 1601 of 6404 keys a rank, 32/8 heads, 128 features, float32
([spine.py](spine.py)). One rank runs all four steps in `loopback` and receives its own sends after the time that the
emulated link takes. Programs run in turn, each round in processes of their own, and the median of the rounds' ratios
counts. `make timelines` draws one run of each schedule: [query ring](../docs/pictures/query-ring.svg), [key/value
ring](../docs/pictures/kv-ring.svg)."""),
    Section("cpu.json", "CPU kernels", """\
Kernels that rondo-compile emits for the CPU, on one machine and in one run."""),
    Section("gpu.json", "Hopper kernels", """\
Attention forward on one GPU beside PyTorch's backends ([bench.py](gpu/bench.py)): `run.sh bench` of the bundle. The
fastest kernel that can compute a shape counts, its merge included; so does the faster way to call a peer with grouped
heads: packed by hand as rows of one key/value head, or by `enable_gqa`. The floor is the larger of FLOPs over the rate
of a matrix product of 8192^3 and bytes over the bandwidth of a copy; causal counts visible pairs only, and bytes are Q,
K, V and O once. BSHD is the time in `[batch, head, sequence, feature]` over that in `[batch, sequence, head, feature]`.
Figures that have a bar show it.""", results.GPU),
    Section("check.json", "Kernels against float64", """\
`run.sh check` of the bundle. Random cases have grouped heads, tails, batches, causal diagonals of both signs, rows that
see no key, splits, both layouts, and poisoned outputs with guards behind them. Hard cases are fixed: one query or one
key, no keys, scores that are all negative, all large, huge or equal, rows that see nothing, NaN in keys that no row
sees and in their values."""),
    Section("programs.json", "Compiled programs against float64", """\
`run.sh programs` of the bundle: every schedule and mask, f16 and bf16, on ranks that share one GPU, at lengths from one
row to thousands; rows of tensors of more than 2^31 elements; and, without a bar, one rank of four in loopback beside an
emulated link."""),
    Section("sanitize.json", "compute-sanitizer", "`run.sh sanitize` of the bundle: random cases of every kernel."),
    Section("overlap.json", "Overlap on a GPU", "Compiled programs whose communication runs beside their kernels."),
    Section("multi.json", "Several GPUs", "Compiled programs on several GPUs of one machine."),
    Section("flash-attention-3.json", "FlashAttention-3, measured elsewhere", """\
Not part of any run above: FlashAttention-3 is no part of PyTorch, and was timed in another run on another card, beside
cuDNN. Compare its ratios, not its times."""),
]


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line).rstrip() + " |" for line in lines)


def describe_run(data):
    facts = [f"{data['machine']}; {data['date']}, commit {data['commit']}; `{data['command']}`."]
    return " ".join([*facts, *data["notes"]])


def verdict(held):
    return "" if held is None else "yes" if held else "**no**"


def render_rows(data):
    rows = [[row["what"], row["text"], row["bar"] or "reported", verdict(row["held"])] for row in data["rows"]]
    return table(["what", "measured", "bar", "held"], rows)


def describe_method(data):
    method, ceilings = data["method"], data["ceilings"]
    order = "taking turns" if method["interleaved"] else "one program after the other"
    text = (f"Medians of {method['rounds']} rounds of {method['launches']} launches on random normal bf16 data, with "
            f"gaps of {method['gap_ms']:g} ms, {order}. ")
    matrix, copy = ceilings["matrix_tflops"], ceilings["copy_tbps"]
    if matrix and copy:
        return text + f"Floor by {matrix:.0f} TFLOP/s and {copy:.2f} TB/s, measured in the run."
    return text + "The run has no floor: it measured no matrix product."


def cell(figure, suffix=""):
    """The figure, in bold if it misses its bar."""
    return describe(figure, suffix, missed="", mark="**")


def render_gpu(data):
    lines = get_lines(data)
    header = ["query/key-value heads, queries, keys, features", "ms", "TFLOP/s", "floor / time",
              *(f"over {peer}" for peer in PEERS), "BSHD", "held"]
    rows = [[str(line.shape), f"{line.ms:.4f}", f"{line.tflops():.0f}", cell(line.floor),
             *(cell(line.over.get(peer), "x") for peer in PEERS), cell(line.layout),
             verdict(line.held())] for line in lines]
    parts = [describe_method(data), table(header, rows)]
    if any(line.floor_ms for line in lines):
        parts.append(f"![Time over the floor, by shape]({PICTURE})")
    checked = [candidate for entry in data["shapes"] for candidate in entry["candidates"]
               if candidate["right"] and "output_error" in candidate and "lse_error" in candidate]
    if checked:
        output, lse = (max(candidate[error] for candidate in checked) for error in ("output_error", "lse_error"))
        parts.append(f"Largest errors against float64, over some rows of {len(checked)} computations of these shapes: "
                     f"{output:.1e} of O (relative RMS; at most 3e-3), {lse:.1e} of LSE (at most 1e-4).")
    persistent = [[str(line.shape), cell(line.persistent), verdict(line.persistent.held())]
                  for line in lines if line.persistent]
    if persistent:
        parts += ["The persistent kernel's time over that of ours that is not persistent:",
                  table(["shape", "ratio", "held"], persistent)]
    failed = [f"{peer['name']} ({peer['form']}) on {entry['name']}: {peer['failed']}"
              for entry in data["shapes"] for peer in entry["peers"] if peer.get("failed")]
    if failed:
        parts.append("Peers that cannot: " + "; ".join(failed) + ".")
    wrong = [f"{candidate['label']} on {entry['name']} ({candidate['layout']})"
             for entry in data["shapes"] for candidate in entry["candidates"] if not candidate["right"]]
    if wrong:
        parts.append("**Wrong results**, which are not counted above: " + ", ".join(wrong) + ".")
    if not data["complete"]:
        parts.append("The run ended early; shapes are missing.")
    return "\n\n".join(parts)


def draw(data):
    groups = []
    for line in get_lines(data):
        if line.floor_ms:
            times = [line.ms, *(line.peers_ms[peer] for peer in PEERS)]
            groups.append(svg.Group(str(line.shape), [ms and ms / line.floor_ms for ms in times]))
    return svg.bars("Time over the floor", f"{data['machine']}; logarithmic, 1 is the floor; shorter is faster",
                    ["Rondo", *PEERS], groups)


def render_section(section, data):
    body = render_gpu(data) if section.schema is results.GPU else render_rows(data)
    return "\n\n".join([f"## {section.heading}", section.text, describe_run(data), body])


def load_all(folder):
    """The sections whose files are there; a file that no section knows is an error."""
    unknown = sorted({path.name for path in folder.glob("*.json")} - {section.file for section in SECTIONS})
    if unknown:
        raise results.ResultError(f"{unknown[0]}: page.py has no section for it; SECTIONS lists those it has")
    return [(section, results.load(folder / section.file, section.schema)) for section in SECTIONS
            if (folder / section.file).is_file()]


def render(folder):
    """The files of the page: name to text."""
    loaded = load_all(folder)
    if not loaded:
        raise results.ResultError(f"{folder}: holds no results; `make bench` writes some")
    files = {PAGE: "\n\n".join([INTRODUCTION.rstrip(), *(render_section(*part) for part in loaded)]) + "\n"}
    for section, data in loaded:
        if section.schema is results.GPU and any(line.floor_ms for line in get_lines(data)):
            files[PICTURE] = draw(data)
    return files


def take(source, folder):
    """Copies what a bundle has measured, once all of it is known to be good."""
    names = {"bench.json": "gpu.json", "check.json": "check.json", "programs.json": "programs.json",
             "sanitize.json": "sanitize.json"}
    schemas = {section.file: section.schema for section in SECTIONS}
    found = {to: results.load(source / name, schemas[to]) for name, to in names.items() if (source / name).is_file()}
    if not found:
        raise results.ResultError(f"{source}: holds none of {', '.join(names)}")
    for name, data in found.items():
        results.save(folder / name, data, schemas[name])


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not current")
    parser.add_argument("--take", type=pathlib.Path, metavar="FOLDER", help="of the JSON that a GPU bundle wrote")
    parser.add_argument("--folder", type=pathlib.Path, default=HERE, help="of the page; its results are in results/")
    arguments = parser.parse_args(argv)
    try:
        if arguments.take:
            take(arguments.take, arguments.folder / "results")
        files = render(arguments.folder / "results")
    except results.ResultError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    stale = [name for name, content in files.items()
             if not (arguments.folder / name).is_file() or (arguments.folder / name).read_text() != content]
    if arguments.check:
        for name in stale:
            print(f"{arguments.folder / name} is not what its results say; run `make benchmark-page`", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (arguments.folder / name).write_text(files[name])
        print(arguments.folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
