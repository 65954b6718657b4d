"""Geometry of boxes: `(n, 4)` float arrays in pixels, x1 y1 x2 y2, corners exclusive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
NMS_BLOCK = 64
"""Boxes whose overlaps are computed at once: a call of numpy costs as much as many boxes."""


def area(boxes: FloatArray) -> FloatArray:
    """Return the area of each box in px², `(n,)`; 0 where x2 < x1 or y2 < y1."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the intersection over union of every pair, `(len(a), len(b))`."""
    # Side by side: as (n, m, 2) both at once take three times as long.
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    intersection: FloatArray = np.maximum(width, 0) * np.maximum(height, 0)
    union = area(a)[:, None] + area(b)[None] - intersection
    overlap: FloatArray = intersection / np.maximum(union, 1e-9)
    return overlap


def is_same(a: FloatArray, b: FloatArray, min_iou: float, min_share: float) -> NDArray[np.bool_]:
    """Check which pairs overlap enough to show the same object, `(len(a), len(b))`.

    Args:
        a: `(n, 4)` px.
        b: `(m, 4)` px.
        min_iou: least IoU.
        min_share: or least share of the smaller box that lies inside the larger one.
    """
    overlap = iou(a, b)
    area_a, area_b = area(a)[:, None], area(b)[None]
    common = overlap / (1 + overlap) * (area_a + area_b)
    share = common / np.maximum(np.minimum(area_a, area_b), 1e-6)
    return np.asarray((overlap >= min_iou) | (share >= min_share))


def iou_pairs(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the intersection over union row by row, `(n,)`; `a` and `b` have the same length."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, 2:], b[:, 2:])
    sides = np.maximum(high - low, 0)
    intersection: FloatArray = sides[:, 0] * sides[:, 1]
    overlap: FloatArray = intersection / np.maximum(area(a) + area(b) - intersection, 1e-9)
    return overlap


def iou_columns(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `iou_pairs` of boxes as columns, `(4, n)`: four times faster than on rows of four."""
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - intersection
    overlap: NDArray[np.float32] = intersection / np.maximum(union, np.float32(1e-9))
    return overlap


def centres(boxes: FloatArray) -> FloatArray:
    """Return the centre points, `(n, 2)` px."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def heights(boxes: FloatArray) -> FloatArray:
    """Return the heights in px, `(n,)`."""
    return boxes[:, 3] - boxes[:, 1]


def clip(boxes: FloatArray, width: float, height: float) -> FloatArray:
    """Return a copy of the boxes, clipped to a picture of `width` × `height` px."""
    limit = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limit)


def at_border(boxes: FloatArray, width: float, height: float, margin: float) -> NDArray[np.bool_]:
    """Check which boxes have a side within `margin` px of the picture's edge, `(n,)`."""
    x1, y1, x2, y2 = boxes.T
    return np.asarray(
        (x1 <= margin) | (y1 <= margin) | (x2 >= width - margin) | (y2 >= height - margin)
    )


def nms(boxes: FloatArray, scores: FloatArray, threshold: float) -> NDArray[np.intp]:
    """Apply greedy non-maximum suppression; a box is dropped at an IoU above `threshold`.

    Returns:
        `(k,)` rows that remain, highest score first.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = boxes[order]
    is_dropped = np.zeros(len(order), np.bool_)
    for start in range(0, len(order), NMS_BLOCK):
        block = start + np.flatnonzero(~is_dropped[start : start + NMS_BLOCK])
        overlaps = ~(iou(ranked[block], ranked) <= threshold)
        for row, is_near in zip(block.tolist(), overlaps, strict=True):
            if not is_dropped[row]:
                is_dropped[row + 1 :] |= is_near[row + 1 :]
    return np.asarray(order[~is_dropped], np.intp)


def interpolate(
    frames: NDArray[np.integer], boxes: FloatArray, at: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Interpolate boxes linearly at the frames `at`; constant beyond the first and last frame.

    Args:
        frames: `(n,)` rising frames of `boxes`.
        boxes: `(n, 4)` px.
        at: `(m,)` frames to interpolate at.

    Returns:
        `(m, 4)` px.
    """
    columns = [np.interp(at, frames, boxes[:, side]) for side in range(4)]
    return np.stack(columns, 1).astype(np.float32)
