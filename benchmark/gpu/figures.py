#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What follows from the times of a GPU benchmark (results.GPU): figures, and whether they clear their bars."""
import dataclasses
import typing

from shapes import BARS, CUDNN, FIELDS, FLASH_ATTENTION, LAYOUT_BAR, PERSISTENT_BARS, Shape

PEERS = (CUDNN, FLASH_ATTENTION)


@dataclasses.dataclass
class Figure:
    """A ratio; without a bar it is only reported."""
    value: float
    bar: typing.Optional[float] = None
    at_most: bool = False  # else at least

    def held(self):
        if self.bar is None:
            return None
        # Both as they are printed: a reader can check it.
        value, bar = round(self.value, 3), round(self.bar, 3)
        return value <= bar if self.at_most else value >= bar


@dataclasses.dataclass
class Line:
    """What one shape's times say. Missing figures are None."""
    shape: Shape
    label: str  # of the fastest kernel
    ms: float
    floor_ms: typing.Optional[float]
    peers_ms: dict  # the fastest form of each peer
    floor: typing.Optional[Figure] = None  # over time
    over: dict = dataclasses.field(default_factory=dict)  # the peer's time over ours
    layout: typing.Optional[Figure] = None
    persistent: typing.Optional[Figure] = None

    def tflops(self):
        return self.shape.flops() / self.ms * 1e-9

    def figures(self):
        return [figure for figure in (self.floor, *self.over.values(), self.layout, self.persistent) if figure]

    def held(self):
        """None if the shape has no bar of its own."""
        verdicts = [figure.held() for figure in self.figures() if figure.held() is not None]
        return all(verdicts) if verdicts else None


def fastest(candidates, **wanted):
    fitting = [c for c in candidates if c["right"] and c["median_ms"] > 0 and all(c[k] == v for k, v in wanted.items())]
    return min(fitting, key=lambda candidate: candidate["median_ms"], default=None)


def get_line(data, entry):
    """None if no kernel computes the shape rightly."""
    shape = Shape(**{field: entry[field] for field in FIELDS})
    best = fastest(entry["candidates"], layout="BHSD")
    if not best:
        return None
    peers = {name: min((peer["median_ms"] for peer in entry["peers"] if peer["name"] == name and peer["median_ms"]),
                       default=None) for name in PEERS}
    line = Line(shape, best["label"], best["median_ms"], shape.floor_ms(data["ceilings"]), peers)
    bars = BARS.get(shape.name)
    if line.floor_ms:
        line.floor = Figure(line.floor_ms / line.ms, bars and bars.floor)
    for name, ms in peers.items():
        if ms:
            has_bar = bars and bars.peer == name
            line.over[name] = Figure(ms / line.ms, bars.factor_on(data["machine"]) if has_bar else None)
    other = fastest(entry["candidates"], layout="BSHD")
    if other:
        line.layout = Figure(line.ms / other["median_ms"], LAYOUT_BAR)
    persistent, others = (fastest(entry["candidates"], layout="BHSD", persistent=kind) for kind in (True, False))
    if shape.name in PERSISTENT_BARS and persistent and others:
        line.persistent = Figure(persistent["median_ms"] / others["median_ms"], PERSISTENT_BARS[shape.name],
                                 at_most=True)
    return line


def get_lines(data):
    lines = (get_line(data, entry) for entry in data["shapes"])
    return [line for line in lines if line]


def describe(figure, suffix="", missed=", NOT HELD", mark=""):
    """The figure and its bar, as text; of one that is not held, `missed` follows the bar, and `mark` is around it."""
    if not figure:
        return "-"
    text, sign = f"{figure.value:.3f}{suffix}", "<=" if figure.at_most else ">="
    if figure.bar is None:
        return text
    if figure.held():
        missed = mark = ""
    return f"{mark}{text}{mark} ({sign} {figure.bar:.3f}{suffix}{missed})"
