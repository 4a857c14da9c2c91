#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Compiles the program once and runs it at several lengths, on several numbers of ranks. Usage: run.sh [build directory]
set -eu
example=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-$example/../../build}" && pwd)/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$bin/rondo-compile" "$example/dynamic.mlir" -o "$out/dynamic.so"
# batch, queries, keys
"$bin/rondo-run" "$out/dynamic.so" --ranks=3 --length s0=2 --length s1=7 --length s2=1000 --check
"$bin/rondo-run" "$out/dynamic.so" --ranks=8 --length s0=1 --length s1=1 --length s2=3 --check # fewer rows than ranks
"$bin/rondo-run" "$out/dynamic.so" --ranks=1 --length s0=1 --length s1=61 --length s2=61 --check
