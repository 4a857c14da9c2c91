#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests of benchmark/page.py and of what it stands on: sections.py, results.py, svg.py, gpu/shapes.py, gpu/figures.py."""
import contextlib
import copy
import io
import json
import pathlib
import sys
import tempfile
import unittest
import xml.dom.minidom

BENCHMARK = pathlib.Path(__file__).resolve().parent.parent.parent / "benchmark"
sys.path += [str(BENCHMARK), str(BENCHMARK / "gpu")]

import figures  # noqa: E402
import page  # noqa: E402
import results  # noqa: E402
import sections  # noqa: E402
import svg  # noqa: E402
from shapes import BARS, PERSISTENT_BARS, SHAPES, TINY, Shape  # noqa: E402

HEAD = {"title": "T", "machine": "M1, NVIDIA H100", "command": "make it", "date": "2026-01-02", "commit": "abc",
        "notes": ["A note."]}
ROWS = HEAD | {"rows": [results.row("speed", 2, "2.0x", ">= 1x", True), results.row("a | b", 0.5, "0.5", ">= 1", False),
                        results.row("size", 3, "3")]}


def gpu(*entries, **changes):
    return HEAD | {"complete": True, "method": {"rounds": 9, "launches": 4, "gap_ms": 30, "interleaved": True},
                   "ceilings": {"matrix_tflops": 800, "copy_tbps": 3}, "shapes": list(entries)} | changes


def candidate(ms, layout="BHSD", persistent=False, right=True):
    return {"label": "kernel", "layout": layout, "persistent": persistent, "right": right, "median_ms": ms}


def entry(name, candidates, peers=()):
    shape = next(shape for shape in SHAPES if shape.name == name)
    return {field: getattr(shape, field) for field in figures.FIELDS} | {"candidates": candidates, "peers": list(peers)}


def peer(name, ms, form="plain", failed=None):
    return {"name": name, "form": form, "median_ms": ms, "failed": failed}


TEMPORARY = tempfile.TemporaryDirectory()


class Folder:
    """A folder like benchmark/, with results."""

    def __init__(self, **files):
        self.path = pathlib.Path(tempfile.mkdtemp(dir=TEMPORARY.name))
        (self.path / "results").mkdir()
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (self.path / "results" / f"{name}.json").write_text(text)

    def run(self, *arguments):
        """Exit status and messages of page.py."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            status = page.main([*arguments, f"--folder={self.path}"])
        return status, errors.getvalue()

    def page(self):
        return (self.path / "README.md").read_text()


class Refusals(unittest.TestCase):
    def refused(self, message, **files):
        status, errors = Folder(**files).run()
        self.assertEqual(status, 1)
        self.assertIn(message, errors)

    def changed(self, change, data=ROWS):
        data = copy.deepcopy(data)
        change(data)
        return data

    def test_no_json(self):
        self.refused("spine.json: Expecting property name", spine="{")

    def test_missing_key(self):
        self.refused('spine.json.rows[1]: lacks "value", a number',
                     spine=self.changed(lambda d: d["rows"][1].pop("value")))

    def test_wrong_type(self):
        self.refused('spine.json.rows[0].held: expected true or false or null, got "yes"',
                     spine=self.changed(lambda d: d["rows"][0].update(held="yes")))
        self.refused("spine.json.rows: expected a list, got {}", spine=self.changed(lambda d: d.update(rows={})))
        self.refused("spine.json: expected an object, got []", spine=[])

    def test_truth_is_no_number(self):
        self.refused("spine.json.rows[0].value: expected a number, got true",
                     spine=self.changed(lambda d: d["rows"][0].update(value=True)))

    def test_nan(self):
        self.refused("expected a number, got NaN",
                     spine=self.changed(lambda d: d["rows"][0].update(value=float("nan"))))

    def test_gpu_form(self):
        self.refused('gpu.json: lacks "complete"', gpu=ROWS)
        wrong = gpu(entry("square8k", [candidate("fast")]))
        self.refused('gpu.json.shapes[0].candidates[0].median_ms: expected a number, got "fast"', gpu=wrong)

    def test_unknown_file(self):
        self.refused("other.json: page.py has no section for it", other=ROWS)

    def test_no_results(self):
        self.refused("holds no results")


class Page(unittest.TestCase):
    def test_rows(self):
        folder = Folder(spine=ROWS)
        self.assertEqual(folder.run(), (0, ""))
        text = folder.page()
        self.assertIn("| speed | 2.0x | >= 1x | yes |", text)
        self.assertIn("| a \\| b | 0.5 | >= 1 | **no** |", text)
        self.assertIn("| size | 3 | reported | |", text)
        self.assertIn("M1, NVIDIA H100; 2026-01-02, commit abc; `make it`. A note.", text)

    def test_check(self):
        folder = Folder(spine=ROWS)
        self.assertEqual(folder.run("--check")[0], 1)
        self.assertEqual(folder.run()[0], 0)
        self.assertEqual(folder.run("--check"), (0, ""))
        (folder.path / "README.md").write_text(folder.page().replace("2.0x", "2.1x"))
        status, errors = folder.run("--check")
        self.assertEqual(status, 1)
        self.assertIn("README.md is not what its results say", errors)

    def test_take(self):
        folder, source = Folder(), Folder()
        (source.path / "bench.json").write_text(json.dumps(gpu(entry("square8k", [candidate(0.7)]))))
        self.assertEqual(folder.run(f"--take={source.path}"), (0, ""))
        self.assertIn("| 16/16, 8192, 8192, 128 | 0.7000 |", folder.page())
        (source.path / "check.json").write_text("[]")
        self.assertIn("check.json: expected an object", folder.run(f"--take={source.path}")[1])
        self.assertFalse((folder.path / "results/check.json").exists())
        self.assertIn("holds none of bench.json", folder.run(f"--take={folder.path}")[1])

    def test_every_section_of_rows(self):
        names = [section.file.split(".")[0] for section in sections.SECTIONS if section.schema is results.ROWS]
        self.assertLessEqual({"nccl", "soak", "steps", "host", "gpus", "paper"}, set(names))
        folder = Folder(**dict.fromkeys(names, ROWS))
        self.assertEqual(folder.run(), (0, ""))
        self.assertEqual(folder.page().count("| speed | 2.0x | >= 1x | yes |"), len(names))

    def test_take_all_of_a_bundle(self):
        folder, source = Folder(), Folder()
        bundled = [section for section in sections.SECTIONS if section.bundle and section.schema is results.ROWS]
        for section in bundled:
            (source.path / section.bundle).write_text(json.dumps(ROWS | {"more": [1]}))
        self.assertEqual(folder.run(f"--take={source.path}"), (0, ""))
        self.assertEqual({path.name for path in (folder.path / "results").iterdir()},
                         {section.file for section in bundled})
        self.assertIn('"more"', (folder.path / "results/soak.json").read_text())

    def test_same_bytes(self):
        texts = set()
        for _ in range(2):
            folder = Folder(spine=ROWS, gpu=gpu(entry("square8k", [candidate(0.7)], [peer("cuDNN", 0.8)])))
            folder.run()
            texts.add(folder.page() + (folder.path / "gpu.svg").read_text())
        self.assertEqual(len(texts), 1)

    def test_wrong_and_incomplete_results_show(self):
        folder = Folder(gpu=gpu(entry("square8k", [candidate(0.7), candidate(0.1, right=False)],
                                      [peer("cuDNN", None, failed="No kernel.")]), complete=False))
        folder.run()
        text = folder.page()
        self.assertIn("| 0.7000 |", text)
        self.assertIn("**Wrong results**, which are not counted above: kernel on square8k (BHSD).", text)
        self.assertIn("cuDNN (plain) on square8k: No kernel.", text)
        self.assertIn("The run ended early", text)

    def test_without_ceilings(self):
        folder = Folder(gpu=gpu(entry("square8k", [candidate(0.7)]), ceilings={"matrix_tflops": None, "copy_tbps": 3}))
        self.assertEqual(folder.run(), (0, ""))
        self.assertIn("The run has no floor", folder.page())
        self.assertFalse((folder.path / "gpu.svg").exists())


class Shapes(unittest.TestCase):
    def test_pairs(self):
        self.assertEqual(Shape("", 1, 1, 3, 5, 8).pairs(), 15)
        self.assertEqual(Shape("", 1, 1, 3, 5, 8, True).pairs(), 3 + 4 + 5)
        self.assertEqual(Shape("", 1, 1, 5, 3, 8, True).pairs(), 0 + 0 + 1 + 2 + 3)

    def test_floor(self):
        shape = Shape("", 4, 2, 10, 100, 8)
        self.assertEqual(shape.flops(), 4 * 1000 * 4 * 8)
        self.assertEqual(shape.bytes(), 2 * (2 * 4 * 10 * 8 + 2 * 2 * 100 * 8))
        self.assertAlmostEqual(shape.floor_ms({"matrix_tflops": 1e-6, "copy_tbps": 1}), shape.flops() * 1e-3)
        self.assertAlmostEqual(shape.floor_ms({"matrix_tflops": 1e6, "copy_tbps": 1e-6}), shape.bytes() * 1e-3)
        self.assertIsNone(shape.floor_ms({"matrix_tflops": None, "copy_tbps": 1}))

    def test_names(self):
        names = [shape.name for shape in SHAPES + TINY]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({*BARS, *PERSISTENT_BARS}, set(names))


class Figures(unittest.TestCase):
    def line(self, *arguments, **changes):
        return figures.get_line(gpu(**changes), entry(*arguments))

    def test_fastest_right_kernel_and_fastest_peer(self):
        candidates = [candidate(0.2), candidate(0.1, right=False), candidate(0.15), candidate(0.3, "BSHD")]
        line = self.line("llama3v", candidates,
                         [peer("FlashAttention-2", 0.9, "enable_gqa"), peer("FlashAttention-2", 0.3, "packed"),
                          peer("cuDNN", None, failed="no")])
        self.assertEqual(line.ms, 0.15)
        self.assertAlmostEqual(line.over["FlashAttention-2"].value, 2.0)
        self.assertFalse(line.over["FlashAttention-2"].held())
        self.assertNotIn("cuDNN", line.over)
        self.assertAlmostEqual(line.layout.value, 0.5)
        self.assertFalse(line.held())

    def test_no_right_kernel(self):
        self.assertIsNone(self.line("llama3v", [candidate(0.2, right=False)]))

    def test_bars_by_gpu(self):
        arguments = "flamingo-128", [candidate(0.1)], [peer("FlashAttention-2", 0.15)]
        self.assertTrue(self.line(*arguments).over["FlashAttention-2"].held())
        self.assertFalse(self.line(*arguments, machine="NVIDIA H200").over["FlashAttention-2"].held())

    def test_persistent(self):
        bar = PERSISTENT_BARS["square16k-causal"]
        line = self.line("square16k-causal", [candidate(1.0), candidate(bar, persistent=True)])
        self.assertTrue(line.persistent.held())
        line = self.line("square16k-causal", [candidate(1.0), candidate(bar + 0.002, persistent=True)])
        self.assertFalse(line.persistent.held())
        self.assertEqual(figures.describe(line.persistent), "0.972 (<= 0.970, NOT HELD)")

    def test_no_bar(self):
        line = self.line("square8k-256", [candidate(0.7)], [peer("cuDNN", 0.75)])
        self.assertIsNone(line.held())


class Picture(unittest.TestCase):
    def test_is_xml_and_scales(self):
        text = svg.bars("a < b", "c", ["x", "y"], [svg.Group("g & h", [2.0, 4.0]), svg.Group("i", [None, 0.9])])
        document = xml.dom.minidom.parseString(text)
        bars = [r for r in document.getElementsByTagName("rect") if r.getElementsByTagName("title")]
        widths = [float(bar.getAttribute("width")) for bar in bars]
        self.assertEqual(len(widths), 3)
        self.assertAlmostEqual(widths[1], 2 * widths[0], delta=0.02)  # logarithmic
        self.assertEqual(widths[2], 0)

    def test_axis_holds_the_largest(self):
        for largest in (1.0, 2.5, 11.3, 500):
            self.assertTrue(svg.ticks(largest)[-1] >= min(largest, 128))


if __name__ == "__main__":
    with TEMPORARY:
        unittest.main()
