"""Windows: square parts of a picture around boxes, for a closer look at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry

SIDE = 2.5
"""Side of a window in longer sides of its box."""
LEAST = 8
"""Half the side of the smallest window, px."""
CUT = 2
"""A box this near in px to an edge of its window may go on behind it."""


def around(boxes: NDArray[np.floating], width: int, height: int) -> NDArray[np.intp]:
    """Windows x1 y1 x2 y2 around boxes, `(n, 4)` px, cut to the picture; none is empty."""
    size = np.array([width, height])
    centre = np.clip(geometry.centres(boxes), 0, size)
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)
    half = np.maximum(longer * SIDE / 2, LEAST)
    low = np.clip(np.floor(centre - half), 0, np.maximum(size - LEAST, 0))
    high = np.minimum(np.maximum(np.ceil(centre + half), low + LEAST), size)
    return np.concatenate([low, high], 1).astype(np.intp)


def cut_off(
    boxes: NDArray[np.floating], window: NDArray[np.intp], width: int, height: int
) -> NDArray[np.bool_]:
    """(n,) boxes, in px of a window, that touch an edge of it inside the picture: parts of things.

    Args:
        window: `(4,)` where it lies in the picture.
    """
    x1, y1, x2, y2 = window.tolist()
    inner = np.array([x1 > 0, y1 > 0, x2 < width, y2 < height])
    room = np.concatenate([boxes[:, :2], np.array([x2 - x1, y2 - y1]) - boxes[:, 2:]], 1)
    touches: NDArray[np.bool_] = ((room <= CUT) & inner).any(1)
    return touches
