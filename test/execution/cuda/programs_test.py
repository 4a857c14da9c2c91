# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs compiled for CUDA, run by rondo-run on the emulated GPU, against float64.

Usage: programs_test.py <bin folder> <folder of the emulator's libcuda.so.1> [unittest's arguments]
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from attention_program import Program

BIN, EMULATED_CUDA = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
FOLDER = tempfile.TemporaryDirectory()
PROGRAMS = {program.name: program for program in [
    Program("query-ring"),
    Program("query-ring-top-left", "bf16", mask="top-left", heads=2, key_heads=2, features=128),
    Program("query-ring-bottom-right", mask="bottom-right", heads=3),
    Program("query-ring-elementwise", batches=2, doubled=True, tripled=True),
    Program("query-ring-odd-features", "bf16", features=5, value_features=7),
    Program("query-ring-home", heads=4, home_parts=2),
    Program("query-ring-home-top-left", "bf16", mask="top-left", features=5, home_parts=2),
    Program("query-ring-home-bottom-right", mask="bottom-right", heads=3, doubled=True, home_parts=2),
    Program("kv-ring", schedule="kv-ring", features=64, value_features=128),
    Program("kv-ring-top-left", schedule="kv-ring", mask="top-left", features=128),
    Program("kv-ring-bottom-right", "bf16", "kv-ring", "bottom-right", heads=4, key_heads=2),
    Program("kv-ring-elementwise", "bf16", "kv-ring", "top-left", batches=2, doubled=True, tripled=True),
    Program("kv-ring-odd-features", "f16", "kv-ring", "bottom-right", features=5),
    Program("local", "bf16", "local", heads=4, key_heads=2, features=128, value_features=64),
    Program("local-bottom-right", "f16", "local", "bottom-right"),
    Program("local-top-left", "bf16", "local", "top-left", batches=2, features=5, tripled=True),
]}
RANKS = (1, 2, 3, 4)
# Queries and keys: one of each; fewer than ranks; primes; several blocks of keys; several tiles of rows.
LENGTHS = ((1, 1), (3, 2), (7, 13), (2, 401), (149, 5))
NO_ROWS = ((0, 3), (3, 0))


def path(name):
    return pathlib.Path(FOLDER.name) / f"{name}.so"


def compile_program(program):
    source = path(program.name).with_suffix(".mlir")
    source.write_text(program.text)
    subprocess.run([BIN / "rondo-compile", source, *program.options, "--target=cuda:sm_90a", "--cuda-image=ptx", "-o",
                    path(program.name)], check=True, env=os.environ | {"RONDO_CACHE_DIR": "none"})


def setUpModule():
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_program, PROGRAMS.values()))


def run(file, ranks, lengths, *options, **environment):
    command = [BIN / "rondo-run", file, f"--ranks={ranks}", f"--length=s0={lengths[0]}", f"--length=s1={lengths[1]}",
               *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=100,
                          env=os.environ | {"LD_LIBRARY_PATH": str(EMULATED_CUDA), **environment})


class Programs(unittest.TestCase):
    def expect_right(self, name, ranks, lengths, **environment):
        done = run(path(name), ranks, lengths, "--check", **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name}, {ranks} ranks, {lengths}: {done.stdout}")
        self.assertEqual(done.stdout.count(": ok\n"), 2)  # the output and the log-sum-exp

    def expect_all_right(self, cases):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(self.expect_right, *case) for case in cases]:
                done.result()

    def test_the_schedules_are_those(self):
        for program in PROGRAMS.values():
            text = subprocess.run([BIN / "rondo-run", "--describe", path(program.name)], capture_output=True, text=True,
                                  check=True).stdout
            self.assertIn(program.schedule, text)
            self.assertIn("cuda:sm_90a", text)

    def test_lengths_and_ranks(self):
        self.expect_all_right((name, ranks, lengths) for name in PROGRAMS for ranks in RANKS for lengths in LENGTHS)

    def test_no_rows(self):
        names = ("query-ring", "query-ring-home", "kv-ring-bottom-right", "local")
        self.expect_all_right((name, ranks, lengths) for name in names
                              for ranks in (1, 3) for lengths in NO_ROWS)

    def test_any_order_of_the_streams(self):
        for seed in ("2", "3", "4"):
            for name in ("query-ring-elementwise", "kv-ring-elementwise"):
                self.expect_right(name, 4, (7, 13), RONDO_EMULATOR_SEED=seed)

    def test_more_multiprocessors_split_the_keys(self):
        for name in ("query-ring", "query-ring-top-left", "query-ring-home", "query-ring-home-bottom-right", "kv-ring",
                     "kv-ring-bottom-right", "local-bottom-right"):
            for ranks, lengths in ((2, (3, 1201)), (3, (7, 901))):
                self.expect_right(name, ranks, lengths, RONDO_EMULATOR_MULTIPROCESSORS="16")

    def expect_graph(self, name, lengths):
        report = pathlib.Path(FOLDER.name) / f"{name}.json"
        done = run(path(name), 1, lengths, "--check", "--graph", f"--json={report}")
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{name}, {lengths}: {done.stdout}")
        self.assertIn("graph           1 captured, 1 replayed", done.stdout)
        report = json.loads(report.read_text())
        self.assertEqual(report["graphs"], {"captured": 1, "replayed": 1})
        self.assertIsNone(report["per_rank"][0]["compute_s"])

    def test_graphs(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(self.expect_graph, name, ((7, 13), (149, 41))[i % 2])
                         for i, name in enumerate(PROGRAMS)]:
                done.result()

    def test_graphs_of_all_steps(self):
        for name in ("query-ring-elementwise", "kv-ring-bottom-right", "query-ring-odd-features"):
            for link in ((), ("--link=1,10",)):
                done = run(path(name), 4, (7, 13), "--communicator=loopback", "--graph", "--repeat=2", *link)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
                self.assertIn("graph           1 captured, 2 replayed", done.stdout)

    def test_the_same_bits_with_graphs(self):
        results = []
        for options in ((), ("--graph",)):
            file = pathlib.Path(FOLDER.name) / "graph.npy"
            done = run(path("query-ring-top-left"), 1, (61, 127), f"--output=result0={file}", *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            results.append(file.read_bytes())
        self.assertEqual(*results)

    def test_where_there_are_no_graphs(self):
        for ranks, options, text in ((2, (), "--graph: 2 ranks in one process wait for each other's events"),
                                     (1, ("--trace=x",), "--trace shows single operations"),
                                     (1, ("--timeline=x.svg",), "--timeline shows single operations")):
            done = run(path("local"), ranks, (3, 5), "--graph", *options)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn(text, done.stderr)

    def test_the_same_bits_again(self):
        results = []
        for seed in ("5", "77"):
            file = pathlib.Path(FOLDER.name) / f"{seed}.npy"
            self.assertEqual(run(path("query-ring-top-left"), 3, (61, 127), f"--output=result0={file}",
                                 RONDO_EMULATOR_SEED=seed).returncode, 0)
            results.append(file.read_bytes())
        self.assertEqual(*results)


class SeveralGpus(Programs):
    """Ranks of one process, dealt round GPUs."""

    # Those of the base class are of one GPU.
    test_the_schedules_are_those = test_lengths_and_ranks = test_no_rows = test_any_order_of_the_streams = None
    test_more_multiprocessors_split_the_keys = test_the_same_bits_again = None

    NAMES = ("query-ring-elementwise", "kv-ring-bottom-right", "local")

    def expect_right_on(self, gpus, name, ranks, lengths, **environment):
        self.expect_right(name, ranks, lengths, RONDO_EMULATOR_DEVICES=str(gpus), **environment)

    def test_numbers_of_ranks_and_gpus(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(self.expect_right_on, gpus, name, ranks, lengths) for name in self.NAMES
                         for gpus in (2, 3) for ranks in (1, 2, 3, 4, 5)
                         for lengths in (((7, 13), (1, 1)) if ranks == 3 else ((7, 13),))]:
                done.result()

    def test_no_rows(self):
        for lengths in NO_ROWS:
            self.expect_right_on(2, "query-ring", 3, lengths)

    def test_gpus_that_do_not_reach_each_other(self):
        for name in self.NAMES:
            self.expect_right_on(3, name, 4, (7, 13), RONDO_EMULATOR_PEERS="0")

    def test_any_order_of_the_streams(self):
        for seed in ("2", "3", "4"):
            for name in self.NAMES:
                self.expect_right_on(2, name, 3, (7, 13), RONDO_EMULATOR_SEED=seed)

    def test_runs_again(self):
        done = run(path("query-ring"), 4, (7, 13), "--check", "--repeat=3", "--link=20,10", RONDO_EMULATOR_DEVICES="2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("query-ring", done.stdout)

    def test_the_same_bits_as_on_one_gpu(self):
        results = []
        for options in ([], ["--device=1"]):
            file = pathlib.Path(FOLDER.name) / "bits.npy"
            done = run(path("query-ring-top-left"), 3, (61, 127), f"--output=result0={file}", *options,
                       RONDO_EMULATOR_DEVICES="2")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(" on 2 GPUs, " in done.stdout, not options, done.stdout)
            results.append(file.read_bytes())
        self.assertEqual(*results)

    def test_report(self):
        report, trace = (pathlib.Path(FOLDER.name) / name for name in ("report.json", "trace.json"))
        for options, devices in (([], [0, 1, 2, 0]), (["--device=2"], [2, 2, 2, 2])):
            done = run(path("query-ring"), 4, (7, 13), f"--json={report}", f"--trace={trace}", *options,
                       RONDO_EMULATOR_DEVICES="3")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual([rank["device"] for rank in json.loads(report.read_text())["per_rank"]], devices)
            lanes = {event["tid"] for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"}
            self.assertEqual(lanes, set(range(8)))

    def test_two_axes(self):
        """Heads are sharded, too."""
        sharding = '{rondo.sharding = #rondo.sharding<@gpus, [{}, {"heads"}, {"seq"}, {}]>}'
        tensor = "tensor<1x4x?x64xf16>"
        source = pathlib.Path(FOLDER.name) / "two-axes.mlir"
        source.write_text(f"""rondo.grid @gpus = ["heads" = 2, "seq" = ?]
            func.func @f(%q: {tensor} {sharding}, %k: {tensor} {sharding}, %v: {tensor} {sharding})
                -> ({tensor} {sharding}) {{
              %o = rondo.attention %q, %k, %v : ({tensor}, {tensor}, {tensor}) -> {tensor}
              return %o : {tensor}
            }}""")
        subprocess.run([BIN / "rondo-compile", source, "--target=cuda:sm_90a", "--cuda-image=ptx", "-o",
                        path("two-axes")], check=True, env=os.environ | {"RONDO_CACHE_DIR": "none"})
        for ranks in (2, 4, 6):
            done = run(path("two-axes"), ranks, (7, 13), "--check", RONDO_EMULATOR_DEVICES="3")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f" on {min(ranks, 3)} GPUs, ", done.stdout)

    def test_a_rank_that_stalls(self):
        done = run(path("kv-ring"), 3, (7, 13), "--inject=stall@1,attend,1", "--timeout=1", RONDO_EMULATOR_DEVICES="2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("rank 1: no progress in 'attend' in step 1 within 1 s", done.stderr)

    def test_no_such_gpu(self):
        done = run(path("local"), 2, (7, 13), "--device=5", RONDO_EMULATOR_DEVICES="2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no GPU 5: this process sees GPUs 0 to 1", done.stderr)

    def test_an_operation_that_fails(self):
        for operation, text in (("1,attend,1", "rank 1 failed in 'attend' in step 1 (injected)"),
                                ("2,key,1", "rank 2 failed in exchange 'key+value' with rank 0 in step 1 (injected)")):
            done = run(path("kv-ring"), 3, (7, 13), f"--inject=fail@{operation}", RONDO_EMULATOR_DEVICES="2")
            self.assertEqual(done.returncode, 1)
            self.assertIn(text, done.stderr)


class PlantedFaults(unittest.TestCase):
    """Programs whose PTX is changed."""

    def expect_wrong(self, name, old, new, lengths=(7, 13), ranks=3, kernel=b"", **environment):
        """`new` stands in the place of `old`, of the same length, everywhere, or in one kernel."""
        right = path(name).read_bytes()
        begin = right.index(b".entry " + kernel + b"(") if kernel else 0
        end = right.index(b"\n}", begin) if kernel else len(right)
        self.assertTrue(old in right[begin:end], old)  # which assertIn would print
        self.assertEqual(len(old), len(new))
        wrong = pathlib.Path(FOLDER.name) / "wrong.so"
        wrong.write_bytes(right[:begin] + right[begin:end].replace(old, new) + right[end:])
        done = run(wrong, ranks, lengths, "--check", **environment)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done

    def expect_unequal(self, *arguments, **options):
        self.assertIn("check failed: ", self.expect_wrong(*arguments, **options).stdout)

    def test_no_mask(self):
        self.expect_unequal("query-ring-bottom-right", b"0fFF800000", b"0f00000000")

    def test_other_weights(self):
        self.expect_unequal("kv-ring", b"ex2.approx.ftz.f32", b"lg2.approx.ftz.f32")

    def test_other_weights_of_what_arrives(self):
        """One kernel merges an attention's parts with what arrives."""
        for name, kernel in (("query-ring", b"merge_f16_64_to_f32_u12_arriving_f32_dependent"),
                             ("query-ring-home", b"merge_f16_64_to_f32_u12_arriving_f32_dependent"),
                             ("kv-ring", b"merge_f16_128_to_f32_u12_arriving_f32_dependent"),
                             ("kv-ring-bottom-right", b"merge_f16_64_to_f32_u12_arriving_f32_scaled_dependent")):
            self.expect_unequal(name, b"ex2.approx.ftz.f32", b"lg2.approx.ftz.f32", lengths=(3, 1201), ranks=2,
                                kernel=kernel, RONDO_EMULATOR_MULTIPROCESSORS="16")

    def test_other_elementwise_operations(self):
        self.expect_unequal("kv-ring-elementwise", b"add.rn.bf16", b"sub.rn.bf16")
        self.expect_unequal("query-ring-elementwise", b"mul.rn.f16", b"add.rn.f16")

    def test_ptx_that_the_driver_refuses(self):
        done = self.expect_wrong("query-ring", b"mbarrier.arrive.expect_tx", b"mbarrier.arrive.expect_ty")
        self.assertIn("refuses image 0 of the program (", done.stderr)

    def test_an_image_of_other_kernels(self):
        done = self.expect_wrong("local", b".visible .entry attend_", b".visible .entry bttend_")
        self.assertRegex(done.stderr, "image 0 of the program has no kernel 'attend_")

    def test_an_image_of_other_traits(self):
        done = self.expect_wrong("query-ring", b".reqntid 384", b".reqntid 256")
        self.assertRegex(done.stderr, "kernel 'attend_.*' runs with at most 256 threads .* its traits want 384")

    def test_reads_past_the_end(self):
        done = run(path("query-ring"), 1, (7, 13), "--check", RONDO_EMULATOR_GUARD_BYTES="64")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "a (read|write) of [0-9]+ bytes at offset")

    def test_an_operation_that_fails(self):
        done = run(path("kv-ring"), 3, (7, 13), "--check", "--inject=fail@1,attend,1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("rank 1 failed in 'attend' in step 1 (injected)", done.stderr)


class Quickstart(unittest.TestCase):
    """The commands of the README, but for machine code, which the emulator does not know."""

    def test_readme(self):
        root = pathlib.Path(__file__).resolve().parents[3]
        section = (root / "README.md").read_text().split("\n## On a GPU\n")[1].split("\n## ")[0]
        commands = "".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
        self.assertEqual(commands.count("build/bin/"), 3)
        commands = commands.replace("build/bin", str(BIN)).replace("examples/", f"{root}/examples/")
        commands = commands.replace("sm_90a", "sm_90a --cuda-image=ptx").replace("--repeat=20", "--repeat=2")
        done = subprocess.run(["sh", "-ec", commands], capture_output=True, text=True, cwd=FOLDER.name,
                              env=os.environ | {"LD_LIBRARY_PATH": str(EMULATED_CUDA), "RONDO_CACHE_DIR": "none"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("\ncheck passed\n", done.stdout)
        self.assertTrue((pathlib.Path(FOLDER.name) / "timeline.svg").is_file())


class Misuse(unittest.TestCase):
    def expect_error(self, words, done):
        self.assertIn(words, done.stderr)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr.count("rondo-run: error: "), 1)

    def test_no_driver(self):
        done = run(path("local"), 1, (1, 1), LD_LIBRARY_PATH="/nowhere")
        if "no CUDA driver" not in done.stderr:
            self.skipTest("there is a driver")
        self.expect_error("programs for CUDA cannot run here: this machine has no CUDA driver: ", done)

    def test_an_older_gpu(self):
        self.expect_error("compiled for 'cuda:sm_90a', but GPU 0 (PTX emulator) has compute capability 8.0",
                          run(path("local"), 1, (1, 1), RONDO_EMULATOR_CAPABILITY="80"))

    def test_out_of_memory(self):
        done = run(path("kv-ring"), 2, (400, 400), RONDO_EMULATOR_MEMORY_BYTES="300000")
        self.expect_error("has no memory for ", done)
        self.assertRegex(done.stderr, r": \d+ bytes are wanted, \d+ ")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
