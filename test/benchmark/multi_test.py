#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What follows from measurements on several GPUs; and that there is nothing to measure on fewer."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(ROOT / "benchmark"), str(ROOT / "benchmark/gpu")]

import multi  # noqa: E402
import multi_section  # noqa: E402
import results  # noqa: E402


def overlap(step, bare=100.0, total=1000.0, exposed=1.0, tail=5.0):
    return {"bare_us": bare, "step_us": step, "total_us": total, "exposed_us": exposed, "tail_us": tail,
            "transfer_us": 50.0, "idle_us": 0.5}


def shape(name="llama3v", step=104.0, *, ours=0.2, peer=0.8, queries=63, keys=76848, **others):
    rings = [{"schedule": schedule, "way": way, "ms": ms, "host_us": 40.0} | overlap(step, **others)
             for schedule, way, ms in (("query-ring", "copy engines", 1.1 * ours),
                                       ("query-ring", "copy engines, graphs", ours),
                                       ("kv-ring", "copy engines", 3 * ours))]
    return {"name": name, "ranks": 2, "queries": queries, "keys": keys, "alone_ms": 0.1, "rings": rings,
            "peers": [{"name": "slow", "ms": 2 * peer}, {"name": "fast", "ms": peer},
                      {"name": "none", "ms": None, "failed": "no"}]}


def margin(setting, total, schedule="query-ring"):
    return {"name": "llama3v", "ranks": 2, "schedule": schedule, "sm_margin": setting and setting[0],
            "nccl_ctas": setting and setting[1], "ms": total / 1000}


def data(**parts):
    return {"cases": [{"held": True}], "shapes": [], "margins": [], "scaling": [], **parts}


def find(rows, text):
    return next(row for row in rows if text in row["what"])


class Rows(unittest.TestCase):
    def test_steps_and_peers(self):
        rows = multi.get_rows(data(shapes=[shape(ours=0.208, peer=0.832)]))
        self.assertAlmostEqual(find(rows, "by themselves")["value"], 1.04)
        self.assertIs(find(rows, "by themselves")["held"], True)
        self.assertAlmostEqual(find(rows, "traced")["value"], 1.04)
        self.assertEqual((find(rows, "best peer")["text"], find(rows, "best peer")["held"]), ("4.00x", True))
        self.assertIsNone(find(rows, "exposed in the tail")["held"])

    def test_missed_bars(self):
        rows = multi.get_rows(data(shapes=[shape(ours=0.212, peer=0.5, exposed=20.0)]))
        for text in ("by themselves", "best peer", "exposed in steady"):
            self.assertIs(find(rows, text)["held"], False, text)

    def test_few_keys_have_no_bar_over_peers(self):
        self.assertIsNone(find(multi.get_rows(data(shapes=[shape(keys=63 * 255)])), "best peer")["bar"])

    def test_no_peer(self):
        entry = shape()
        entry["peers"] = [{"name": "none", "ms": None, "failed": "no"}]
        self.assertFalse([row for row in multi.get_rows(data(shapes=[entry])) if "peer" in row["what"]])

    def test_margins(self):
        entries = [margin((0, 0), 110), margin((4, 0), 100), margin(None, 101)]
        self.assertIs(find(multi.get_rows(data(margins=entries)), "chosen margin")["held"], True)
        entries[-1] = margin(None, 103)
        self.assertIs(find(multi.get_rows(data(margins=entries)), "chosen margin")["held"], False)

    def test_scaling(self):
        entries = [{"kind": kind, "ranks": ranks, "queries": 1, "keys": 1, "ms": ms}
                   for kind, ranks, ms in (("weak", 1, 1.0), ("strong", 1, 8.0), ("weak", 2, 2.1), ("strong", 2, 4.4))]
        rows = multi.get_rows(data(scaling=entries))
        self.assertAlmostEqual(find(rows, "weak")["value"], 1.05)
        self.assertAlmostEqual(find(rows, "strong")["value"], 1.1)

    def test_wrong_results(self):
        for cases in ([], [{"held": True}, {"held": False}]):
            self.assertIs(multi.get_rows(data(cases=cases))[0]["held"], False)

    def test_schema(self):
        cases = [{"case": "a", "ranks": 2, "output_error": None, "lse_error": 1e-6, "held": False}]
        whole = data(cases=cases, shapes=[shape()], margins=[margin(None, 1)]) | {
            "title": "", "machine": "", "command": "", "date": "", "commit": "", "notes": [], "gpus": 2}
        results.validate(whole | {"rows": multi.get_rows(whole)}, multi.SCHEMA, "multi.json")


class Section(unittest.TestCase):
    def test_ways_and_peers_by_time(self):
        text = multi_section.render(data(shapes=[shape()], margins=[margin((0, 0), 110), margin(None, 100)], rows=[]))
        names = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
        places = [names.index(name) for name in ("query-ring, copy engines, graphs", "query-ring, copy engines",
                                                 "kv-ring, copy engines", "fast", "slow", "none")]
        self.assertEqual(places, sorted(places))
        self.assertIn("| query-ring | chosen | NCCL's own | 0.1000 |", text)
        self.assertIn("| none | cannot |  | no |", text)
        self.assertIn("2 GPUs; an attend and a merge by themselves take 0.1000 ms", text)


class Machine(unittest.TestCase):
    def run_with(self, tool):
        with tempfile.TemporaryDirectory() as folder:
            if tool:
                (pathlib.Path(folder) / "nvidia-smi").write_text(f"#!/bin/sh\n{tool}\n")
                (pathlib.Path(folder) / "nvidia-smi").chmod(0o755)
            environment = {**os.environ, "PATH": folder, "PYTHONPATH": str(ROOT / "benchmark")}
            return subprocess.run([sys.executable, ROOT / "benchmark/gpu/multi.py"], capture_output=True, text=True,
                                  env=environment, check=False)

    def test_no_gpu(self):
        done = self.run_with(None)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("nvidia-smi lists no GPUs", done.stderr)

    def test_one_gpu(self):
        done = self.run_with("echo A GPU")
        self.assertEqual(done.returncode, 2)
        self.assertIn("this machine has 1 GPU: each rank needs its own", done.stderr)


if __name__ == "__main__":
    unittest.main()
