#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files of measured results: what they must hold, how they are written and read.

A file is JSON. Most have rows, each a figure beside its bar (ROWS below); the GPU benchmark's has its own form (GPU).
"""
import datetime
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
NUMBER = (int, float)
NONE = type(None)

# A schema is a type, a tuple of types, a list of one schema, or a dictionary; keys that end in ? may be missing.
HEAD = {"title": str, "machine": str, "command": str, "date": str, "commit": str, "notes": [str]}
ROWS = HEAD | {
    "rows": [{"what": str, "value": NUMBER, "text": str, "bar": (str, NONE), "held": (bool, NONE)}],
}
GPU = HEAD | {
    "complete": bool,
    "method": {"rounds": int, "launches": int, "gap_ms": NUMBER, "interleaved": bool},
    "ceilings": {"matrix_tflops": NUMBER + (NONE,), "copy_tbps": NUMBER + (NONE,)},
    "shapes": [{
        "name": str, "heads": int, "key_heads": int, "queries": int, "keys": int, "features": int, "causal": bool,
        "candidates": [{"label": str, "layout": str, "persistent": bool, "right": bool, "median_ms": NUMBER,
                        "output_error?": NUMBER, "lse_error?": NUMBER}],
        "peers": [{"name": str, "form": str, "median_ms": NUMBER + (NONE,), "failed?": (str, NONE)}],
    }],
}


class ResultError(Exception):
    """A file of results that cannot be used: which, where, and why."""


def name_of(schema):
    if schema is NONE:
        return "null"
    if isinstance(schema, tuple):
        return " or ".join(dict.fromkeys(name_of(part) for part in schema))
    if isinstance(schema, (list, dict)):
        return "a list" if isinstance(schema, list) else "an object"
    return {str: "a string", bool: "true or false", int: "a number", float: "a number"}[schema]


def has_type(value, types):
    types = types if isinstance(types, tuple) else (types,)
    if isinstance(value, bool):
        return bool in types
    if float in types and isinstance(value, float) and value != value:
        return False  # Python reads NaN, JSON has none
    return isinstance(value, types)


def validate(value, schema, where):
    """Raises ResultError unless `value` is as `schema` says; `where` tells the reader which value it is."""
    kind = type(schema) if isinstance(schema, (list, dict)) else schema
    if not has_type(value, kind):
        raise ResultError(f"{where}: expected {name_of(schema)}, got {json.dumps(value)[:60]}")
    if isinstance(schema, list):
        for index, item in enumerate(value):
            validate(item, schema[0], f"{where}[{index}]")
    elif isinstance(schema, dict):
        for key, part in schema.items():
            name = key.rstrip("?")
            if name in value:
                validate(value[name], part, f"{where}.{name}")
            elif not key.endswith("?"):
                raise ResultError(f"{where}: lacks \"{name}\", {name_of(part)}")


def load(path, schema):
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ResultError(f"{path.name}: {error}") from error
    validate(data, schema, path.name)
    return data


def save(path, data, schema):
    """Writes what `load` will accept; raises ResultError otherwise."""
    validate(data, schema, path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def row(what, value, text, bar=None, held=None):
    """A figure. Without a bar it is only reported."""
    return {"what": what, "value": value, "text": text, "bar": bar, "held": held}


def git(*arguments):
    command = ["git", "-C", HERE, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def commit():
    """The commit that is measured, marked if the tree differs from it; a bundle carries its own."""
    carried = HERE.parent / "commit"
    if carried.is_file():
        return carried.read_text().strip()
    name = git("rev-parse", "--short=12", "HEAD")
    # Results are written by the measurement itself.
    others = [":/", ":(exclude,top)benchmark/results"]
    changed = name and git("status", "--porcelain", "--untracked-files=no", "--", *others)
    return (name or "unknown") + ("-changed" if changed else "")


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
