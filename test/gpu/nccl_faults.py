# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ranks that are killed or stopped at random moments of jobs that NCCL joins: the others must end by themselves, within
the time-out and 2 s, with an error that names the rank, and leave no file that is not whole."""
import concurrent.futures
import dataclasses
import json
import pathlib
import random
import re
import signal
import struct
import tempfile
import time

import results
from nccl_job import Job

# Seconds after the time-out in which the runtime returns, and in which the process then ends: rondo-run lets the rank
# that prints go first by 0.3 s.
GRACE, ENDING = 2, 0.5
KINDS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}
START = 120  # seconds until runs have begun


@dataclasses.dataclass
class Setting:
    """What all trials share. `command` makes rondo-run's, from its options."""
    command: list
    ranks: int
    one_gpu: bool
    nccl: str
    timeout: float


def is_whole(path):
    """Whether a file is what its name says: JSON, or an array with all its elements."""
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            return bool(json.loads(data))
        except ValueError:
            return False
    if data[:6] != b"\x93NUMPY" or len(data) < 10:
        return False
    head = 10 + struct.unpack("<H", data[8:10])[0]
    text = data[10:head].decode("latin-1")
    count, size = 1, int(re.search(r"'descr': '<f(\d)'", text).group(1))
    for extent in re.findall(r"\d+", re.search(r"'shape': \(([^)]*)\)", text).group(1)):
        count *= int(extent)
    return len(data) == head + count * size


def wait_for_end(processes, seconds):
    """How long it took until the last had ended, or None."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if all(process.poll() is not None for process in processes):
            return time.monotonic() - begin
        time.sleep(0.002)
    return None


def wait_for_runs(job):
    """Until rank 0 says that it runs. False: it does not, or a rank has ended."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and all(process.poll() is None for process in job.processes):
        if job.terminal.runs.wait(0.05):
            return True
    return job.terminal.runs.is_set()


def judge(setting, victim, took, statuses, texts, files, ending):
    """What is wrong, or None."""
    if took is None:
        return "survivors do not end"
    allowed = {0, 1} if ending else {1}
    if not set(statuses) <= allowed:
        return f"survivors end with statuses {statuses}"
    if 1 in statuses and not texts:
        return "no error is printed"
    for text in texts:
        if not re.search(rf"\brank {victim}\b", text):
            return f"the error does not name rank {victim}"
    if took > setting.timeout + GRACE + ENDING:
        return "too late"
    torn = [path.name for path in files if path.suffix in (".json", ".npy") and not is_whole(path)]
    if torn:
        return f"{torn[0]} is not whole"
    # A temporary file can be left by a rank that is gone, but by no other.
    left = [path.name for path in files if path.suffix not in (".json", ".npy")]
    return f"{left[0]} is left" if left and victim != 0 else None


def execute_trial(setting, kind, seed):
    """One trial. Every fourth job is about to end, and to write its files, when the rank is lost."""
    choice = random.Random(f"{kind} {seed}")
    victim, delay, ending = choice.randrange(setting.ranks), choice.uniform(0, 1), seed % 4 == 3
    repeat = choice.randrange(1, 200) if ending else 1000000
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        job = Job([*setting.command, f"--timeout={setting.timeout}", f"--repeat={repeat}",
                   f"--output=result0={folder / 'output.npy'}", f"--json={folder / 'report.json'}"],
                  setting.ranks, setting.one_gpu, setting.nccl, watch=True)
        try:
            began = wait_for_runs(job)
            time.sleep(delay / 4 if ending else delay)
            early = [process.poll() for process in job.processes]
            job.processes[victim].send_signal(KINDS[kind])
            survivors = [process for rank, process in enumerate(job.processes) if rank != victim]
            took = wait_for_end(survivors, setting.timeout + GRACE + 20)
            statuses = [process.returncode for process in survivors]
            texts = [process.stderr.read() for process in survivors if took is not None and process.stderr]
        finally:
            job.end()
        job.terminal.thread.join(5)
        if victim != 0:
            texts.append(job.terminal.text)
        said = sorted(set(re.findall(r"rondo-run: error: ([^\r\n\x1b]*)", "\n".join(texts))))
        if not began and not ending:
            wrong = "runs did not begin"
        elif not ending and early != [None] * setting.ranks:
            wrong = f"ranks ended before: {early}"
        else:
            wrong = judge(setting, victim, took, statuses, said, sorted(folder.iterdir()), ending)
        files = sum(path.suffix in (".json", ".npy") for path in folder.iterdir())
    return {"kind": kind, "seed": seed, "victim": victim, "ending": ending, "seconds": took, "files": files,
            "failure": wrong, "said": said}


def describe(trial):
    when = "at the end" if trial["ending"] else "in the midst of runs"
    took = "never" if trial["seconds"] is None else f"{trial['seconds']:.2f} s"
    return f"rank {trial['victim']} {trial['kind']} {when} (trial {trial['seed']}): others ended after {took}"


def execute_trials(setting, count, jobs, first_seed, tell):
    """All trials of both kinds, several at once; `tell` prints each."""
    trials = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pending = [pool.submit(execute_trial, setting, kind, first_seed + number)
                   for number in range(count) for kind in KINDS]
        for task in concurrent.futures.as_completed(pending):
            trials.append(task.result())
            tell(trials[-1])
    return sorted(trials, key=lambda trial: (trial["kind"], trial["seed"]))


def get_rows(setting, trials):
    """How many were right, and the worst time, for each kind."""
    rows, bound = [], setting.timeout + GRACE + ENDING
    for kind in KINDS:
        own = [trial for trial in trials if trial["kind"] == kind]
        right = sum(trial["failure"] is None for trial in own)
        worst = max((float("inf") if trial["seconds"] is None else trial["seconds"] for trial in own), default=0)
        rows.append(results.row(f"trials in which a rank is {kind}, {setting.ranks} ranks, time-out "
                                f"{setting.timeout:g} s", right, f"{right} of {len(own)} right", "all",
                                right == len(own)))
        finite = worst if worst != float("inf") else 1e9
        rows.append(results.row("until the last of the others has ended, at worst", finite,
                                f"{worst:.2f} s", f"<= {bound:g} s, {ENDING} s of it for the end of the process",
                                finite <= bound))
    return rows
