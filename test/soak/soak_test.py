# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Some hundred runs in one process: on the CPU, on the emulated GPU, and on ranks that MPI or the emulated NCCL joins.

Usage: soak_test.py <bin folder> <lib folder> <folder of the emulated libraries> [unittest's arguments]
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "test/execution/cuda"), str(ROOT / "test/execution/nccl")]

import ranks  # noqa: E402
from attention_program import Program  # noqa: E402

BIN, LIB, EMULATED = (pathlib.Path(path).resolve() for path in sys.argv[1:4])
FOLDER = tempfile.TemporaryDirectory()
CPU = Program("cpu", schedule="kv-ring", mask="bottom-right", heads=4, key_heads=2)
CUDA = Program("cuda", features=16)
# What malloc and the emulator keep for threads and streams varies by some pages.
SLACK = f"--slack={200 << 10},{2 << 20},{256 << 10}"


def path(program):
    return pathlib.Path(FOLDER.name) / f"{program.name}.so"


def setUpModule():
    for program, target in ((CPU, ["--target=cpu"]), (CUDA, ["--target=cuda:sm_90a", "--cuda-image=ptx"])):
        source = path(program).with_suffix(".mlir")
        source.write_text(program.text)
        subprocess.run([BIN / "rondo-compile", source, *program.options, *target, "-o", path(program)], check=True,
                       env=os.environ | {"RONDO_CACHE_DIR": "none"})


def words(program, *options):
    most = "s0=61,s1=301" if program is CPU else "s0=7,s1=40"
    return [str(BIN / "rondo-soak"), str(path(program)), f"--most={most}", SLACK, *options]


def environment():
    return {**os.environ, **ranks.emulated(str(EMULATED)),
            "LD_LIBRARY_PATH": f"{LIB}:{EMULATED}", "TMPDIR": FOLDER.name}


def soak(program, *options):
    return subprocess.run(words(program, *options), capture_output=True, text=True, env=environment(), timeout=100)


class Steady(unittest.TestCase):
    def expect_steady(self, done, kind, count, runs, cycles):
        # Where /sys is missing, as in some containers, MPI's topology library says so.
        errors = [line for line in done.stderr.splitlines() if not line.startswith("[hwloc")]
        self.assertEqual((done.returncode, errors), (0, []))
        report = json.loads(done.stdout)
        self.assertEqual((report["communicator"], report["ranks"]), (kind, count))
        self.assertTrue(report["held"] and report["right"])
        self.assertLess(report["error"], 1e-3)
        self.assertEqual([(phase["name"], phase["count"]) for phase in report["phases"]],
                         [("runs", runs), ("cycles", cycles)])
        for phase in report["phases"]:
            self.assertGreaterEqual(len(phase["samples"]), 2)
            self.assertTrue(all(sample["threads"] > 0 for sample in phase["samples"]))
        return report

    def test_cpu(self):
        self.expect_steady(soak(CPU, "--ranks=3", "--runs=600", "--cycles=20"), "threads", 3, 600, 20)

    def test_emulated_gpu(self):
        report = self.expect_steady(soak(CUDA, "--runs=300", "--cycles=10"), "threads", 2, 300, 10)
        self.assertGreater(report["phases"][0]["samples"][0]["device_bytes"], 0)

    def test_emulated_nccl(self):
        processes = ranks.start([words(CUDA, "--communicator=nccl", "--runs=100", "--cycles=8")] * 2, environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        results = [process.communicate(timeout=100) for process in processes]
        self.assertEqual([(process.returncode, errors) for process, (_, errors) in zip(processes, results)],
                         [(0, "")] * 2)
        done = subprocess.CompletedProcess([], 0, results[0][0], results[0][1])
        self.expect_steady(done, "nccl", 2, 100, 8)
        self.assertEqual(results[1][0], "")

    @unittest.skipUnless(shutil.which("mpirun") and (LIB / "librondo_mpi.so").exists(), "there is no MPI")
    def test_mpi(self):
        mpirun = ROOT / "test/execution/mpi/mpirun.sh"
        done = subprocess.run([mpirun, "-n", "3", *words(CPU, "--communicator=mpi", "--runs=200", "--cycles=8")],
                              capture_output=True, text=True, env=environment(), timeout=100)
        self.expect_steady(done, "mpi", 3, 200, 8)


class Growing(unittest.TestCase):
    """What grows is found, and named."""

    def expect_growth(self, program, kind, what, sanitized=False):
        done = soak(program, "--runs=300", "--cycles=0", f"--leak={kind}")
        if sanitized and '"heap_bytes": 0' in done.stdout:
            self.skipTest("the allocator of a sanitizer is not measured")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"grew: {what} by ", done.stderr)
        self.assertFalse(json.loads(done.stdout)["held"])

    def test_heap(self):
        self.expect_growth(CPU, "heap", "heap_bytes", sanitized=True)

    def test_device(self):
        self.expect_growth(CUDA, "device", "device_bytes")

    def test_files(self):
        self.expect_growth(CPU, "file", "descriptors")

    def test_threads(self):
        self.expect_growth(CPU, "thread", "threads")

    def test_wrong_results(self):
        right = path(CUDA).read_bytes()
        self.addCleanup(path(CUDA).write_bytes, right)
        self.assertIn(b"ex2.approx.ftz.f32", right)
        path(CUDA).write_bytes(right.replace(b"ex2.approx.ftz.f32", b"lg2.approx.ftz.f32"))
        done = soak(CUDA, "--runs=20", "--cycles=0")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("wrong: result0 with 7 rows: ", done.stderr)


class Misuse(unittest.TestCase):
    def test_options(self):
        for options, text in ((["--runs=3"], "--runs=3: expected whole numbers, at least 20"),
                              (["--leak=x"], "--leak=x: expected heap, device, file or thread"),
                              (["--most=s0"], "--most=s0: expected NAME=LENGTH"),
                              (["--slack=1"], "--slack=1: expected three numbers"),
                              (["--what=1"], "unknown option --what"),
                              (["--communicator=loopback"], "expected threads, mpi or nccl")):
            done = soak(CPU, *options)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(text, done.stderr)
        done = subprocess.run([BIN / "rondo-soak", path(CPU), "--most=s0=3"], capture_output=True, text=True,
                              env=environment())
        self.assertEqual(done.returncode, 2)
        self.assertIn("length 's1' of the program is not bound", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
