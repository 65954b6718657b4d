"""A page to draw on: rectangles and plain text, sharp on dense screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.storage import files

Colour = tuple[int, int, int]
"""RGB 0 … 255."""
DENSITY = 2
"""Pixels per unit of the layout."""
FONT = cv2.FONT_HERSHEY_SIMPLEX
CAPITAL = 22
"""Height of a capital letter of the font at scale 1, px."""


@dataclass(frozen=True, eq=False)
class Page:
    """`(height, width, 3)` RGB; all places are in units of the layout, from the upper left."""

    pixels: NDArray[np.uint8]

    @classmethod
    def blank(cls, width: float, height: float) -> Page:
        """A white page."""
        shape = (round(height * DENSITY), round(width * DENSITY), 3)
        return cls(np.full(shape, 255, np.uint8))

    def fill(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A rectangle."""
        left, top, right, bottom = (round(v * DENSITY) for v in (x, y, x + width, y + height))
        self.pixels[top:bottom, left:right] = colour

    def text(
        self, x: float, y: float, text: str, colour: Colour, size: float = 9, right: bool = False
    ) -> None:
        """ASCII text with capitals `size` high on the line `y`: from `x` on, or up to it."""
        scale = size * DENSITY / CAPITAL
        left = x - width(text, size) if right else x
        place = (round(left * DENSITY), round(y * DENSITY))
        heavy = max(1, round(size * DENSITY / 12))
        cv2.putText(self.pixels, text, place, FONT, scale, colour, heavy, cv2.LINE_AA)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, heavy: float = 1) -> None:
        """Straight from point to point."""
        places = np.round(np.array(points).reshape(-1, 1, 2) * DENSITY).astype(np.int32)
        thick = max(1, round(heavy * DENSITY))
        cv2.polylines(self.pixels, [places], False, colour, thick, cv2.LINE_AA)

    def save(self, path: Path) -> None:
        """Write a PNG file in one atomic step.

        Raises:
            NoSpace, Unavailable: if the disk refuses.
        """
        files.write_atomic(path, cv2.imencode(".png", self.pixels[..., ::-1])[1].tobytes())


def width(text: str, size: float) -> float:
    """Width of a text in units of the layout."""
    scale = size * DENSITY / CAPITAL
    return cv2.getTextSize(text, FONT, scale, 1)[0][0] / DENSITY
