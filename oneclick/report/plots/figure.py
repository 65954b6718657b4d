"""A page to draw on: rectangles, lines and plain text, sharp on high-density screens."""

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
    """`(height, width, 3)` RGB; coordinates are units of the layout from the upper left corner."""

    pixels: NDArray[np.uint8]

    @classmethod
    def blank(cls, width: float, height: float) -> Page:
        """Return a white page of this size in units of the layout."""
        shape = (round(height * DENSITY), round(width * DENSITY), 3)
        return cls(np.full(shape, 255, np.uint8))

    def fill(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle whose upper left corner is (x, y); colour is RGB."""
        x1, y1, x2, y2 = (round(v * DENSITY) for v in (x, y, x + width, y + height))
        self.pixels[y1:y2, x1:x2] = colour

    def text(
        self, x: float, y: float, text: str, colour: Colour, size: float = 9, right: bool = False
    ) -> None:
        """Write ASCII text on the base line `y`.

        Args:
            x: where the text begins, or ends if `right` is true.
            y: base line.
            text: ASCII.
            colour: RGB.
            size: height of capitals.
            right: align the right end.
        """
        scale = size * DENSITY / CAPITAL
        x1 = x - text_width(text, size) if right else x
        origin = (round(x1 * DENSITY), round(y * DENSITY))
        thickness = max(1, round(size * DENSITY / 12))
        cv2.putText(self.pixels, text, origin, FONT, scale, colour, thickness, cv2.LINE_AA)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 1) -> None:
        """Draw straight lines from point to point."""
        pixels = np.round(np.array(points).reshape(-1, 1, 2) * DENSITY).astype(np.int32)
        thickness = max(1, round(width * DENSITY))
        cv2.polylines(self.pixels, [pixels], False, colour, thickness, cv2.LINE_AA)

    def save(self, path: Path) -> None:
        """Write a PNG file in one atomic step.

        Raises:
            NoSpace: the device is full.
            Unavailable: the file cannot be written.
        """
        files.write_atomic(path, cv2.imencode(".png", self.pixels[..., ::-1])[1].tobytes())


def text_width(text: str, size: float) -> float:
    """Return the width of a text with capitals `size` high, in units of the layout."""
    scale = size * DENSITY / CAPITAL
    return cv2.getTextSize(text, FONT, scale, 1)[0][0] / DENSITY
