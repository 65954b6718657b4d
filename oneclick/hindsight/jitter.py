"""Jitter of a model's boxes from frame to frame, which is known without a truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from oneclick.hindsight.options import HindsightOptions

FLOOR = 0.004
"""Box heights added to every jitter: a box that never moves is not exact for that."""
MIN_BOXES = 10
"""Boxes with a neighbour before and after, below which the jitter of a model is unknown."""


def of_models(detections: Sequence[Detections], options: HindsightOptions) -> NDArray[np.float64]:
    """Return the jitter of each model, box heights `(models,)`; the mean where it is unknown.

    Args:
        detections: boxes of each model over the same frames.
        options: of linking.
    """
    measured = np.array([_measure(each, options) for each in detections])
    is_known = np.isfinite(measured)
    mean = measured[is_known].mean() if is_known.any() else 0.0
    return FLOOR + np.where(is_known, measured, mean)


def _measure(detections: Detections, options: HindsightOptions) -> float:
    """Return how far sides lie from half-way between the frames around; NaN for a few boxes.

    A person who walks keeps a speed for three frames, and adds little to this.
    """
    numbers = association.link(detections, options.link_iou, options.link_seconds)
    order = np.lexsort((detections.frames, numbers))
    numbers, frames = numbers[order], detections.frames[order]
    sides = detections.boxes[order].astype(np.float64)
    is_inner = (numbers[2:] == numbers[:-2]) & (frames[2:] - frames[:-2] == 2)
    rows = np.flatnonzero(is_inner) + 1
    if len(rows) < MIN_BOXES:
        return np.nan
    strays = np.abs(sides[rows] - (sides[rows - 1] + sides[rows + 1]) / 2)
    return float((strays / np.maximum(boxes.heights(sides[rows]), 1)[:, None]).mean())
