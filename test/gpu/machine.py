# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The GPUs of this machine, by the driver's own tool."""
import os
import subprocess


def ask(*options):
    """What nvidia-smi prints, as lines; none without it."""
    try:
        done = subprocess.run(["nvidia-smi", *options], capture_output=True, text=True, check=False)
    except OSError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def count_gpus():
    """Those that programs see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return len(visible.split(",")) if visible else len(ask("--list-gpus")) or 1


def describe_machine():
    lines = ask("--query-gpu=name,driver_version", "--format=csv,noheader")
    if not lines:
        return "a GPU that nvidia-smi does not name"
    name, version = lines[0].rsplit(",", 1)
    return f"{name}, driver {version.strip()}" if len(lines) == 1 else f"{len(lines)} {name}, driver {version.strip()}"
