#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Builds an example with pkg-config alone, as its README says.
# Usage: pkg-config.sh <prefix> <output> <compiler> [flag or source]...
set -eu
PKG_CONFIG_PATH=$(find "$1" -type d -name pkgconfig)
export PKG_CONFIG_PATH
output=$2
shift 2
# shellcheck disable=SC2046 # the flags are words
"$@" $(pkg-config --cflags --libs rondo) -Wl,-rpath,"$(pkg-config --variable=libdir rondo)" -lm -o "$output"
