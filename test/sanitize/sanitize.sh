#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Builds everything with ASan and UBSan and runs all tests, then the runtime and rondo-run with TSan. Ends with one line
# for each; exit status 1 if a test failed. Usage: sanitize.sh [asan] [tsan]
set -u
cd "$(dirname "$0")/../.."
kinds=${*:-asan tsan}
status=0

# Left out: tests in which a program without a sanitizer's runtime loads an instrumented library, which cannot work:
# Python (example 03), and consumers of an installed tree, which the system's compiler builds. The GPU bundle, whose test
# is that its binaries need no more than an old C library; and soak, which measures memory.
uninstrumented='^(example-03|install\.|benchmark\.gpu-bundle|execution\.soak)'
# Modules of Open MPI leak, and are gone when leaks are looked for, so that nobody knows whose they are.
mpi='^(mpi\.|nccl\.programs)'

run_asan() {
  # MLIR's libraries are not instrumented: what they have written to containers and allocators' blocks looks overflowed.
  # Tests ask for more memory than there is. The build runs the compiler, too.
  ASAN_OPTIONS=detect_container_overflow=0:allow_user_poisoning=0:allocator_may_return_null=1
  LSAN_OPTIONS=suppressions=$PWD/test/sanitize/lsan.supp:print_suppressions=0
  UBSAN_OPTIONS=print_stacktrace=1
  export ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS
  cmake --preset asan > /dev/null && ninja -C build-asan --quiet || return 1
  ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
    ctest --test-dir build-asan --output-on-failure -R "$mpi" > build-asan/mpi.log 2>&1
  with_mpi=$?
  ctest --test-dir build-asan --output-on-failure -E "$uninstrumented|$mpi" > build-asan/sanitize.log 2>&1 \
    && [ $with_mpi = 0 ]
}

# What uses threads needs no compiler, but for the kernels of tests, which another build emits.
run_tsan() {
  flags="-fsanitize=thread -fno-omit-frame-pointer"
  emit_kernel=
  for build in build build-asan; do
    [ -x "$emit_kernel" ] || emit_kernel=$PWD/$build/bin/rondo-emit-kernel
  done
  cmake/configure.sh build-tsan -DRONDO_BUILD_COMPILER=OFF "-DRONDO_EMIT_KERNEL=$emit_kernel" \
    "-DCMAKE_C_FLAGS=$flags" "-DCMAKE_CXX_FLAGS=$flags" && ninja -C build-tsan --quiet || return 1
  TSAN_OPTIONS=allocator_may_return_null=1 \
    ctest --test-dir build-tsan --output-on-failure -R '^(runtime|rondo-run)\.' > build-tsan/sanitize.log 2>&1
}

summaries=""
for kind in $kinds; do
  if "run_$kind"; then result=clean; else result=FAILED status=1; fi
  summary=$(grep -E "tests passed|tests failed" "build-$kind/sanitize.log" 2> /dev/null || echo "not run")
  [ "$result" = clean ] || sed -n '/The following tests FAILED/,$p' "build-$kind/sanitize.log" 2> /dev/null
  summaries="$summaries$kind: $result: $summary
"
done
printf 'sanitize:\n%s' "$summaries"
exit $status
