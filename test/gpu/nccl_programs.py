#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the compiled programs of the bundle on processes that NCCL joins, against float64: on as many GPUs as there are
ranks, or, where there is one, all on that; then each process poses as a host of its own, and their time is no measure.

NCCL is the one that RONDO_NCCL names, else PyTorch's, else the one that the linker finds. It prints a table and writes
nccl.json into the folder that the variable RESULTS names. Ends with 0 if everything is right, 1 if not, 2 if it cannot
run.
"""
import argparse
import contextlib
import glob
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import results

BUNDLE = pathlib.Path(__file__).resolve().parent.parent
RESULTS = pathlib.Path(os.environ.get("RESULTS", "."))
RUN, PROGRAMS = BUNDLE / "bin/rondo-run", BUNDLE / "programs"
SCHEMA = results.ROWS | {"gpus": int, "nccl": str, "cases": [{
    "case": str, "ranks": int, "one_gpu": bool, "error": (float, int, type(None)), "total_s": (float, int, type(None)),
    "exposed_s": (float, int, type(None)), "held": bool, "failure": (str, type(None))}]}
# Queries and keys: one row, fewer rows than ranks, primes.
LENGTHS = [(1, 1), (3, 257), (61, 1601)]
TIMEOUT = 10  # of the runtime, in seconds


def find_nccl():
    """The file, or None: the linker may find one."""
    if os.environ.get("RONDO_NCCL"):
        return os.environ["RONDO_NCCL"]
    for folder in sys.path:
        found = glob.glob(os.path.join(folder, "nvidia/nccl/lib/libnccl.so.2"))
        if found:
            return found[0]
    return None


def count_gpus():
    try:
        done = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
        return len(done.stdout.splitlines()) if done.returncode == 0 else 1
    except OSError:
        return 1


def free_port():
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError):
                second.bind(("127.0.0.1", port + 1))
                return port


class Job:
    """Ranks that were started as torchrun does it."""

    def __init__(self, arguments, ranks, one_gpu, words):
        place = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        if one_gpu:
            place |= {"NCCL_SOCKET_IFNAME": "lo", "NCCL_IB_DISABLE": "1", "NCCL_NVLS_ENABLE": "0"}
        if arguments.nccl:
            place["RONDO_NCCL"] = arguments.nccl
        self.processes = []
        for rank in range(ranks):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)} | ({"NCCL_HOSTID": f"rondo-{rank}"} if one_gpu else {})
            self.processes.append(subprocess.Popen([RUN, "--communicator=nccl", f"--timeout={TIMEOUT}", *words],
                                                   env={**os.environ, **place, **own}, text=True,
                                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))

    def finish(self, timeout):
        """The statuses, and what was printed as errors, of each rank; one that does not end is killed."""
        deadline, errors = time.monotonic() + timeout, []
        for process in self.processes:
            try:
                errors.append(process.communicate(timeout=max(0.1, deadline - time.monotonic()))[1].strip())
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                errors.append(f"no end in {timeout} s")
        return [process.returncode for process in self.processes], errors


def get_words(program, queries, keys):
    return [PROGRAMS / f"{program['name']}.so", f"--length=s0={queries}", f"--length=s1={keys}"]


def check(arguments, program, ranks, one_gpu, lengths, graph):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "report.json"
        job = Job(arguments, ranks, one_gpu, [*get_words(program, *lengths), "--check", "--repeat=5", f"--json={path}",
                                               *(["--graph"] if graph else [])])
        statuses, errors = job.finish(arguments.timeout)
        report = json.loads(path.read_text()) if path.is_file() else {"check": [], "per_rank": []}
    held = not any(statuses) and len(report["per_rank"]) == ranks and bool(report["check"])
    held = held and all(output["passed"] for output in report["check"])
    errors_of_outputs = [output["error"] for output in report["check"] if output["error"] is not None]

    def slowest(name):
        return max((rank[name]["median"] for rank in report["per_rank"] if rank[name]), default=None)

    return {"case": f"{program['name']}, {lengths[0]} queries, {lengths[1]} keys{', a graph' if graph else ''}",
            "ranks": ranks, "one_gpu": one_gpu,
            "error": max(errors_of_outputs, default=None), "total_s": slowest("total_s"),
            "exposed_s": slowest("exposed_steady_s"), "held": held,
            "failure": None if held else "; ".join(filter(None, errors)) or f"statuses {statuses}"}


def fault(arguments, program, ranks, one_gpu, how):
    """A rank that is killed or stopped in the midst of runs: the others say so within the time-out and 2 s."""
    job = Job(arguments, ranks, one_gpu, [*get_words(program, 61, 1601), "--repeat=1000000"])
    time.sleep(arguments.settle)
    victim = job.processes[1]
    early = [process.poll() for process in job.processes]
    begin = time.monotonic()
    victim.send_signal(how)
    job.processes.remove(victim)
    statuses, errors = job.finish(TIMEOUT + 10)
    seconds = time.monotonic() - begin
    victim.kill()
    victim.communicate()
    texts = {error for error in errors if error}
    held = early == [None] * ranks and set(statuses) == {1} and all("rank 1" in text for text in texts) and bool(texts)
    held = held and seconds < TIMEOUT + 2.5
    return {"case": f"rank 1 {'killed' if how == signal.SIGKILL else 'stopped'}: all know after {seconds:.2f} s",
            "ranks": ranks, "one_gpu": one_gpu, "error": None, "total_s": None, "exposed_s": None, "held": held,
            "failure": None if held else f"ended early: {early}; statuses {statuses}; " + "; ".join(texts)} | (
                {"said": sorted(texts)})


def print_case(case):
    figures = "" if case["error"] is None else f"  error {case['error']:.1e}"
    if case["total_s"] is not None:
        figures += f"  {case['total_s'] * 1e3:.3f} ms, exposed {(case['exposed_s'] or 0) * 1e3:.3f} ms"
    place = "one GPU" if case["one_gpu"] else "own GPUs"
    print(f"{'ok   ' if case['held'] else 'WRONG'} {case['ranks']} ranks, {place}  {case['case']}{figures}", flush=True)
    for text in case.pop("said", []):
        print(f"      {text}", flush=True)
    if case["failure"]:
        print(f"      {case['failure']}", flush=True)


def run_cases(arguments, programs):
    for ranks in arguments.ranks:
        one_gpu = arguments.gpus < ranks
        for i, program in enumerate(programs):
            for lengths in (LENGTHS if arguments.all else LENGTHS[i % 3:i % 3 + 1]):
                for graph in (False, True):
                    yield check(arguments, program, ranks, one_gpu, lengths, graph)
    if arguments.faults == "yes":
        ranks = max(arguments.ranks)
        for how in (signal.SIGKILL, signal.SIGSTOP):
            yield fault(arguments, programs[0], ranks, arguments.gpus < ranks, how)


def main(argv):
    parser = argparse.ArgumentParser(prog="run.sh nccl", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="query-ring", help="programs whose names contain this")
    parser.add_argument("--ranks", type=lambda text: [int(number) for number in text.split(",")], default=[2, 4])
    parser.add_argument("--all", action="store_true", help="all lengths of each program, not one")
    parser.add_argument("--faults", choices=("yes", "no"), default="yes", help="kill and stop a rank")
    parser.add_argument("--gpus", type=int, default=count_gpus(), help="how many there are")
    parser.add_argument("--timeout", type=int, default=120, help="seconds of one job")
    parser.add_argument("--settle", type=float, default=8, help="seconds until ranks are in the midst of runs")
    arguments = parser.parse_args(argv)
    arguments.nccl = find_nccl()
    programs = [program for program in json.loads((PROGRAMS / "programs.json").read_text())
                if arguments.only in program["name"] and not program["name"].startswith(("long", "llama", "owl3", "flamingo"))]
    if not programs:
        print(f"error: no program is called *{arguments.only}*", file=sys.stderr)
        return 2
    data = {"title": "Programs on ranks that NCCL joins", "machine": f"{arguments.gpus} GPUs",
            "command": " ".join(["run.sh nccl", *argv]), "date": results.today(), "commit": results.commit(),
            "gpus": arguments.gpus, "nccl": arguments.nccl or "the linker's", "notes": [], "rows": [], "cases": []}
    print(f"NCCL: {data['nccl']}", flush=True)
    for case in run_cases(arguments, programs):
        print_case(case)
        data["cases"].append(case)
    held = sum(case["held"] for case in data["cases"])
    data["rows"].append(results.row("cases that are right", held, f"{held} of {len(data['cases'])}", "all",
                                    held == len(data["cases"])))
    results.save(RESULTS / "nccl.json", data, SCHEMA)
    print(f"{held} of {len(data['cases'])} cases are right")
    return 0 if held == len(data["cases"]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
