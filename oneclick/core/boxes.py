"""Geometry of boxes: `(n, 4)` float arrays in pixels, x1 y1 x2 y2, corners exclusive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


def area(boxes: FloatArray) -> FloatArray:
    """Area in px² per box, `(n,)`; 0 for boxes turned inside out."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return sides[:, 0] * sides[:, 1]


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of every pair, `(len(a), len(b))`."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    inter: FloatArray = sides[..., 0] * sides[..., 1]
    union = area(a)[:, None] + area(b)[None] - inter
    overlap: FloatArray = inter / np.maximum(union, 1e-9)
    return overlap


def iou_pairs(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union row by row, `(n,)`; `a` and `b` have the same length."""
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, 2:], b[:, 2:])
    sides = np.clip(high - low, 0, None)
    inter: FloatArray = sides[:, 0] * sides[:, 1]
    overlap: FloatArray = inter / np.maximum(area(a) + area(b) - inter, 1e-9)
    return overlap


def centres(boxes: FloatArray) -> FloatArray:
    """Centre points, `(n, 2)` px."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def heights(boxes: FloatArray) -> FloatArray:
    """Heights in px, `(n,)`."""
    return boxes[:, 3] - boxes[:, 1]


def clip(boxes: FloatArray, width: float, height: float) -> FloatArray:
    """Boxes cut to a picture of `width` × `height` px; a copy."""
    limit = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limit)


def at_border(boxes: FloatArray, width: float, height: float, margin: float) -> NDArray[np.bool_]:
    """True where a side lies within `margin` px of the picture's edge."""
    left, top, right, bottom = boxes.T
    return np.asarray(
        (left <= margin) | (top <= margin) | (right >= width - margin) | (bottom >= height - margin)
    )


def nms(boxes: FloatArray, scores: FloatArray, at: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: rows kept, best first; a box falls at IoU > `at`."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[iou(boxes[best : best + 1], boxes[rest])[0] <= at]
    return np.array(kept, np.intp)


def interpolate(
    frames: NDArray[np.integer], boxes: FloatArray, at: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Boxes at the frames `at`, linear between the given ones, held beyond the ends."""
    columns = [np.interp(at, frames, boxes[:, side]) for side in range(4)]
    return np.stack(columns, 1).astype(np.float32)
