#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes a GPU bundle of a few kernels and programs and runs all of it on the emulated GPU; PyTorch and compute-sanitizer are fakes.

usage: bundle_test.py EMULATED_CUDA OPTION=FILE...    options of make_bundle.py, such as --check=attend_test
"""
import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path += [str(ROOT / "benchmark"), str(ROOT / "benchmark/gpu")]

import page  # noqa: E402
import results  # noqa: E402

EMULATED_CUDA, PARTS = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
PROGRAMS = ["query-ring-f16-none", "query-ring-bf16-none", "kv-ring-f16-bottom-right", "llama-query-ring",
            "llama-query-ring-home", "long", "long-doubled", "long-causal"]
KERNELS = ["split-k192-w1", "causal-k192", "persistent-causal-k192", "d64-direct-k192", "merge-f16"]
QUICK = ["bench", "1", "--launches=1", "--gap=0", "--copy-bytes=4096", "--shapes=tiny"]
BUNDLE = pathlib.Path(tempfile.mkdtemp()) / "bundle"

SANITIZER = """#!/bin/sh
# Runs the program that it is given, and finds two errors with synccheck.
case $1 in --version) echo Compute Sanitizer Version 2025.3.1; exit;; esac
tool=$2; shift 4
"$@" || exit
case $tool in
racecheck) echo "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)";;
synccheck) echo "========= ERROR SUMMARY: 2 errors"; exit 86;;
*) echo "========= ERROR SUMMARY: 0 errors";;
esac
"""


def make_bundle(folder, *options):
    command = [sys.executable, ROOT / "test/gpu/make_bundle.py", "--form=ptx", *PARTS,
               f"--programs={','.join(PROGRAMS)}", *options, folder]
    return subprocess.run(command, capture_output=True, text=True)


def setUpModule():
    lines = (ROOT / "test/gpu/kernels.txt").read_text().splitlines()
    chosen = BUNDLE.parent / "kernels.txt"
    chosen.write_text("\n".join(line for line in lines if line.split()[:1] and line.split()[0] in KERNELS))
    done = make_bundle(BUNDLE, f"--list={chosen}")
    assert done.returncode == 0, done.stdout + done.stderr


def tearDownModule():
    shutil.rmtree(BUNDLE.parent)


def run(*arguments, gpu=True, **environment):
    """run.sh, with nothing of this machine but its shell and Python."""
    # Tensors of programs end where allocations do.
    ends = ("programs", "nccl", "soak", "gpus", "margin", "host")
    guard = "0" if arguments[0:1] and arguments[0] in ends else "4096"
    environment = {"PATH": os.environ["PATH"], "RONDO_EMULATOR_GUARD_BYTES": guard, **environment}
    if gpu:
        environment["LD_LIBRARY_PATH"] = str(EMULATED_CUDA)
    return subprocess.run([BUNDLE / "run.sh", *arguments], capture_output=True, text=True, env=environment, cwd="/")


class Bundle(unittest.TestCase):
    def load(self, name, schema):
        data = results.load(BUNDLE / name, schema)
        self.assertEqual(data["commit"], (BUNDLE / "commit").read_text().strip())
        self.assertIn("PTX emulator", data["machine"])
        return data

    def ends(self, done, status):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)


class Folder(Bundle):
    def test_listing(self):
        files = {str(path.relative_to(BUNDLE)) for path in BUNDLE.rglob("*") if path.is_file()}
        kernels = {f"kernels/{label}.{suffix}" for label in KERNELS for suffix in ("cubin", "traits")}
        expected = {"run.sh", "README.txt", "commit", "verbs/check", "verbs/sanitize", "verbs/bench", "bin/attend_test",
                    "lib/librondo_gpu_bench.so", "kernels/kernels", "scripts/bench.py", "scripts/sanitize.py", "scripts/programs.py", "verbs/programs",
                    "scripts/machine.py", "scripts/nccl_faults.py", "scripts/nccl_job.py", "scripts/nccl_programs.py",
                    "scripts/paper.py", "scripts/soak.py", "scripts/sweep.py", "verbs/nccl", "verbs/paper", "verbs/soak",
                    "scripts/several_gpus.py", "verbs/gpus", "scripts/margin.py", "verbs/margin", "bin/margin_sweep",
                    "scripts/host_time.py", "verbs/host", "bin/host_time",
                    "bin/rondo-run", "bin/rondo-soak", "bin/long_test", "lib/librondo_runtime.so.0",
                    "programs/programs.json"} | kernels | {f"programs/{name}.so" for name in PROGRAMS}
        self.assertLessEqual(expected, files)
        self.assertLess(sum(path.stat().st_size for path in BUNDLE.rglob("*")), 60 << 20)

    def test_needs_no_more_than_an_older_c_library(self):
        for file in (*BUNDLE.glob("bin/*"), *BUNDLE.glob("lib/*"), *BUNDLE.glob("programs/*.so")):
            names = re.findall(rb"lib[\w+]+\.so[.\d]*|GLIBC_2\.\d+|GLIBCXX_[.\d]+", file.read_bytes())
            versions = [int(name[8:]) for name in names if name.startswith(b"GLIBC_2.")]
            self.assertTrue(versions)
            self.assertLessEqual(max(versions), 35)
            self.assertFalse([name for name in names if b"stdc++.so" in name or b"gcc_s" in name])

    def test_keeps_other_folders(self):
        other = BUNDLE.parent / "other"
        other.mkdir()
        (other / "file").write_text("mine")
        done = make_bundle(other)
        self.ends(done, 2)
        self.assertIn("holds something else than a bundle", done.stderr)
        self.assertTrue((other / "file").exists())

    def test_usage(self):
        for arguments in ([], ["nothing"]):
            done = run(*arguments)
            self.ends(done, 2)
            for verb in ("check", "programs", "nccl", "gpus", "host", "margin", "soak", "sanitize", "bench"):
                self.assertIn(f"\n  {verb} [", done.stderr)


class Check(Bundle):
    def test_json(self):
        self.ends(run("check", "1", "--only=k192"), 0)
        data = self.load("check.json", results.ROWS)
        self.assertEqual(data["command"], "run.sh check 1 --only=k192")
        self.assertEqual({kernel["label"] for kernel in data["kernels"]}, set(KERNELS) - {"merge-f16"})
        self.assertTrue(all(kernel["hard"] >= 20 and kernel["wrong"] == 0 for kernel in data["kernels"]))
        self.assertTrue(all(row["held"] is not False for row in data["rows"]))

    def test_wrong_arguments(self):
        self.ends(run("check", "many"), 2)
        self.ends(run("check", "1", "--only=nothing"), 1)

    def test_without_a_driver(self):
        done = run("check", "1", gpu=False)
        if "no CUDA driver" not in done.stderr:
            self.skipTest("there is a driver")
        self.ends(done, 2)


class Nccl(Bundle):
    """On the emulated NCCL, whose ranks have no GPUs to share."""

    def run_nccl(self, *arguments, **environment):
        return run("nccl", "--only=-ring-f16", "--gpus=1", *arguments,
                   **{"RONDO_NCCL": str(EMULATED_CUDA / "libnccl.so.2"), **environment})

    def test_programs_and_faults(self):
        done = self.run_nccl("--ranks=2,3", "--trials=2", "--jobs=2")
        self.ends(done, 0)
        data = json.loads((BUNDLE / "nccl.json").read_text())
        self.assertEqual([case["ranks"] for case in data["cases"]], [2] * 4 + [3] * 8)
        self.assertTrue(all(case["held"] and case["one_gpu"] for case in data["cases"]))
        self.assertEqual([(row["text"], row["bar"]) for row in data["rows"]][::2],
                         [("8 of 8", "all"), *((data["rows"][i]["text"], "<= 3.5 s, 0.5 s of it for the end of the process")
                                                for i in (2, 4))])
        self.assertEqual([row["text"] for row in data["rows"]][1::2], ["2 of 2 right"] * 2)
        self.assertRegex(done.stdout, r"rank \d lost rank \d in")
        self.assertIn(" does not answer", done.stdout)

    def test_trials_that_are_wrong(self):
        # Nobody can tell of a lost rank before its time-out.
        done = self.run_nccl("--ranks=2", "--trials=1", "--fault-timeout=30")
        self.ends(done, 0)
        sys.path.append(str(BUNDLE / "scripts"))
        import nccl_faults
        setting = nccl_faults.Setting([], 3, True, "", 1)
        right = (1, 2.0, [1, 1], ["rank 0 lost rank 1 in 'attend'"], [], False)
        self.assertIsNone(nccl_faults.judge(setting, *right))
        torn = BUNDLE.parent / "torn.json"
        torn.write_text('{"check": [')
        for place, value, words in ((1, None, "do not end"), (1, 3.6, "too late"), (2, [1, 0], "statuses"),
                                    (3, [], "no error"), (3, ["rank 0 lost rank 2"], "does not name rank 1"),
                                    (4, [torn], "not whole"), (4, [BUNDLE.parent / "output.npy.a1B2c3"], "is left")):
            wrong = (*right[:place], value, *right[place + 1:])
            self.assertIn(words, nccl_faults.judge(setting, *wrong))

    def test_old_nccl(self):
        done = self.run_nccl("--ranks=2", "--trials=0", RONDO_EMULATOR_NCCL_VERSION="21805")
        self.ends(done, 1)
        self.assertIn("is of version 2.18.5: 2.27 or later is needed", done.stdout)


class Soak(Bundle):
    def test_runs_and_sessions(self):
        done = run("soak", "--runs=200", "--nccl-runs=20", "--nccl-cycles=3", "--most=s0=3,s1=20", "--gpus=1",
                   RONDO_NCCL=str(EMULATED_CUDA / "libnccl.so.2"))
        self.ends(done, 0)
        data = json.loads((BUNDLE / "soak.json").read_text())
        self.assertEqual([(report["communicator"], report["ranks"], len(report["phases"])) for report in data["reports"]],
                         [("threads", 4, 2), ("threads", 3, 1), ("nccl", 2, 2)])
        self.assertTrue(all(row["held"] for row in data["rows"]))
        self.assertEqual(len(data["rows"]), 8)

    def test_wrong_arguments(self):
        self.ends(run("soak", "--runs=3"), 2)

    def test_without_a_driver(self):
        done = run("soak", "--runs=20", gpu=False)
        if "no CUDA driver" not in done.stderr:
            self.skipTest("there is a driver")
        self.ends(done, 2)


class Paper(Bundle):
    """Its code runs on a GPU alone; what is missing is told."""

    def test_what_is_missing(self):
        done = run("paper", "/nowhere")
        self.ends(done, 2)
        self.assertIn("/nowhere has no lv_xattn/attn.py: give the folder of a clone of", done.stderr)
        done = run("paper", "/nowhere", "--queries=63")
        self.ends(done, 2)
        self.assertIn("63 rows: the paper's kernels are right for multiples of 32 alone", done.stderr)
        checkout = BUNDLE.parent / "checkout"
        (checkout / "lv_xattn").mkdir(parents=True)
        (checkout / "lv_xattn/attn.py").write_text("")
        done = run("paper", str(checkout))
        self.ends(done, 2)
        self.assertIn("there is no programs/llama-f16-query-ring.so", done.stderr)

    @unittest.mock.patch("paper.USED", ())  # there is no PyTorch
    def test_imports(self):
        """A stand-in of its code asks for modules that are not needed."""
        import paper
        checkout = BUNDLE.parent / "stand-in"
        (checkout / "lv_xattn").mkdir(parents=True)
        (checkout / "lv_xattn/__init__.py").write_text("import einops\nfrom einops import rearrange\n"
                                                       "_attn_forward, initialize_distributed = 1, 2\n")
        self.addCleanup(sys.modules.pop, "lv_xattn", None)
        self.addCleanup(sys.path.remove, str(checkout))
        self.assertEqual(paper.import_forward(checkout.resolve(), "lv_xattn"), (1, 2))

    def test_figures(self):
        import argparse
        import paper
        arguments = argparse.Namespace(queries=64, keys=128, ranks=4)
        rows = paper.get_rows(arguments, [{"name": "A", "milliseconds": [30.0, 10.0, 20.0], "error": 1e-3},
                                          {"name": "B", "milliseconds": [4.0], "error": None}])
        self.assertEqual([row["text"] for row in rows], ["20.000 ms, relative error of O 1.0e-03", "4.000 ms", "5.0x"])
class Margin(Bundle):
    def test_nccl_and_loopback(self):
        done = run("margin", "--only=nccl,loopback", "--lengths=3,70", "--runs=1", "--gpus=1", "--margins=0,4",
                   "--ctas=2", RONDO_NCCL=str(EMULATED_CUDA / "libnccl.so.2"), RONDO_EMULATOR_MULTIPROCESSORS="8")
        self.ends(done, 0)
        data = json.loads((BUNDLE / "margin.json").read_text())
        kinds = [setting["kind"] for setting in data["settings"]]
        self.assertEqual(kinds.count("loopback"), 1 + 3 * 3)
        self.assertEqual(kinds.count("copies"), 2 * 2)
        self.assertEqual(kinds.count("nccl"), 2 * 2 * (3 + 2))  # two ranks, with registered buffers and without
        for setting in data["settings"]:
            if setting["margin"] >= 0:
                self.assertEqual(setting["used_margin"], setting["margin"])
            self.assertGreater(setting["ring_us"], 0)
        taken = {setting["sms"]: setting["used_ctas"] for setting in data["settings"] if setting["kind"] == "loopback"}
        self.assertEqual(taken, {-1: 0, 1: 1, 4: 4, 8: 8})
        self.assertIn("steady step over attend and merge", done.stdout)

    def test_wrong_arguments(self):
        for wrong in ("--only=mpi", "--lengths=3", "--margins=4"):
            self.ends(run("margin", wrong), 2)
class Host(Bundle):
    def test_ways(self):
        # The time of this machine is no measure of any.
        done = run("host", "--runs=3", "--ranks=3", "--queries=5", "--keys=70")
        self.ends(done, 0)
        data = json.loads((BUNDLE / "host.json").read_text())
        self.assertEqual([way["replayed"] for way in data["ways"]], [0, 6, 6])
        self.assertTrue(all(way["held"] and way["median_us"] > 0 for way in data["ways"]))

    def test_no_program(self):
        done = run("host", "--program=nothing")
        self.ends(done, 2)
        self.assertIn("nothing.so", done.stderr)


class Programs(Bundle):
    QUICK = ("programs", "--ranks=1,3", "--long-rows=3001", "--overlap-lengths=3,70", "--repeat=2", "--jobs=2",
             "--classes=one,fewer,empty,queryless,keyless")

    def load_programs(self):
        data = json.loads((BUNDLE / "programs.json").read_text())
        self.assertEqual(data["commit"], (BUNDLE / "commit").read_text().strip())
        return data

    def test_all_parts(self):
        done = run(*self.QUICK)
        self.ends(done, 0)
        data = self.load_programs()
        cases = {case["case"].split(",")[0] for case in data["cases"]}
        self.assertEqual(cases, set(PROGRAMS))
        self.assertEqual({case["ranks"] for case in data["cases"]}, {1, 2, 3})  # 2: of the long queries
        self.assertTrue(all(case["held"] and len(case["errors"]) == 2 for case in data["cases"]))
        names = [row["what"].split(",")[0] for row in data["rows"]]
        self.assertEqual(names, ["compiled programs that differ from float64", "3 programs of rings", "timeline", "attend and merge by themselves",
                                 "longest transfer", "steady step over attend and merge", "exposed in steady steps",
                                 "exposed in the tail", "total", "exposed in the tail", "total"])
        self.assertEqual([row["what"] for row in data["rows"]][-2:], ["exposed in the tail, two home parts",
                                                                      "total, two home parts"])
        for name in ("programs-timeline.svg", "programs-overlap.svg", "programs-home-parts.svg"):
            self.assertIn("</svg>", (BUNDLE / name).read_text())

    def change(self, name, old, new):
        """Changes the PTX of a program, which is as long afterwards."""
        file = BUNDLE / f"programs/{name}.so"
        right = file.read_bytes()
        self.addCleanup(file.write_bytes, right)
        self.assertEqual(len(old), len(new))
        self.assertTrue(old in right, old)  # which assertIn would print
        file.write_bytes(right.replace(old, new))

    def test_a_program_that_sees_past_the_diagonal(self):
        self.change("kv-ring-f16-bottom-right", b"0fFF800000", b"0f00000000")
        done = run("programs", "--only=kv-ring-f16", "--skip=sweep,long,overlap", "--ranks=3", "--all")
        self.ends(done, 1)
        self.assertIn("WRONG 3 ranks  kv-ring-f16-bottom-right, 61 queries, 1601 keys: result0", done.stdout)
        self.assertFalse(self.load_programs()["rows"][0]["held"])
        done = run("programs", "--only=kv-ring-f16", "--skip=check,long,overlap", "--ranks=1,3",
                   "--classes=one,queryless")
        self.ends(done, 1)
        self.assertRegex(done.stdout, r"program +1 ranks +3 ranks\nkv-ring-f16-bottom-right +1 of 2 +1 of 2\n")

    def test_a_wrong_long_program(self):
        self.change("long-doubled", b"add.rn.f16", b"sub.rn.f16")
        done = run("programs", "--only=long", "--skip=check,overlap", "--long-rows=3001")
        self.ends(done, 1)
        self.assertIn("WRONG 1 ranks  long-doubled, 61 queries", done.stdout)
        self.assertIn("ok    1 ranks  long, 3001 queries", done.stdout)

    def test_wrong_arguments(self):
        self.ends(run("programs", "--skip=nothing"), 2)
        self.ends(run("programs", "--only=nothing"), 2)
        self.ends(run("programs", "--classes=nothing"), 2)
        self.ends(run("programs", "--overlap-lengths=3"), 2)

    def test_without_a_driver(self):
        done = run("programs", gpu=False)
        if "no CUDA driver" not in done.stderr:
            self.skipTest("there is a driver")
        self.ends(done, 2)


class Gpus(Bundle):
    """Three emulated GPUs in one process."""

    def run_gpus(self, *arguments, gpus="3"):
        return run("gpus", f"--gpus={gpus}", "--lengths=3,70", "--repeat=2", "--jobs=2", *arguments,
                   RONDO_EMULATOR_DEVICES="3")

    def test_all_parts(self):
        done = self.run_gpus()
        self.ends(done, 0)
        data = json.loads((BUNDLE / "gpus.json").read_text())
        self.assertEqual({case["ranks"] for case in data["cases"]}, {2, 3, 4})
        self.assertTrue(all(case["held"] and len(case["errors"]) == 2 for case in data["cases"]))
        names = [row["what"].split(",")[0] for row in data["rows"]]
        self.assertEqual(names, ["compiled programs that differ from float64", "bits that differ from those on one GPU",
                                 "lanes of the timeline", "attend and merge by themselves", "largest transfer",
                                 "steady step over attend and merge", "exposed in steady steps", "exposed in the tail",
                                 "total"])
        self.assertIn("rank 2", (BUNDLE / "gpus-timeline.svg").read_text())

    def test_ranks_on_other_gpus(self):
        done = self.run_gpus("--only=query-ring-f16", "--ranks=3", gpus="2")
        self.ends(done, 1)
        self.assertIn("the ranks were on GPUs (0, 1, 2), not (0, 1, 0)", done.stdout)

    def test_one_gpu(self):
        done = self.run_gpus(gpus="1")
        self.ends(done, 2)
        self.assertIn("this machine has 1 GPU: several are wanted", done.stderr)


class WrongKernel(Bundle):
    """One that sees keys past the diagonal."""

    def setUp(self):
        self.file = BUNDLE / "kernels/causal-k192.cubin"
        self.right = self.file.read_text()
        self.file.write_text(self.right.replace("0fFF800000", "0f00000000"))
        self.assertNotEqual(self.right, self.file.read_text())

    def tearDown(self):
        self.file.write_text(self.right)

    def test_check_finds_it(self):
        done = run("check", "1", "--only=causal-k192")
        self.ends(done, 1)
        wrong = {kernel["label"]: kernel["wrong"] > 0 for kernel in self.load("check.json", results.ROWS)["kernels"]}
        self.assertEqual(wrong, {"causal-k192": True, "persistent-causal-k192": False})
        self.assertIn("hard case: two batches", done.stdout)

    def test_bench_does_not_count_it(self):
        done = run(*QUICK[:-1], "--shapes=tiny-causal", "--no-peers")
        self.ends(done, 1)
        entry = self.load("bench.json", results.GPU)["shapes"][0]
        self.assertEqual({c["label"]: c["right"] for c in entry["candidates"]},
                         {"causal-k192": False, "persistent-causal-k192": True})
        self.assertRegex(done.stdout, r"\ntiny-causal .* persistent-causal-k192\n\d+ bars")


class Sanitize(Bundle):
    def test_tools(self):
        folder = BUNDLE.parent / "tools"
        folder.mkdir()
        (folder / "compute-sanitizer").write_text(SANITIZER)
        (folder / "compute-sanitizer").chmod(0o755)
        # Buffers have no guards there: all that the emulator has allocated is theirs.
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "RONDO_EMULATOR_GUARD_BYTES": "0"}
        done = run("sanitize", "16", "--tools=racecheck,synccheck", **environment)
        self.ends(done, 1)
        data = self.load("sanitize.json", results.ROWS)
        self.assertTrue(data["machine"].endswith(", compute-sanitizer 2025.3.1"))
        held = {row["what"]: row["held"] for row in data["rows"]}
        self.assertEqual(held, {"racecheck": True, "synccheck": False})
        self.assertIn("2 errors", done.stdout)
        done = run("sanitize", "1", "--tools=memcheck", **environment)
        self.ends(done, 1)  # too few cases say nothing
        self.ends(run("sanitize", "--tools=nothing"), 2)
        done = run("sanitize", "1000", "--tools=memcheck", "--timeout=1", **environment)
        self.ends(done, 1)
        self.assertIn("no summary (status no end in 1 s)", done.stdout)


class Bench(Bundle):
    def test_alone(self):
        done = run(*QUICK, "--no-peers")
        self.ends(done, 0)
        data = self.load("bench.json", results.GPU)
        self.assertTrue(data["complete"])
        self.assertEqual(data["command"], " ".join(["run.sh", *QUICK, "--no-peers"]))
        self.assertIsNone(data["ceilings"]["matrix_tflops"])
        self.assertEqual([shape["name"] for shape in data["shapes"]], ["tiny", "tiny-causal"])
        labels = {(c["label"], c["layout"], c["persistent"]) for c in data["shapes"][1]["candidates"]}
        self.assertEqual(labels, {(label, layout, label.startswith("persistent")) for layout in ("BHSD", "BSHD")
                                  for label in ("causal-k192", "persistent-causal-k192")})
        self.assertFalse(data["shapes"][0]["peers"])

    def test_peers(self):
        done = run(*QUICK, PYTHONPATH=str(HERE / "fake-torch"))
        self.ends(done, 0)
        data = self.load("bench.json", results.GPU)
        self.assertIn("PyTorch 0.0+fake, cuDNN 9.19.0", data["machine"])
        self.assertGreater(data["ceilings"]["matrix_tflops"], 0)
        grouped, causal = ({(peer["name"], peer["form"]): peer["median_ms"] is not None for peer in shape["peers"]}
                           for shape in data["shapes"])
        self.assertEqual(grouped, {("cuDNN", "packed"): True, ("cuDNN", "enable_gqa"): False,
                                   ("FlashAttention-2", "packed"): True, ("FlashAttention-2", "enable_gqa"): True})
        self.assertEqual(causal, {("cuDNN", "enable_gqa"): False, ("FlashAttention-2", "enable_gqa"): True})
        self.assertIn("cuDNN (enable_gqa) cannot: No available kernel. Aborting execution.", done.stdout)
        self.take_into_page()

    def take_into_page(self):
        folder = BUNDLE.parent / "page"
        (folder / "results").mkdir(parents=True)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(page.main([f"--take={BUNDLE}", f"--folder={folder}"]), 0)
        text = (folder / "README.md").read_text()
        self.assertIn("| 2/1, 63, 400, 128 |", text)
        self.assertIn("over some rows of 6 computations", text)

    def test_without_pytorch(self):
        # A PyTorch that cannot be loaded must not keep ours from being timed.
        broken = BUNDLE.parent / "broken"
        broken.mkdir()
        (broken / "torch.py").write_text("raise OSError('libtorch.so: not found')\n")
        done = run(*QUICK[:-1], "--shapes=tiny-causal", PYTHONPATH=str(broken))
        self.ends(done, 0)
        self.assertIn("No peers and no matrix product: OSError: libtorch.so: not found.",
                      json.loads((BUNDLE / "bench.json").read_text())["notes"])

    def test_dry_run(self):
        done = run("bench", "--dry-run", gpu=False)
        self.ends(done, 0)
        self.assertIn(f"{len(KERNELS)} kernels, 14 shapes, 9 rounds of 4 launches", done.stdout)

    def test_wrong_arguments(self):
        done = run("bench", "--shapes=nothing")
        self.ends(done, 2)
        self.assertIn("no shape is called nothing: square8k,", done.stderr)
        self.ends(run("bench", "0"), 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
