# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs for CUDA on processes that NCCL joins, both emulated: right results, and errors that are the same on all.

Usage: jobs_test.py <rondo-run> <folder of fixtures> <folder of the emulated libraries> [unittest's arguments]
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest

import ranks

RUN, FIXTURES, EMULATED = [os.path.abspath(argument) for argument in sys.argv[1:4]]
folder = tempfile.TemporaryDirectory()


def fixture(name):
    return os.path.join(FIXTURES, name + ".so")


def words(program="cuda_d5", queries=9, keys=61, options=(), timeout=20):
    return [RUN, "--communicator=nccl", fixture(program), "--function=kv_ring", f"--length=sq={queries}",
            f"--length=sk={keys}", "--length=b=1", "--length=hq=2", "--length=hk=1", f"--timeout={timeout}", *options]


class Job(unittest.TestCase):
    extra = ()  # options of each rank

    def start(self, commands, **environment):
        """Starts ranks whose files of the emulated NCCL, if any are left, end with the test."""
        commands = [[*command, *self.extra] for command in commands]
        place = tempfile.mkdtemp(dir=folder.name)
        return ranks.start(commands, {**ranks.emulated(EMULATED), "TMPDIR": place, **environment},
                           stdout=ranks.subprocess.PIPE, stderr=ranks.subprocess.PIPE, text=True)

    def finish(self, processes):
        """The statuses and outputs of all ranks, and their errors."""
        results = []
        try:
            results = [process.communicate(timeout=60) for process in processes]
        finally:
            for process in processes:
                process.kill()
        errors = [line for _, text in results for line in text.splitlines() if line.startswith("rondo-run: error: ")]
        return ([process.returncode for process in processes], [output for output, _ in results],
                [line[len("rondo-run: error: "):] for line in errors])

    def run_job(self, commands, **environment):
        return self.finish(self.start(commands, **environment))

    def expect_error(self, pattern, commands, status=1, errors=1, **environment):
        """Every rank fails, and `errors` of them print the same text."""
        statuses, outputs, texts = self.run_job(commands, **environment)
        self.assertEqual(len(texts), errors, texts)
        self.assertEqual(len(set(texts)), 1, texts)
        self.assertRegex(texts[0], pattern)
        self.assertEqual((set(statuses), set(outputs)), ({status}, {""}))


class Results(Job):
    def check(self, program, count, queries, keys, *options):
        statuses, outputs, errors = self.run_job([words(program, queries, keys, ["--check", *options])] * count)
        self.assertEqual((statuses, errors), ([0] * count, []))
        self.assertIn(f"{count} ranks (nccl), cuda:sm_90a" if count > 1 else "1 rank (nccl)", outputs[0])
        self.assertEqual(outputs[0].count("check passed"), 1)
        self.assertEqual(set(outputs[1:]) - {""}, set())
        return outputs[0]

    def test_odd_lengths(self):
        for queries, keys in [(9, 61), (1, 1), (2, 3), (5, 2)]:
            with self.subTest(queries=queries, keys=keys):
                self.check("cuda_d5", 3, queries, keys)

    def test_numbers_of_ranks(self):
        for count in (1, 2, 4):
            with self.subTest(ranks=count):
                self.check("cuda_d64", count, 7, 130)

    def test_causal(self):
        self.check("cuda_d64_causal", 2, 31, 130)

    def test_ctas(self):
        # Two CTAs for two ranks are one for a transfer; copy engines need none.
        ctas = 1 if self.extra else 0
        output = self.check("cuda_d5", 2, 9, 61, "--nccl-ctas=2", "--sm-margin=2")
        self.assertIn(f"\n  multiprocessors {ctas} for a transfer, attention leaves 2\n", output)
        # One CTA of attention for four multiprocessors: room costs nothing.
        output = self.check("cuda_d5", 2, 9, 61)
        self.assertEqual("\n  multiprocessors 1 for a transfer, attention leaves 1\n" in output, bool(ctas))
        self.assertNotIn("multiprocessors", self.check("cuda_d5", 1, 9, 61))

    def test_graphs(self):
        for count, queries, keys in ((3, 9, 61), (2, 1, 1), (1, 4, 5)):
            with self.subTest(ranks=count):
                for transfers in ("nccl", "auto"):
                    self.check("cuda_d5", count, queries, keys, "--graph", "--repeat=3", f"--transfers={transfers}")
        _, outputs, _ = self.run_job([words(options=["--graph", "--repeat=3"])] * 2)
        self.assertIn("1 captured, 3 replayed", outputs[0])

    def test_other_orders_of_streams(self):
        for seed in ("2", "3"):
            statuses, _, errors = self.run_job([words(options=["--check", "--repeat=3"])] * 2,
                                               RONDO_EMULATOR_SEED=seed)
            self.assertEqual((statuses, errors), ([0, 0], []))

    def test_report(self):
        files = {name: os.path.join(folder.name, name) for name in ("report.json", "trace.json", "timeline.svg")}
        options = ["--repeat=2", *[f"--{name.split('.')[0].replace('report', 'json')}={path}"
                                   for name, path in files.items()]]
        statuses, _, errors = self.run_job([words(options=options)] * 2)
        self.assertEqual((statuses, errors), ([0, 0], []))
        with open(files["report.json"], encoding="utf-8") as file:
            report = file.read()
        self.assertEqual(json.loads(report)["communicator"], "nccl")
        self.assertEqual({(rank["transfer_ctas"], rank["sm_margin"]) for rank in json.loads(report)["per_rank"]},
                         {(1, 1) if self.extra else (0, 0)})
        self.assertEqual(report.count('"rank": '), 2)
        self.assertEqual({rank["device"] for rank in json.loads(report)["per_rank"]}, {0})
        trace = self.expect_all_lanes(files["trace.json"], 2)
        self.assertEqual(trace["otherData"], {"clock_uncertainty_ns": "0"})
        with open(files["timeline.svg"], encoding="utf-8") as file:
            picture = file.read()
        self.assertIn("rank 1", picture)
        self.assertNotIn("clocks agree", picture)

    def expect_all_lanes(self, path, count):
        """The trace, which has events of each stream of each rank; those of one exchange overlap or touch."""
        with open(path, encoding="utf-8") as file:
            trace = json.load(file)
        events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
        self.assertEqual({event["tid"] for event in events}, set(range(2 * count)))
        uncertainty = 2e-3 * int(trace["otherData"]["clock_uncertainty_ns"])
        exchanges = {(event["tid"] // 2, event["args"]["step"]): event for event in events if event["cat"] == "exchange"}
        for (_, step), event in exchanges.items():
            sent = exchanges[event["args"]["from"], step]
            self.assertGreaterEqual(event["ts"] + event["dur"] + uncertainty + 1000, sent["ts"])
        return trace

    def test_trace_of_several_hosts(self):
        """Processes that pose as hosts of their own do not rely on one clock."""
        files = [os.path.join(folder.name, name) for name in ("hosts.json", "hosts.svg")]
        options = [f"--trace={files[0]}", f"--timeline={files[1]}"]
        statuses, _, errors = self.run_job([["env", f"NCCL_HOSTID=host{rank}", *words(options=options)]
                                            for rank in range(3)])
        self.assertEqual((statuses, errors), ([0, 0, 0], []))
        trace = self.expect_all_lanes(files[0], 3)
        self.assertGreater(int(trace["otherData"]["clock_uncertainty_ns"]), 0)
        with open(files[1], encoding="utf-8") as file:
            self.assertRegex(file.read(), "the ranks&#39; clocks agree within|the ranks' clocks agree within")

    @unittest.skipUnless(shutil.which("mpirun"), "there is no mpirun")
    def test_mpirun(self):
        mpirun = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mpi", "mpirun.sh")
        result = ranks.subprocess.run([mpirun, "-n", "3", *words(options=["--check"]), *self.extra], capture_output=True, text=True,
                                      env={**os.environ, **ranks.emulated(EMULATED), "TMPDIR": folder.name},
                                      timeout=60, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("3 ranks (nccl)", result.stdout)
        self.assertEqual(result.stdout.count("check passed"), 1)


class Registration(Job):
    """Memory that exchanges use is NCCL's and registered with it, on all ranks or on none."""
    extra = ("--transfers=nccl",)

    def run_logged(self, commands, **environment):
        """The calls that each process made, in order, once all have ended well."""
        with tempfile.NamedTemporaryFile("r", dir=folder.name) as log:
            statuses, outputs, errors = self.run_job(commands, RONDO_EMULATOR_NCCL_LOG=log.name, **environment)
            calls = {}
            for line in log:
                process, call, *place = line.split()
                calls.setdefault(process, []).append((call, *place))
        self.assertEqual((statuses, errors), ([0] * len(commands), []))
        self.assertIn("check passed", outputs[0])
        return list(calls.values())

    def test_registered_once(self):
        calls = self.run_logged([words(options=["--check", "--repeat=3"])] * 3)
        self.assertEqual(len(calls), 3)
        for own in calls:
            self.assertEqual([call for call, *_ in own], ["allocate", "register", "deregister", "free"])
            self.assertEqual(len({tuple(place) for _, *place in own}), 1)

    def test_turned_off(self):
        self.assertEqual(self.run_logged([words(options=["--check"])] * 2, RONDO_NCCL_REGISTER="0"), [])

    def test_turned_off_on_one_rank(self):
        one = ["env", "RONDO_NCCL_REGISTER=0", *words(options=["--check"])]
        self.assertEqual(self.run_logged([words(options=["--check"]), one, words(options=["--check"])]), [])

    def test_copy_engines_need_none(self):
        one = words(options=["--check"])
        self.extra = ("--transfers=auto",)
        self.assertEqual(self.run_logged([one] * 2), [])

    def test_alone(self):
        self.assertEqual(self.run_logged([words(options=["--check"])]), [])

    def test_nccl_without_it(self):
        plain = os.path.join(EMULATED, "libnccl-plain.so")
        self.assertEqual(self.run_logged([words(options=["--check"])] * 2, RONDO_NCCL=plain), [])

    def test_wrong_value(self):
        self.expect_error(r"^rank 0: the environment variable RONDO_NCCL_REGISTER is 'yes', but should be 1 or 0",
                          [words()] * 2, status=2, errors=2, RONDO_NCCL_REGISTER="yes")

    def test_no_memory(self):
        statuses, _, errors = self.run_job([words()] * 2, RONDO_EMULATOR_MEMORY_BYTES="3500")
        self.assertEqual(statuses, [1, 1])
        self.assertTrue(errors)
        for error in errors:  # both may find it in the same moment
            self.assertRegex(error, r"rank \d on GPU 0 \(PTX emulator\): NCCL cannot allocate its intermediate values in "
                                    r"step 0: unhandled cuda error; 3072 bytes are wanted, \d+ of 3500 are free")


class Errors(Job):
    def test_no_nccl(self):
        self.expect_error(r"^rank 0: NCCL cannot be loaded: .*/nowhere.so.*RONDO_NCCL", [words()] * 2, status=2,
                          errors=2, RONDO_NCCL="/nowhere.so")

    def test_old_nccl(self):
        self.expect_error(r"^rank 0: NCCL \(from .*\) is of version 2\.26\.5: 2\.27 or later is needed", [words()] * 2,
                          status=2, errors=2, RONDO_EMULATOR_NCCL_VERSION="22605")

    def test_no_gpu(self):
        self.expect_error(r"^rank 0: .*GPU", [words()] * 2, status=2, errors=2, RONDO_EMULATOR_DEVICES="0")

    def test_one_gpu_for_several_ranks(self):
        self.expect_error(r"^rank 0: NCCL cannot connect the ranks: invalid usage: Duplicate GPU detected; rank 1 is "
                          r"on the same GPU.*NCCL_HOSTID", [words()] * 2, status=2, errors=2,
                          RONDO_EMULATOR_NCCL_REFUSES="1")

    def test_wrong_number_of_ranks(self):
        self.expect_error(r"--ranks=3: with --communicator=nccl each process is a rank, and there are 2",
                          [words(options=["--ranks=3"])] * 2, status=2)

    def test_program_for_processors(self):
        self.expect_error("the program is for 'cpu', but NCCL joins GPUs",
                          [[RUN, "--communicator=nccl", fixture("ring_sum"), "--length=s0=10"]] * 2)

    def test_other_program_on_one_rank(self):
        self.expect_error("the ranks differ: digest of the program's file is .* on rank 2, but most ranks, such as 0",
                          [words("cuda_d64"), words("cuda_d64"), words("cuda_d64_causal")])

    def test_other_length_on_one_rank(self):
        self.expect_error("the processes were started with different arguments: rank 1 runs .*sk=62.*, but rank 0",
                          [words(), words(keys=62), words()], status=2)

    def test_other_timeout_on_one_rank(self):
        self.expect_error("the ranks differ: timeout_s is .* on rank 1", [words(), words(timeout=21), words()])


class Faults(Job):
    def test_failure(self):
        self.expect_error(r"rank 2 failed in 'attend' in step 1 \(injected\)",
                          [words(options=["--inject=fail@2,attend,1"])] * 3)

    def test_stall(self):
        for operation, text in (("attend", "'attend'"), ("key", r"'key\+value'")):
            with self.subTest(operation=operation):
                self.expect_error(f"rank 1: no progress in {text} in step 1 within 1 s",
                                  [words(options=[f"--inject=stall@1,{operation},1"], timeout=1)] * 3)

    def test_kernel_that_never_ends(self):
        # On every rank: each finds its own.
        statuses, _, errors = self.run_job([words(timeout=1)] * 2,
                                           RONDO_EMULATOR_HANG=hanging_kernel())
        self.assertEqual(set(statuses), {1})
        for error in errors:
            self.assertRegex(error, r"rank \d: no progress in '(attend|merge)' in step [01] within 1 s")

    def end_one(self, victim, how, timeout, *options):
        """Ends a rank in the midst of runs; returns the errors of the others."""
        processes = self.start([words(options=["--repeat=1000000", *options], timeout=timeout)] * 3)
        time.sleep(0.7)
        self.assertEqual([process.poll() for process in processes], [None] * 3)
        processes[victim].send_signal(how)
        others = [process for rank, process in enumerate(processes) if rank != victim]
        try:
            statuses, _, errors = self.finish(others)
        finally:
            processes[victim].kill()
            processes[victim].communicate()
        self.assertEqual(set(statuses), {1})
        self.assertTrue(errors)
        return errors

    def test_killed_rank(self):
        for victim in (1, 2):
            with self.subTest(victim=victim):
                errors = self.end_one(victim, signal.SIGKILL, timeout=20)
                self.assertEqual(len(set(errors)), 1, errors)
                self.assertRegex(errors[0], rf"^rank \d lost rank {victim} in .*: its connection was closed")

    def test_ended_rank_with_graphs(self):
        for transfers in ("nccl", "auto"):
            options = ("--graph", f"--transfers={transfers}")
            errors = self.end_one(1, signal.SIGKILL, 20, *options)
            self.assertEqual(len(set(errors)), 1, errors)
            self.assertRegex(errors[0], r"^rank \d lost rank 1 in .*: its connection was closed")
            errors = self.end_one(2, signal.SIGSTOP, 1, *options)
            for error in errors:
                self.assertRegex(error, r"^rank \d: no progress in .* with rank \d.* within 1 s .*"
                                        r"rank 2 does not answer")

    def test_killed_first_rank(self):
        errors = self.end_one(0, signal.SIGKILL, timeout=20)
        for error in errors:
            self.assertRegex(error, r"^rank \d lost rank 0 in .*: its connection was closed")

    def test_stopped_rank(self):
        errors = self.end_one(1, signal.SIGSTOP, timeout=1)
        for error in errors:
            self.assertRegex(error, r"^rank \d: no progress in .* with rank \d.* within 1 s .*"
                                    r"rank 1 does not answer")

    def test_stopped_first_rank(self):
        # Its process passes on what the others ask each other.
        for error in self.end_one(0, signal.SIGSTOP, timeout=1):
            self.assertRegex(error, r"^rank \d: no progress in .* within 1 s .*rank 0(, by which ranks ask each other,)? "
                                    r"does not answer")


class ResultsByNccl(Results):
    """Not by copy engines."""
    extra = ("--transfers=nccl",)


class FaultsByNccl(Faults):
    extra = ("--transfers=nccl",)


def hanging_kernel():
    """The name of the fixture's first kernel, from its image."""
    with open(fixture("cuda_d5"), "rb") as file:
        return re.search(rb"\.entry\s+(\w+)", file.read()).group(1).decode()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
