"""A line chart of values, in braille dots or in plain characters."""

from __future__ import annotations

import os
from collections.abc import Sequence

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille cell by row and column."""
LABEL = 7


def draw(values: Sequence[float], width: int, height: int, ink: Ink) -> list[StyledRow]:
    """Return `height` rows with the largest and the smallest value beside them."""
    columns = max(width - LABEL - 1, 2)
    low, high = min(values), max(values)
    levels = [(value - low) / (high - low) if high > low else 0.5 for value in values]
    plot = plot_ascii if os.environ.get("ONECLICK_ASCII") else plot_braille
    labels = {0: formatting.number(high), height - 1: formatting.number(low)}
    return [
        [
            (rows.align_right(labels.get(k, ""), LABEL), ink["quiet"]),
            ("│", ink["rule"]),
            (line, ink["run"]),
        ]
        for k, line in enumerate(plot(levels, columns, height))
    ]


def interpolate(levels: Sequence[float], position: float) -> float:
    """Return the line's level at `position`, 0 at the first value to 1 at the last, linearly."""
    place = position * (len(levels) - 1)
    k = min(int(place), len(levels) - 1)
    after = levels[min(k + 1, len(levels) - 1)]
    return levels[k] + (after - levels[k]) * (place - k)


def plot_braille(levels: Sequence[float], width: int, height: int) -> list[str]:
    """Plot levels from 0 to 1 as `height` lines of braille cells, each 2 dots wide and 4 high."""
    cells = [[0] * width for _ in range(height)]
    steps, bottom = 2 * width, 4 * height - 1
    before: int | None = None
    for x in range(steps):
        y = round((1 - interpolate(levels, x / (steps - 1))) * bottom)
        # A steep line leaves no holes.
        low, high = (y, y) if before is None else (min(y, before), max(y, before))
        for dot in range(low, high + 1) if high - low > 1 else (y,):
            cells[dot // 4][x // 2] |= DOTS[dot % 4][x % 2]
        before = y
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in line) for line in cells]


def plot_ascii(levels: Sequence[float], width: int, height: int) -> list[str]:
    """Plot levels from 0 to 1 as `height` lines with one `*` per column."""
    points = [
        round((1 - interpolate(levels, x / (width - 1))) * (height - 1)) for x in range(width)
    ]
    return ["".join("*" if y == k else " " for y in points) for k in range(height)]
