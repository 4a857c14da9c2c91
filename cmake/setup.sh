#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs the packages that a build needs and that are missing. Debian 12 (bookworm) with its security updates.
set -eu

packages="cmake ninja-build ccache g++ clang-22 libclang-rt-22-dev lld-22 libmlir-22-dev mlir-22-tools llvm-22-dev
  llvm-22-tools pkg-config libjansson-dev libdlpack-dev libgtest-dev libopenmpi-dev openmpi-bin python3 python3-venv"

if ! command -v dpkg-query > /dev/null; then
  echo "setup: this is no Debian system; install MLIR 22.1, then: cmake -G Ninja -B build -DMLIR_DIR=<prefix>/lib/cmake/mlir" >&2
  exit 1
fi

missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}\n' "$package" 2> /dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo > /dev/null; then
  as_root="sudo"
else
  echo "setup: these packages are missing and need root to install. As root, run:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
  exit 1
fi

echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the lists are words
$as_root apt-get update -q > /dev/null
# shellcheck disable=SC2086
$as_root apt-get install -y -q --no-install-recommends $missing > /dev/null
