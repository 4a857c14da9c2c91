# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The page's section on several GPUs: what was measured of each shape, in each way, beside the peers."""
from page_parts import render_rows, table


def describe_peer(peer):
    if peer["ms"] is None:
        return [peer["name"], "cannot", "", peer.get("failed", "")]
    return [peer["name"], f"{peer['ms']:.4f}", "", ""]


def render_shape(entry):
    """All ways, and the peers, the fastest first."""
    alone = entry["alone_ms"] * entry["ranks"]
    rows = [[f"{ring['schedule']}, {ring['way']}", f"{ring['ms']:.4f}", f"{ring['ms'] / alone:.3f}",
             f"{ring['host_us']:.0f}"] for ring in sorted(entry["rings"], key=lambda ring: ring["ms"])]
    peers = sorted(entry["peers"], key=lambda peer: (peer["ms"] is None, peer["ms"]))
    head = (f"{entry['name']}: {entry['queries']} queries and {entry['keys']} keys on each of {entry['ranks']} GPUs; an "
            f"attend and a merge by themselves take {entry['alone_ms']:.4f} ms.")
    columns = ["", "ms", f"over {entry['ranks']} attends and merges", "host, us"]
    return head + "\n\n" + table(columns, rows + [describe_peer(peer) for peer in peers])


def render_margins(entries):
    def describe(entry):
        if entry["sm_margin"] is None:
            return ["chosen", "NCCL's own"]
        return [str(entry["sm_margin"]), str(entry["nccl_ctas"] or "NCCL's own")]
    rows = [[entry["schedule"], *describe(entry), f"{entry['ms']:.4f}"] for entry in entries]
    return ("Transfers by NCCL alone, with multiprocessors that attention leaves to them, and the CTAs that NCCL may have:"
            "\n\n" + table(["", "margin", "CTAs", "ms"], rows))


def render(data):
    parts = [render_rows(data), *(render_shape(entry) for entry in data["shapes"])]
    if data["margins"]:
        parts.append(render_margins(data["margins"]))
    return "\n\n".join([*parts, "One run of the first shape, by rondo-run:\n\n"
                        "![lanes of compute, communication and waits of each rank](multi-timeline.svg)"])
