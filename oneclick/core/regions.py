"""Regions of a picture, in shares of its sides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.errors import UsageError

Scalar = TypeVar("Scalar", bound=np.generic)
SIDES = 4
LEAST_SIDE = 0.005
"""Share of the picture below which a side is a slip of the hand."""


@dataclass(frozen=True)
class Region:
    """A rectangle of a picture of any size; 0 is left and top, 1 right and bottom.

    Raises:
        UsageError: it is empty or reaches outside of the picture.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        sides = (self.x1, self.y1, self.x2, self.y2)
        is_inside = all(math.isfinite(side) and 0 <= side <= 1 for side in sides)
        if not (is_inside and self.x2 - self.x1 >= LEAST_SIDE and self.y2 - self.y1 >= LEAST_SIDE):
            raise UsageError(
                f"region {','.join(f'{side:g}' for side in sides)}: expected left,top,right,bottom "
                "in shares of the picture, such as 0.2,0.5,0.6,1"
            )

    @classmethod
    def parse(cls, text: str) -> Region:
        """Parse `left,top,right,bottom`.

        Raises:
            UsageError: the text is none.
        """
        try:
            sides = [float(side) for side in text.split(",")]
        except ValueError:
            sides = []
        if len(sides) != SIDES:
            raise UsageError(
                f"region {text!r}: expected left,top,right,bottom in shares of the picture, such "
                "as 0.2,0.5,0.6,1"
            )
        return cls(*sides)

    def pixels(self, width: int, height: int) -> NDArray[np.float64]:
        """Return the rectangle `(4,)` in px of a picture of this size."""
        sides = (self.x1 * width, self.y1 * height, self.x2 * width, self.y2 * height)
        return np.array(sides, np.float64)

    def crop(self, maps: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the cells of maps `(…, height, width)` that the region meets, at least one."""
        height, width = maps.shape[-2:]
        left, top = math.floor(self.x1 * width), math.floor(self.y1 * height)
        right, bottom = math.ceil(self.x2 * width), math.ceil(self.y2 * height)
        return maps[..., min(top, height - 1) : bottom, min(left, width - 1) : right]

    def holds(
        self, rectangles: NDArray[np.float32], width: int, height: int, share: float
    ) -> NDArray[np.bool_]:
        """Check which boxes lie in the region, or fill it, by this share at least, `(n,)`.

        Args:
            rectangles: (n, 4) px.
            width: of the picture, px.
            height: of the picture, px.
            share: of the smaller of the two.
        """
        own = self.pixels(width, height)
        low = np.maximum(rectangles[:, :2], own[:2])
        high = np.minimum(rectangles[:, 2:], own[2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        smaller = np.minimum(boxes.area(rectangles), boxes.area(own[None]))
        return np.asarray(shared >= share * np.maximum(smaller, 1e-9), np.bool_)


WHOLE = Region(0.0, 0.0, 1.0, 1.0)
