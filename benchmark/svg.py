#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Horizontal bars in groups, as SVG. The same input gives the same bytes."""
import dataclasses
import math
from xml.sax.saxutils import escape

COLORS = ["#2f6f9f", "#c8742c", "#8a8a8a", "#5b8c5a"]
INK, FAINT = "#222222", "#dddddd"
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860, 250, 60, 78, 34
BAR, BAR_GAP, GROUP_GAP = 11, 2, 12


@dataclasses.dataclass
class Group:
    label: str
    values: list  # one for each series; None where there is none


def number(value):
    """Hundredths of a pixel: enough to see, and short."""
    return f"{round(value, 2):g}"


def text(x, y, content, size=12, anchor="start", fill=INK, bold=False):
    weight = ' font-weight="bold"' if bold else ""
    return (f'<text x="{number(x)}" y="{number(y)}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>'
            f"{escape(content)}</text>")


def rectangle(x, y, width, height, fill, tooltip=""):
    title = f"<title>{escape(tooltip)}</title>" if tooltip else ""
    return (f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" fill="{fill}">'
            f"{title}</rect>")


def ticks(largest):
    """Of a logarithmic axis that begins at 1."""
    marks = [1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128]
    end = next((mark for mark in marks[3:] if mark >= largest), marks[-1])
    return [mark for mark in marks if mark <= end]


def bars(title, subtitle, series, groups):
    """Values are ratios of at least about 1, on a logarithmic axis from 1; shorter bars than nothing are not drawn."""
    values = [value for group in groups for value in group.values if value]
    marks = ticks(max(values, default=2))
    scale = (WIDTH - LEFT - RIGHT) / math.log(marks[-1])
    place = lambda value: LEFT + scale * math.log(min(max(value, 1), marks[-1]))
    group_height = len(series) * (BAR + BAR_GAP) + GROUP_GAP
    height = TOP + len(groups) * group_height + BOTTOM
    body = [text(16, 26, title, 16, bold=True), text(16, 44, subtitle, 12, fill="#555555")]
    for index, name in enumerate(series):
        x = LEFT + 170 * index
        body += [rectangle(x, TOP - 24, BAR, BAR, COLORS[index]), text(x + BAR + 6, TOP - 14, name)]
    bottom = height - BOTTOM
    for mark in marks:
        x = place(mark)
        body.append(f'<line x1="{number(x)}" y1="{TOP - 4}" x2="{number(x)}" y2="{bottom}" stroke="{FAINT}"/>')
        body.append(text(x, bottom + 16, f"{mark:g}", 11, "middle"))
    for index, group in enumerate(groups):
        top = TOP + index * group_height + GROUP_GAP / 2
        body.append(text(LEFT - 10, top + (group_height - GROUP_GAP) / 2 + 4, group.label, 12, "end"))
        for row, value in enumerate(group.values):
            if value:
                y = top + row * (BAR + BAR_GAP)
                body.append(rectangle(LEFT, y, place(value) - LEFT, BAR, COLORS[row],
                                      f"{group.label}: {series[row]} {value:.2f}"))
                body.append(text(place(value) + 4, y + BAR - 2, f"{value:.2f}", 10))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="Helvetica, Arial, sans-serif">',
        '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>', *body, "</svg>", ""])
