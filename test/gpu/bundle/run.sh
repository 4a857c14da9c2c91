#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# run.sh VERB [ARGUMENTS]: each file of verbs/ is one. JSON goes to the folder RESULTS, by default this one.
BUNDLE=$(cd "$(dirname "$0")" && pwd) || exit 2
RESULTS=${RESULTS:-$BUNDLE}
mkdir -p "$RESULTS" && RESULTS=$(cd "$RESULTS" && pwd) || exit 2
export BUNDLE RESULTS
chmod +x "$BUNDLE"/bin/* "$BUNDLE"/verbs/* 2>/dev/null # a copy may have lost it
verb=$1
if [ -z "$verb" ] || [ ! -x "$BUNDLE/verbs/$verb" ]; then
  echo "usage: [RESULTS=folder] run.sh VERB [ARGUMENTS]" >&2
  for file in "$BUNDLE"/verbs/*; do sed -n 's/^#: /  /p' "$file" >&2; done
  exit 2
fi
shift
exec "$BUNDLE/verbs/$verb" "$@"
