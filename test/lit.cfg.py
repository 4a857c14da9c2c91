# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Configuration of the lit suite: which files are tests, which tools they run, which features this machine has."""

import os
import shutil
import subprocess

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Rondo"
config.test_format = lit.formats.ShTest(not llvm_config.use_lit_shell)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.rondo_binary_root, "test")

# A variable of one function must not satisfy a check of the next.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
# Generated CUDA code of one build, and not the user's.
config.environment["RONDO_CACHE_DIR"] = os.path.join(config.test_exec_root, "cache")

llvm_config.use_default_substitutions()
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.add_tool_substitutions(
    # In a build of some tools only, the tests of the others fail, and the rest run.
    [ToolSubst(tool, unresolved="ignore") for tool in config.rondo_tools]
    + [ToolSubst("%python", command=config.python, unresolved="fatal"), "split-file"],
    [config.rondo_tools_dir, config.llvm_tools_dir],
)
config.substitutions.append(("%rondo_source_root", config.rondo_source_root))


def count_gpus():
    """The NVIDIA GPUs that the driver sees; 0 without a driver."""
    command = shutil.which("nvidia-smi")
    if not command:
        return 0
    listing = subprocess.run([command, "-L"], capture_output=True, text=True)
    return sum(line.startswith("GPU ") for line in listing.stdout.splitlines()) if listing.returncode == 0 else 0


# Tests say `REQUIRES: cuda, gpus-2`; on other machines they are reported as unsupported.
gpus = count_gpus()
if gpus:
    config.available_features.add("cuda")
config.available_features.update(f"gpus-{count}" for count in range(1, gpus + 1))
if shutil.which("ptxas"):
    config.available_features.add("ptxas")
