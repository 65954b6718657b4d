"""Boxes that training believes only in part.

A box that hindsight filled in may be wrong, and a loss that treats it like a drawn one teaches the
mistake. Left out at random it counts in part, whatever the network: where it is left out, its
place is greyed, so that it is an example of neither a person nor an empty floor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GREY = 114


def left_out(
    filled: NDArray[np.bool_], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(n,) which boxes are left out this time.

    Args:
        filled: boxes that no model saw and no person moved.
        share: how much these count, 0 … 1.
    """
    out: NDArray[np.bool_] = filled & (rng.random(len(filled)) >= share)
    return out


def greyed(
    image: NDArray[np.uint8], boxes: NDArray[np.float32], out: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """A copy without the places of the boxes that are left out; the other boxes stay whole.

    Args:
        image: `(h, w, 3)`.
        boxes: `(n, 4)` px of the image.
    """
    hidden = np.zeros(image.shape[:2], np.bool_)
    for mark, rows in ((True, boxes[out]), (False, boxes[~out])):
        for x1, y1, x2, y2 in np.maximum(rows, 0):
            hidden[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = mark
    made = image.copy()
    made[hidden] = GREY
    return made
