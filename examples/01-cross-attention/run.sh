#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Compiles the program and runs it on its four ranks. Usage: run.sh [build directory]
set -eu
example=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-$example/../../build}" && pwd)/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$bin/rondo-compile" "$example/cross-attention.mlir" --schedule=query-ring -o "$out/cross-attention.so"
"$bin/rondo-run" "$out/cross-attention.so" --check
