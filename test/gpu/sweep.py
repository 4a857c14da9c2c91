# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which lengths on which numbers of ranks the rings are checked at, and a table of what was right."""

# What is hard about a pair of lengths, by a word; queries and keys, on n ranks.
CLASSES = {
    "one": ("one query, one key", lambda n: (1, 1)),
    "query": ("one query", lambda n: (1, 257)),
    "key": ("one key", lambda n: (61, 1)),
    "fewer": ("fewer rows than ranks", lambda n: (max(n - 1, 1), max(n - 1, 1))),
    "empty": ("one row more than ranks, so empty shards from three ranks on", lambda n: (n + 1, n + 1)),
    "primes": ("primes, with more keys", lambda n: (61, 1601)),
    "blind": ("primes, with more queries, of which causal ones see nothing", lambda n: (127, 61)),
    "blocks": ("whole blocks for each rank", lambda n: (16 * n, 64 * n)),
    "queryless": ("no queries", lambda n: (0, 5)),
    "keyless": ("no keys", lambda n: (3, 0)),
}
SCHEDULES, ELEMENTS, MASKS = ("query-ring", "kv-ring"), ("bf16", "f16"), ("none", "bottom-right")


def get_names():
    """Of the programs, which compile_programs.py names so."""
    return [f"{schedule}-{element}-{mask}" for schedule in SCHEDULES for element in ELEMENTS for mask in MASKS]


def list_cases(names, ranks, classes):
    """(program, ranks, class, queries, keys)"""
    return [(name, count, word, *CLASSES[word][1](count)) for name in names for count in ranks for word in classes]


def make_table(results):
    """Lines: a row for each program, a column for each number of ranks; `results` maps (program, ranks) to the words of
    the classes that were right and those that were wrong."""
    counts = sorted({count for _, count in results})
    lines = ["program".ljust(28) + "".join(f"{count} ranks".rjust(12) for count in counts)]
    for name in sorted({name for name, _ in results}):
        cells = []
        for count in counts:
            right, wrong = results[name, count]
            cells.append(f"{len(right)} of {len(right) + len(wrong)}".rjust(12))
        lines.append(name.ljust(28) + "".join(cells))
    return lines
