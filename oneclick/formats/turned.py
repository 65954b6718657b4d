"""Boxes that another tool has turned: labels here are upright, so their bounding box is taken."""

from __future__ import annotations

import math

NOTE = "turned boxes made upright, the smallest around them"
"""What an import says of them."""


def upright_bounds(
    box: tuple[float, float, float, float], degrees: float, pivot: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Return the upright bounding box of a box turned clockwise about `pivot`, all in px."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x1, y1, x2, y2 = box
    offsets = [(x - pivot[0], y - pivot[1]) for x in (x1, x2) for y in (y1, y2)]
    xs = [pivot[0] + x * cos - y * sin for x, y in offsets]
    ys = [pivot[1] + x * sin + y * cos for x, y in offsets]
    return min(xs), min(ys), max(xs), max(ys)


def centre(box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return the centre of a box, about which CVAT and datumaro turn it."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
