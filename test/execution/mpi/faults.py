# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kills and stops ranks of an MPI job at random moments, and expects that the others end with an error that says so.

Each trial starts `rondo-run` on some processes, waits for a random time and sends one of them SIGKILL or SIGSTOP. Then
  - every other process ends by itself, within the time-out and 2 s, with an error that names a rank that it missed;
  - where mpirun supervises (it ends the job at the first loss), mpirun ends non-zero and one line names the rank;
  - no process is left, and no half-written file.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Creation waits for 10 s at least, since processes may start slowly.
CREATION = 10
SKIPPED = 77


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mpirun", required=True, help="mpirun.sh")
    parser.add_argument("--rondo-run", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--length", action="append", default=[])
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--timeout", type=float, default=1)
    parser.add_argument("--trials", type=int, default=3, help="of each kind")
    parser.add_argument("--kinds", nargs="+", default=["kill", "stop", "supervised"])
    parser.add_argument("--early", action="store_true", help="also before the ranks have found each other")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def processes_of(parent):
    """The ranks that mpirun has started, as {rank: pid}. A process that has not yet become rondo-run does not count."""
    ranks = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) != parent:
                    continue
            with open(f"/proc/{entry}/environ", "rb") as file:
                found = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", file.read())
        except OSError:
            continue
        if found:
            ranks[int(found[1])] = int(entry)
    return ranks


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def at_work(pid):
    """Whether a process has created its communicator: besides MPI's threads it has those of its rank."""
    try:
        return len(os.listdir(f"/proc/{pid}/task")) >= 5
    except OSError:
        return False


def command(options, folder, recovery):
    words = [options.mpirun, "-n", str(options.ranks)]
    if recovery:
        words.append("--enable-recovery")  # the survivors are left alone, so their own errors count
    words += [options.rondo_run, options.program, "--communicator=mpi", f"--timeout={options.timeout}"]
    words += [f"--length={length}" for length in options.length]
    return words + ["--repeat=1000000", f"--json={folder}/report.json", f"--trace={folder}/trace.json"]


def wait_for(condition, seconds):
    """The seconds it took, or None."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if condition():
            return time.monotonic() - begin
        time.sleep(0.01)
    return None


def trial(options, kind, delay, victim):
    """Returns (seconds until the last survivor ended, the error, what is wrong or None)."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        number = signal.SIGSTOP if kind == "stop" else signal.SIGKILL
        job = subprocess.Popen(command(options, folder, kind == "kill"), stdout=output, stderr=output)
        pids = {}

        def started():
            pids.update(processes_of(job.pid))
            return len(pids) == options.ranks and (options.early or all(at_work(pid) for pid in pids.values()))

        try:
            if wait_for(started, 30) is None:
                return 0, "", "the job did not start"
            time.sleep(delay)
            os.kill(pids[victim], number)
            survivors = [pid for rank, pid in pids.items() if rank != victim]
            took = wait_for(lambda: not any(alive(pid) for pid in survivors), options.timeout + CREATION + 10)
            ended = wait_for(lambda: job.poll() is not None, 20)
        finally:
            for pid in pids.values():
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
            job.kill()
            job.wait()
        output.seek(0)
        text = output.read()
        return judge(options, kind, victim, took, ended, job.returncode, text, os.listdir(folder))


def judge(options, kind, victim, took, ended, status, text, files):
    errors = re.findall(r"rondo-run: error: (.*)", text)
    error = errors[0] if errors else ""
    if took is None or ended is None:
        return 0, error, f"the job does not end: {text}"
    if files:
        return took, error, f"files are left: {files}"
    if kind == "supervised":
        named = re.search(rf"mpirun noticed that process rank {victim} .*signal 9|\brank {victim}\b", text)
        return took, error, None if named and status != 0 else f"mpirun ends with {status}: {text}"
    if not errors:
        return took, error, f"no error was printed (mpirun ends with {status}): {text}"
    creation = "cannot create the communicator" in error
    if took > options.timeout + 2 + (CREATION if creation else 0):
        return took, error, f"it took {took:.1f} s"
    if creation:
        return took, error, None
    if f"rank {victim}" not in " ".join(errors):
        return took, error, f"no error names rank {victim}: {errors}"
    if not re.search(r"rank \d+: no progress in .* with rank \d+", error):
        return took, error, f"the error names no operation and peer: {errors}"
    if kind == "stop" and status == 0:
        return took, error, "mpirun ends with 0"
    return took, error, None


def main():
    options = arguments()
    if not shutil.which("mpirun"):
        print("skipped: there is no mpirun (Debian: openmpi-bin)", file=sys.stderr)
        return SKIPPED
    generator = random.Random(options.seed)
    failures = 0
    for kind in options.kinds:
        times, places = [], {}
        for _ in range(options.trials):
            delay, victim = generator.uniform(0, 1), generator.randrange(options.ranks)
            took, error, wrong = trial(options, kind, delay, victim)
            times.append(took)
            place = re.search(r"no progress in (exchange|the start|the end|an all-gather)", error)
            place = place[1] if place else "creation" if "cannot create" in error else "mpirun" if not error else error
            places[place] = places.get(place, 0) + 1
            if wrong:
                failures += 1
                print(f"{kind} of rank {victim} after {delay:.3f} s: {wrong}", flush=True)
        print(f"{kind}: {len(times)} trials, the last survivor ended after {sorted(times)[len(times) // 2]:.2f} s in "
              f"the median and {max(times):.2f} s at most; where it was noticed: {places}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
