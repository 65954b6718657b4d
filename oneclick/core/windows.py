"""Windows: square crops of a picture around boxes, for a closer look at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry

SIDE = 2.5
"""Side of a window as a multiple of the longer side of its box."""
ROOM = 0.35
"""Room on each side of a box in a window that it shares, as a multiple of its longer side."""
MOST_SHARED = 1.6
"""A shared window is at most so many times as wide as the box's own would be."""
MIN_HALF_SIDE = 8
"""Half the side of the smallest window, px."""
TRUNCATION_MARGIN = 2
"""Distance to an edge of the window, px, within which a box counts as truncated by it."""


def around(boxes: NDArray[np.floating], width: int, height: int) -> NDArray[np.intp]:
    """Return windows x1 y1 x2 y2 in which all boxes are, `(m, 4)` px, not empty, in the picture.

    A box that stands alone is in the middle of its window. Those close together, and of much the
    same size, share one: it is at most MOST_SHARED times as wide as that of the smallest.
    """
    size = np.array([width, height])
    centre = np.clip(geometry.centres(boxes), 0, size)
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)
    room = np.maximum(longer * (0.5 + ROOM), MIN_HALF_SIDE)
    own_side = np.maximum(longer[:, 0] * SIDE, 2 * MIN_HALF_SIDE)
    groups: list[tuple[NDArray[np.float64], float, float]] = []
    regions = np.concatenate([centre - room, centre + room], 1)
    for row in np.argsort(centre[:, 0], kind="stable"):
        region, side = regions[row], float(own_side[row])
        for place, (shared, largest, smallest) in enumerate(groups):
            low = np.minimum(shared[:2], region[:2])
            high = np.maximum(shared[2:], region[2:])
            limit = MOST_SHARED * min(smallest, side)
            if max(largest, side, *(high - low)) <= limit:
                union = np.concatenate([low, high])
                groups[place] = union, max(largest, side), min(smallest, side)
                break
        else:
            groups.append((region, side, side))
    shared_regions = np.array([region for region, _, _ in groups]).reshape(-1, 4)
    sides = np.array([[max(side, *(r[2:] - r[:2]))] for r, side, _ in groups]).reshape(-1, 1)
    middle = np.clip(geometry.centres(shared_regions), 0, size)
    low = np.clip(np.floor(middle - sides / 2), 0, np.maximum(size - MIN_HALF_SIDE, 0))
    high = np.minimum(np.maximum(np.ceil(middle + sides / 2), low + MIN_HALF_SIDE), size)
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
