#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Compiles the program for Hopper GPUs and runs it on ranks that NCCL joins, checked against float64.
# Usage: run.sh [build directory [ranks [file for the timeline]]]
# CUDA_IMAGE=ptx compiles to PTX instead of machine code, which needs no ptxas.
set -eu
example=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-$example/../../build}" && pwd)/bin
ranks=${2:-2}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
timeline=${3:-$out/timeline.svg}

"$bin/rondo-compile" "$example/cross-attention.mlir" --schedule=query-ring --target=cuda:sm_90a \
  --cuda-image="${CUDA_IMAGE:-cubin}" -o "$out/cross-attention.so"
set -- "$bin/rondo-run" "$out/cross-attention.so" --communicator=nccl --length s0=61 --length s1=257 --check \
  --timeline="$timeline"

if command -v torchrun > /dev/null; then
  torchrun --no-python --nproc-per-node="$ranks" --master-port="${MASTER_PORT:-29500}" "$@"
else
  # What torchrun would do on one host.
  export WORLD_SIZE="$ranks" MASTER_ADDR=127.0.0.1 MASTER_PORT="${MASTER_PORT:-29500}"
  rank=1
  others=
  while [ "$rank" -lt "$ranks" ]; do
    RANK=$rank LOCAL_RANK=$rank "$@" &
    others="$others $!"
    rank=$((rank + 1))
  done
  status=0
  RANK=0 LOCAL_RANK=0 "$@" || status=$?
  for process in $others; do
    wait "$process" || status=$?
  done
  [ "$status" -eq 0 ] || exit "$status"
fi
grep -q "rank 0" "$timeline" && echo "timeline drawn"
