# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled programs on the processes of MPI jobs: right results, the same bits as on threads, and errors on all ranks.

Usage: jobs_test.py <bin folder> <mpirun.sh> [unittest's arguments]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN, MPIRUN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
RUN, COMPILE = os.path.join(BIN, "rondo-run"), os.path.join(BIN, "rondo-compile")
SKIPPED = 77

SOURCE = """
rondo.grid @ranks = ["seq" = ?]
func.func @f(
    %q: tensor<1x4x?x16xf32> {{rondo.sharding = #rondo.sharding<@ranks, [{{}}, {{}}, {{"seq"}}, {{}}]>}},
    %k: tensor<1x2x?x16xf32> {{rondo.sharding = #rondo.sharding<@ranks, [{{}}, {{}}, {{"seq"}}, {{}}]>}},
    %v: tensor<1x2x?x16xf32> {{rondo.sharding = #rondo.sharding<@ranks, [{{}}, {{}}, {{"seq"}}, {{}}]>}})
    -> (tensor<1x4x?x16xf32> {{rondo.sharding = #rondo.sharding<@ranks, [{{}}, {{}}, {{"seq"}}, {{}}]>}},
        tensor<1x4x?xf32> {{rondo.sharding = #rondo.sharding<@ranks, [{{}}, {{}}, {{"seq"}}]>}}) {{
  %o, %lse = rondo.attention %q, %k, %v{mask}
      : (tensor<1x4x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x16xf32>) -> (tensor<1x4x?x16xf32>, tensor<1x4x?xf32>)
  return %o, %lse : tensor<1x4x?x16xf32>, tensor<1x4x?xf32>
}}
"""
MASKS = {"none": "", "causal": " causal bottom_right"}
SCHEDULES = ["query-ring", "kv-ring"]

folder = tempfile.TemporaryDirectory()


def path(name):
    return os.path.join(folder.name, name)


def compile_program(name, schedule, mask, *options):
    with open(path(name + ".mlir"), "w", encoding="utf-8") as file:
        file.write(SOURCE.format(mask=MASKS[mask]))
    subprocess.run([COMPILE, path(name + ".mlir"), "-o", path(name + ".so"), f"--schedule={schedule}", *options],
                   check=True)


def setUpModule():
    for schedule in SCHEDULES:
        for mask in MASKS:
            compile_program(f"{schedule}-{mask}", schedule, mask)
    compile_program("no-overlap", "query-ring", "none", "--no-overlap")


def words(program, queries=61, keys=127, options=()):
    return [RUN, path(program + ".so"), "--communicator=mpi", f"--length=s0={queries}", f"--length=s1={keys}",
            "--timeout=20", *options]


class Job(unittest.TestCase):
    def run_job(self, *parts, environment=None):
        """Runs parts (number of processes, words) as one job; returns its status, output and errors of rondo-run."""
        command = [MPIRUN]
        for number, (processes, arguments) in enumerate(parts):
            command += [":"] * (number > 0) + ["-n", str(processes), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                                env={**os.environ, **(environment or {})})
        errors = [line for line in result.stderr.splitlines() if line.startswith("rondo-run: error: ")]
        return result.returncode, result.stdout, [line[len("rondo-run: error: "):] for line in errors]

    def expect_error(self, status, error, *parts, environment=None):
        """Expects one error, once, and its text or the beginning of it."""
        actual, output, errors = self.run_job(*parts, environment=environment)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(error, errors[0])
        self.assertEqual((actual, output), (status, ""))


class Results(Job):
    def check(self, schedule, mask, queries, keys, processes=4):
        program = f"{schedule}-{mask}"
        outputs = [f"--output=result{i}={path(f'mpi-{i}.npy')}" for i in range(2)]
        status, text, errors = self.run_job((processes, words(program, queries, keys, ["--check", *outputs])))
        self.assertEqual((status, errors), (0, []))
        self.assertIn(f"{processes} ranks (mpi)", text)
        self.assertEqual(text.count("check passed"), 1)
        # Threads give the same bits.
        subprocess.run([RUN, path(program + ".so"), f"--ranks={processes}", f"--length=s0={queries}",
                        f"--length=s1={keys}", *[word.replace("mpi-", "threads-") for word in outputs]], check=True,
                       stdout=subprocess.DEVNULL)
        for i in range(2):
            with open(path(f"mpi-{i}.npy"), "rb") as one, open(path(f"threads-{i}.npy"), "rb") as other:
                self.assertEqual(one.read(), other.read(), f"result{i}")

    def test_odd_lengths(self):
        for schedule in SCHEDULES:
            for mask in MASKS:
                for queries, keys in [(61, 1601), (3, 2), (1, 1)]:
                    with self.subTest(schedule=schedule, mask=mask, queries=queries, keys=keys):
                        self.check(schedule, mask, queries, keys)

    def test_three_processes(self):
        self.check("query-ring", "causal", 127, 13, 3)

    def test_report(self):
        files = [f"--json={path('report.json')}", f"--trace={path('trace.json')}", f"--timeline={path('timeline.svg')}"]
        status, text, errors = self.run_job((4, words("query-ring-none", options=["--repeat=3", *files])))
        self.assertEqual((status, errors), (0, []))
        self.assertIn("(3 runs)", text)
        with open(path("report.json"), encoding="utf-8") as file:
            report = file.read()
        self.assertEqual(report.count('"rank": '), 4)
        self.assertIn('"communicator": "mpi"', report)
        with open(path("trace.json"), encoding="utf-8") as file:
            trace = json.load(file)
        self.assertEqual({event["tid"] for event in trace["traceEvents"] if event["ph"] == "X"}, set(range(2 * 4)))
        self.assertEqual(trace["otherData"], {"clock_uncertainty_ns": "0"})  # one host
        with open(path("timeline.svg"), encoding="utf-8") as file:
            self.assertIn("rank 3", file.read())

    def test_without_mpirun(self):
        result = subprocess.run(words("kv-ring-none", options=["--check"]), capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 rank (mpi)", result.stdout)


class Mismatches(Job):
    def test_different_schedules(self):
        self.expect_error(1, 'schedule is [{"attention":0,"schedule":"kv-ring"}] on rank 3, but most ranks, such as 0, '
                             'have [{"attention":0,"schedule":"query-ring"}]',
                          (3, words("query-ring-none")), (1, words("kv-ring-none")))

    def test_different_programs(self):
        self.expect_error(1, "digest of the program's file is ",
                          (1, words("no-overlap")), (3, words("query-ring-none")))

    def test_different_lengths(self):
        self.expect_error(2, "started with different arguments: rank 3 runs f, seed 0, repeat 1, s0=62,",
                          (3, words("query-ring-none")), (1, words("query-ring-none", queries=62)))

    def test_different_timeouts(self):
        self.expect_error(1, "timeout_s is 9000000000 ns on rank 1, but most ranks, such as 0, have 20000000000 ns",
                          (1, words("query-ring-none")), (1, words("query-ring-none", options=["--timeout=9"])),
                          (2, words("query-ring-none")))

    def test_an_error_of_one_rank(self):
        self.expect_error(2, "rank 2: cannot read '/nowhere.npy'", (2, words("query-ring-none")),
                          (1, words("query-ring-none", options=["--input=arg0=/nowhere.npy"])),
                          (1, words("query-ring-none")))

    def test_an_injected_failure(self):
        self.expect_error(1, "rank 2 failed in 'attend' in step 1 (injected)",
                          (4, words("query-ring-none", options=["--inject=fail@2,attend,1"])))


class Misuse(Job):
    def expect_misuse(self, error, arguments, environment=None, status=2):
        result = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60,
                                env={**os.environ, **(environment or {})})
        self.assertIn(error, result.stderr)
        self.assertEqual(result.returncode, status)

    def test_missing_module(self):
        self.expect_misuse("no MPI: its module cannot be loaded (/nowhere.so: ", words("kv-ring-none"),
                           {"RONDO_MPI_MODULE": "/nowhere.so"})

    def test_a_module_of_something_else(self):
        self.expect_misuse("is of version 0, but this runtime needs 3", words("kv-ring-none"),
                           {"RONDO_MPI_MODULE": path("kv-ring-none.so")})

    def test_environments(self):
        self.expect_misuse("RANK is set, but WORLD_SIZE is not", words("kv-ring-none"), {"RANK": "0"})
        self.expect_misuse("RANK is 'x', but should be", words("kv-ring-none"), {"RANK": "x", "WORLD_SIZE": "2"})
        self.expect_misuse("rank 1: a communicator of 4 ranks, but MPI has 1 process", words("kv-ring-none"),
                           {"RANK": "1", "WORLD_SIZE": "4"})
        self.expect_misuse("(1) and OMPI_COMM_WORLD_RANK (0) contradict each other", words("kv-ring-none"),
                           {"RANK": "1", "WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"})

    def test_options(self):
        self.expect_misuse("--link cannot be used with --communicator=mpi",
                           words("kv-ring-none", options=["--link=1,1"]))
        self.expect_misuse("--ranks=3: with --communicator=mpi each process is a rank, and there are 1",
                           words("kv-ring-none", options=["--ranks=3"]))


def missing():
    """What these tests need and this machine does not have."""
    if not shutil.which("mpirun"):
        return "there is no mpirun (Debian: openmpi-bin)"
    if not os.path.exists(os.path.join(BIN, "..", "lib", "librondo_mpi.so")):
        return "this build has no MPI module (Debian: libopenmpi-dev)"
    return None


if __name__ == "__main__":
    if missing():
        print("skipped:", missing(), file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
