"""A line through values, in braille dots or in plain characters."""

from __future__ import annotations

import os
from collections.abc import Sequence

from oneclick.design import Ink
from oneclick.report import formatting
from tui import rows
from tui.rows import Row

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille cell by row and column."""
LABEL = 7


def draw(values: Sequence[float], room: int, height: int, ink: Ink) -> list[Row]:
    """`height` rows with the largest and the smallest value beside them."""
    across = max(room - LABEL - 1, 2)
    low, high = min(values), max(values)
    drawn = _ascii if os.environ.get("ONECLICK_ASCII") else _braille
    lines = drawn(_heights(values, low, high), across, height)
    marks = {0: formatting.number(high), height - 1: formatting.number(low)}
    return [
        [
            (rows.right(marks.get(k, ""), LABEL), ink["quiet"]),
            ("│", ink["rule"]),
            (line, ink["run"]),
        ]
        for k, line in enumerate(lines)
    ]


def _heights(values: Sequence[float], low: float, high: float) -> list[float]:
    """0 for the smallest to 1 for the largest."""
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def at(heights: Sequence[float], where: float) -> float:
    """Height of the line, 0 ≤ where ≤ 1 from the first value to the last."""
    place = where * (len(heights) - 1)
    k = min(int(place), len(heights) - 1)
    after = heights[min(k + 1, len(heights) - 1)]
    return heights[k] + (after - heights[k]) * (place - k)


def _braille(heights: Sequence[float], across: int, height: int) -> list[str]:
    cells = [[0] * across for _ in range(height)]
    steps, levels = 2 * across, 4 * height - 1
    before: int | None = None
    for x in range(steps):
        y = round((1 - at(heights, x / (steps - 1))) * levels)
        # A steep line leaves no holes.
        low, high = (y, y) if before is None else (min(y, before), max(y, before))
        for dot in range(low, high + 1) if high - low > 1 else (y,):
            cells[dot // 4][x // 2] |= DOTS[dot % 4][x % 2]
        before = y
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in line) for line in cells]


def _ascii(heights: Sequence[float], across: int, height: int) -> list[str]:
    found = [round((1 - at(heights, x / (across - 1))) * (height - 1)) for x in range(across)]
    return ["".join("*" if y == k else " " for y in found) for k in range(height)]
