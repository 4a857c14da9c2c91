#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Configures a build with the compiler that setup.sh installs. Usage: configure.sh <build directory> [cmake options]
set -eu
build=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake -G Ninja -S "$(dirname "$0")/.." -B "$build" -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
  -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld-22 -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld-22 \
  -DCMAKE_MODULE_LINKER_FLAGS=-fuse-ld=lld-22 -DMLIR_DIR=/usr/lib/llvm-22/lib/cmake/mlir "$@" > "$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
