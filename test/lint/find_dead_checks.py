#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds FileCheck directives that check nothing: FileCheck ignores a line that it does not recognise as a directive.

A dead check is a comment that starts like a directive but
  - lacks the colon:                 // CHECK foo
  - misspells the suffix:            // CHECK-NEXt: foo
  - has a prefix that no RUN line of the file names, such as CHCK or, in a file without FileCheck, CHECK.

usage: find_dead_checks.py FOLDER...     prints each as file:line and exits with 1 if there is one
"""

import pathlib
import re
import sys

SUFFIX = re.compile(r"-(NEXT|SAME|NOT|DAG|LABEL|EMPTY|COUNT-[0-9]+)?")
# The first word of a comment (or, in a .test file, of a line), if it begins with a capital as directives do. A modifier
# such as {LITERAL} may follow.
WORD = re.compile(
    r"^\s*(?://|#|;)?\s*(?P<word>[A-Z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*)(?P<colon>(?:\{[A-Z,]+\})?:)?(?:\s|$)")
PREFIXES = re.compile(r"--?check-prefix(?:es)?[= ]([A-Za-z0-9_,-]+)")
LIT_KEYWORDS = {"RUN", "REQUIRES", "UNSUPPORTED", "XFAIL", "DEFINE", "REDEFINE", "END", "ALLOW_RETRIES"}


def distance_at_most_one(a, b):
    """Whether one insertion, deletion or replacement turns a into b, or one swap of neighbours."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return rest_a[1:] == rest_b[1:] or rest_a == rest_b[1:] or rest_a[1:] == rest_b or (
        rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])


def check_prefixes(text):
    """The prefixes that the file's RUN lines give FileCheck."""
    runs = re.sub(r"\\\n\s*(?://|#|;)\s*RUN:", " ", text)
    prefixes = set()
    for line in runs.splitlines():
        for command in re.split(r"\||&&|;", line) if "RUN:" in line else []:
            if "FileCheck" in command:
                named = PREFIXES.findall(command)
                prefixes.update(prefix for names in named for prefix in names.split(",") if prefix)
                if not named:
                    prefixes.add("CHECK")
    return prefixes


def diagnose(word, colon, prefixes):
    """Why `word` is a dead check; None if it is a live one, or none at all."""
    known = sorted(prefixes, key=len, reverse=True)
    for prefix in known:
        if word == prefix or (word.startswith(prefix + "-") and SUFFIX.fullmatch(word[len(prefix):])):
            return None if colon else "lacks its colon"
    for prefix in known + ["CHECK"]:
        head, suffix = word[:len(prefix)], word[len(prefix) + 1:]
        if head == prefix and word[len(prefix):len(prefix) + 1] == "-":
            return f"has the unknown suffix '{suffix}'" if prefix in prefixes else "has a prefix that no RUN line names"
    first = word.split("-")[0] if "-" in word else word
    for prefix in known + ["CHECK"]:
        if distance_at_most_one(first.upper(), prefix.upper()) and (colon or first.isupper()):
            return f"is not a directive; did you mean {prefix}?" if first != prefix else \
                "has a prefix that no RUN line names"
    return None


def find_dead_checks(path):
    text = path.read_text()
    prefixes = check_prefixes(text)
    for number, line in enumerate(text.splitlines(), start=1):
        match = WORD.match(line)
        if not match or match["word"] in LIT_KEYWORDS:
            continue
        reason = diagnose(match["word"], match["colon"], prefixes)
        if reason:
            yield f"{path}:{number}: '{match['word']}' {reason}"


def main(folders):
    paths = sorted(path for folder in folders for suffix in ("*.mlir", "*.test")
                   for path in pathlib.Path(folder).rglob(suffix)
                   if path.parent == pathlib.Path(folder) or "Inputs" not in path.parts)
    if not paths:
        sys.exit(f"error: no tests under {' '.join(folders)}")
    dead = [message for path in paths for message in find_dead_checks(path)]
    print(*dead, f"{len(paths)} files, {len(dead)} dead checks", sep="\n")
    return 1 if dead else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
