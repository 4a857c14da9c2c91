#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Embeds sentences with a pretrained encoder whose every attention Rondo computes. Usage: run.sh [build directory]
# Makes a virtual environment beside itself on the first run. Exits with 77 if its packages are out of reach.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=${1:-$here/../../build}
venv=$here/venv

fail() {
  echo "03-real-model: $1" >&2
  exit "${2:-1}"
}

# The virtual environment is complete once it holds the requirements that it was made from.
install_packages() {
  python3 -c 'import ensurepip, venv' 2> /dev/null ||
    fail "python3 cannot make a virtual environment; on Debian, as root: apt-get install python3-venv" 77
  echo "03-real-model: installing the model and its packages, once (about 105 MB)" >&2
  rm -rf "$venv"
  python3 -m venv "$venv"
  log=$venv/install.log
  if ! "$venv/bin/pip" --disable-pip-version-check install --retries 2 --no-deps --no-compile \
    -r "$here/requirements.txt" > "$log" 2>&1; then
    cat "$log" >&2
    if grep -qE "Retrying|from versions: none|[Tt]imed? ?out|Connection(Reset|Refused|Aborted)?Error" "$log"; then
      fail "the package index cannot be reached, see above" 77
    fi
    fail "pip could not install requirements.txt, see above"
  fi
  cp "$here/requirements.txt" "$venv/installed.txt"
}

for file in bin/rondo-compile lib/librondo_runtime.so; do
  [ -e "$build/$file" ] || fail "$build/$file is missing; build it (make build) or name the build directory: $0 <build>"
done
# One whose interpreter has gone, as after an upgrade of Python, is made anew.
{ cmp -s "$here/requirements.txt" "$venv/installed.txt" && "$venv/bin/python" -c '' 2> /dev/null; } || install_packages

mkdir -p "$here/out"
"$build/bin/rondo-compile" "$here/attention.mlir" -o "$here/out/attention.so"
# NumPy's matrices are small here: one thread is enough for them and leaves the cores to the ranks.
export OPENBLAS_NUM_THREADS=1
"$venv/bin/python" "$here/main.py" "$here/out/attention.so" --library "$build/lib/librondo_runtime.so" --ranks 3
echo "03-real-model passed"
