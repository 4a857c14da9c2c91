# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sections of the page, each of one file of results. A new file is a Section here, and, if its rows do not say all, a
function that renders it."""
import dataclasses
import typing

import gpu_section
import multi_section
import results
from multi import SCHEMA as MULTI
from page_parts import describe_run, render_rows


@dataclasses.dataclass
class Section:
    """One file of results; `text` says what it measures and how."""
    file: str
    heading: str
    text: str
    bundle: str = ""  # how a bundle calls the file; empty: it comes from elsewhere
    schema: dict = dataclasses.field(default_factory=lambda: results.ROWS)
    render: typing.Callable = render_rows  # of the data, to Markdown
    draw: typing.Callable = lambda data: {}  # of the data, to the pictures that it shows: name to content
    pictures: tuple = ()  # that a bundle writes beside the file, which are the page's as they are

    def to_markdown(self, data):
        return "\n\n".join([f"## {self.heading}", self.text, describe_run(data), self.render(data)])


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
Figures that have a bar show it.""", "bench.json", results.GPU, gpu_section.render_gpu, gpu_section.draw),
    Section("check.json", "Kernels against float64", """\
`run.sh check` of the bundle. Random cases have grouped heads, tails, batches, causal diagonals of both signs, rows that
see no key, splits, both layouts, and poisoned outputs with guards behind them. Hard cases are fixed: one query or one
key, no keys, scores that are all negative, all large, huge or equal, rows that see nothing, NaN in keys that no row
sees and in their values.""", "check.json"),
    Section("programs.json", "Compiled programs against float64", """\
`run.sh programs` of the bundle: every schedule and mask, f16 and bf16, on ranks that share one GPU, at lengths from one
row to thousands; a sweep of odd lengths, such as fewer rows than ranks, over 1 to 8 ranks; rows of tensors of more than
2^31 elements; and, without a bar, one rank of four in loopback beside an emulated link.""", "programs.json"),
    Section("sanitize.json", "compute-sanitizer", "`run.sh sanitize` of the bundle: random cases of every kernel.",
            "sanitize.json"),
    Section("multi.json", "Several GPUs", """\
`run.sh multi` of the bundle ([multi.py](gpu/multi.py)): one process and rank on each GPU of a machine, programs against
float64 at odd lengths and at every shape, and their times, taking turns with what PyTorch offers for the same shards. Times
are those of the slowest rank. Peers that gather have K and V in an order that needs no copy. Runs return early; graphs are
replayed. Traces, of which steps and waits are, make runs longer.""", "multi.json", MULTI, multi_section.render,
            pictures=("multi-timeline.svg",)),
    Section("steps.json", "Steps of a ring", """\
`run.sh steps` of the bundle ([steps.py](gpu/steps.py)): a step is what each further rank adds to a run of the query ring in
loopback, replayed from a graph, so that neither the host nor a trace disturbs it; the link is emulated, and takes none or
some multiprocessors from kernels. Attend and merge by themselves are traced.""", "steps.json"),
    Section("host.json", "Host time", """\
`run.sh host` of the bundle: how long a call of rondo_run_shards keeps the host, on a stream of the caller.""",
            "host.json"),
    Section("gpus.json", "Several GPUs in one process", """\
`run.sh gpus` of the bundle: programs on all GPUs of a machine from one process, against float64; and, traced, a query
ring.""", "gpus.json"),
    Section("nccl.json", "Processes that NCCL joins, and the loss of one", """\
`run.sh nccl` of the bundle: compiled programs on processes that NCCL joins, against float64; and trials in which one of
them is killed or stopped at a random moment. A trial is right if all others end by themselves, in time, with an error
that names the rank, and leave no file that is not whole.""", "nccl.json"),
    Section("soak.json", "Many runs in one process", """\
`run.sh soak` of the bundle: runs at lengths that come again and at ever new ones, and sessions that begin and end, every
second of which meets a failure. Growth is the most that the process holds in the second half over the most in the first:
of the heap, of resident memory, of the GPU's, of open files and of threads.""", "soak.json"),
    Section("paper.json", "The paper's code", """\
`run.sh paper` of the bundle: forward of one step of Llama 3.2-Vision's cross-attention by the code of
[LV-XAttn](https://github.com/uw-mad-dash/LV-XAttn), beside Rondo's, on the same ranks.""", "paper.json"),
    Section("flash-attention-3.json", "FlashAttention-3, measured elsewhere", """\
Not part of any run above: FlashAttention-3 is no part of PyTorch, and was timed in another run on another card, beside
cuDNN. Compare its ratios, not its times."""),
]
