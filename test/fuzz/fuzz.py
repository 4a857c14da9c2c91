#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every fuzzer of a build for a while and prints one line for each: what `make fuzz` calls.

usage: fuzz.py --build FOLDER [--seconds N] [--jobs N] [--findings FOLDER]
Of the time, the reader of manifests and that of .npy files get a tenth each, changed IR three tenths, programs half.
Findings go to FOLDER/<kind>-<seed>.txt, or for the readers to FOLDER/<reader>-crash-<hash>, an input. Exit status 1:
there is a finding.
"""
import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
READERS = HERE / "readers"


def fuzz_reader(name, binary, seconds, jobs, findings, work):
    """One libFuzzer process for each job; they share the folder of inputs that reach new code."""
    corpus = work / name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [binary, f"-max_total_time={max(1, int(seconds))}", "-timeout=20", "-print_final_stats=1",
               f"-artifact_prefix={findings}/{name}-", f"-dict={READERS / name}.dict", corpus, READERS / "seeds" / name]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace") for _ in range(jobs)]
    cases = wrong = 0
    for process in processes:
        output = process.communicate()[0]
        cases += sum(int(number) for number in re.findall(r"stat::number_of_executed_units: (\d+)", output))
        if process.returncode != 0:
            wrong += 1
            print("\n".join(output.splitlines()[-60:]))
            print(f"--- to repeat: {binary} <the input named above>")
    print(f"{name}: {cases} cases in {seconds:.0f} s ({cases / max(seconds, 1):.0f} a second, {jobs} jobs): {wrong} wrong")
    return wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--findings", type=pathlib.Path)
    arguments = parser.parse_args()
    findings = arguments.findings or arguments.build / "fuzz-findings"
    findings.mkdir(parents=True, exist_ok=True)
    binaries = (arguments.build / "bin").resolve()
    clean = True
    for reader in ("manifest", "npy"):
        binary = binaries / f"rondo-fuzz-{reader}"
        if not binary.exists():
            print(f"{reader}: not built: this compiler has no libFuzzer")
            continue
        clean &= fuzz_reader(reader, binary, arguments.seconds / 10, arguments.jobs, findings,
                             arguments.build / "fuzz-corpus")
    for kind, share in (("ir", 0.3), ("programs", 0.5)):
        status = subprocess.call([binaries / "rondo-fuzz", f"--kinds={kind}", f"--seconds={arguments.seconds * share}",
                                  f"--jobs={arguments.jobs}", f"--findings={findings}"])
        clean &= status == 0
    print("fuzz: nothing found" if clean else f"fuzz: there are findings, in {findings}", flush=True)
    return 0 if clean else 1


sys.exit(main())
