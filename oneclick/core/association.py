"""Matching of boxes between two sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from oneclick.core import boxes


def match(
    a: boxes.FloatArray, b: boxes.FloatArray, min_iou: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One-to-one pairs (rows of a, rows of b) of largest total IoU, each at least `min_iou`."""
    overlap = boxes.iou(a, b)
    i, j = linear_sum_assignment(-np.where(overlap >= min_iou, overlap, 0))
    good = overlap[i, j] >= min_iou
    return i[good], j[good]
