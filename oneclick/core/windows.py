"""Windows: square crops of a picture around boxes, for a closer look at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry

SIDE = 2.5
"""Side of a window as a multiple of the longer side of its box."""
MIN_HALF_SIDE = 8
"""Half the side of the smallest window, px."""
TRUNCATION_MARGIN = 2
"""Distance to an edge of the window, px, within which a box counts as truncated by it."""


def around(boxes: NDArray[np.floating], width: int, height: int) -> NDArray[np.intp]:
    """Return a window x1 y1 x2 y2 around each box, `(n, 4)` px, not empty, inside the picture."""
    size = np.array([width, height])
    centre = np.clip(geometry.centres(boxes), 0, size)
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)
    half = np.maximum(longer * SIDE / 2, MIN_HALF_SIDE)
    low = np.clip(np.floor(centre - half), 0, np.maximum(size - MIN_HALF_SIDE, 0))
    high = np.minimum(np.maximum(np.ceil(centre + half), low + MIN_HALF_SIDE), size)
    return np.concatenate([low, high], 1).astype(np.intp)


def is_truncated(
    boxes: NDArray[np.floating], window: NDArray[np.intp], width: int, height: int
) -> NDArray[np.bool_]:
    """Check which boxes a window truncates: they touch an edge of it inside the picture, `(n,)`.

    Args:
        boxes: `(n, 4)` px of the window.
        window: `(4,)` x1 y1 x2 y2, px of the picture.
        width: of the picture in px.
        height: of the picture in px.
    """
    x1, y1, x2, y2 = window.tolist()
    inner = np.array([x1 > 0, y1 > 0, x2 < width, y2 < height])
    margin = np.concatenate([boxes[:, :2], np.array([x2 - x1, y2 - y1]) - boxes[:, 2:]], 1)
    touches: NDArray[np.bool_] = ((margin <= TRUNCATION_MARGIN) & inner).any(1)
    return touches
