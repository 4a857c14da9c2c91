# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The programs of the bundle, compiled for CUDA: machine code for a GPU, or PTX for the emulator."""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "execution/cuda"))

from attention_program import Program  # noqa: E402

RINGS = ("query-ring", "kv-ring")


def make_programs():
    programs = []
    for element in ("bf16", "f16"):
        for schedule in (*RINGS, "local"):
            for mask in ("none", "bottom-right"):
                programs.append(Program(f"{schedule}-{element}-{mask}", element, schedule, mask, heads=8, key_heads=2,
                                        features=128))
    for schedule in RINGS:
        # The cross-attentions of Llama 3.2-Vision, mPLUG-Owl3 and OpenFlamingo.
        for model, heads, key_heads in (("llama", 32, 8), ("owl3", 28, 4), ("flamingo", 8, 8)):
            programs.append(Program(f"{model}-{schedule}", "bf16", schedule, heads=heads, key_heads=key_heads,
                                    features=128))
        programs.append(Program(f"{schedule}-top-left", "bf16", schedule, "top-left", heads=3, key_heads=1, features=64))
        programs.append(Program(f"{schedule}-plain-loads", "f16", schedule, heads=2, features=5, value_features=7))
        programs.append(Program(f"{schedule}-d192-d128", "bf16", schedule, heads=4, key_heads=4, features=192,
                                value_features=128))
        programs.append(Program(f"{schedule}-d256", "f16", schedule, heads=2, features=256))
        programs.append(Program(f"{schedule}-batches", "f16", schedule, "bottom-right", batches=3, heads=4, key_heads=2,
                                doubled=True, tripled=True))
    # The tail hides behind a half of the home block.
    programs.append(Program("llama-query-ring-home", "bf16", heads=32, key_heads=8, features=128, home_parts=2))
    programs.append(Program("query-ring-home-bottom-right", "f16", mask="bottom-right", heads=8, key_heads=2,
                            features=128, home_parts=2))
    # What overlap is worth: run.sh steps.
    programs.append(Program("llama-query-ring-waits", "bf16", heads=32, key_heads=8, features=128, overlap=False))
    # As the code of the paper computes it: run.sh paper.
    programs.append(Program("llama-f16-query-ring", "f16", heads=32, key_heads=8, features=128))
    # Of long_test.
    long = {"element": "f16", "schedule": "kv-ring", "heads": 1, "key_heads": 1, "features": 128}
    programs += [Program("long", **long), Program("long-doubled", **long, doubled=True),
                 Program("long-causal", **long, mask="bottom-right")]
    return programs


PROGRAMS = make_programs()


def compile_program(tool, folder, form, program):
    source = folder / f"{program.name}.mlir"
    source.write_text(program.text)
    subprocess.run([tool, source, *program.options, "--target=cuda:sm_90a", f"--cuda-image={form}", "-o",
                    folder / f"{program.name}.so"], check=True)


def compile_programs(tool, folder, form, programs):
    """Makes the folder: sources, programs, and programs.json, which describes them."""
    folder.mkdir()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for task in [pool.submit(compile_program, tool, folder, form, program) for program in programs]:
            task.result()
    described = [dataclasses.asdict(program) for program in programs]
    (folder / "programs.json").write_text(json.dumps(described, indent=1) + "\n")
