# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The section of gpu.json: kernels beside PyTorch's, as a table and a picture."""
import svg
from figures import PEERS, describe, get_lines
from page_parts import table, verdict

PICTURE = "gpu.svg"


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
    """The pictures of the section: name to content."""
    groups = []
    for line in get_lines(data):
        if line.floor_ms:
            times = [line.ms, *(line.peers_ms[peer] for peer in PEERS)]
            groups.append(svg.Group(str(line.shape), [ms and ms / line.floor_ms for ms in times]))
    if not groups:
        return {}
    where = f"{data['machine']}; logarithmic, 1 is the floor; shorter is faster"
    return {PICTURE: svg.bars("Time over the floor", where, ["Rondo", *PEERS], groups)}
