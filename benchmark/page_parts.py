# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What sections of the page are made of: tables, verdicts, and the words about a run."""


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line).rstrip() + " |" for line in lines)


def describe_run(data):
    facts = [f"{data['machine']}; {data['date']}, commit {data['commit']}; `{data['command']}`."]
    return " ".join([*facts, *data["notes"]])


def verdict(held):
    return "" if held is None else "yes" if held else "**no**"


def render_rows(data):
    rows = [[row["what"], row["text"], row["bar"] or "reported", verdict(row["held"])] for row in data["rows"]]
    return table(["what", "measured", "bar", "held"], rows)
