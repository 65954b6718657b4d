"""Matching of the detections of one image to its ground truth, as the COCO API does it.

Greedy by score, class by class, at most 100 detections of a class; regions to ignore take the place
of COCO's crowds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes

IOUS = np.arange(0.5, 1.0, 0.05)
MAX_DETECTIONS = 100
"""Detections per image and class that are evaluated."""
MIN_INSIDE = 0.5
"""Share of a detection inside a region to ignore from which it is no false positive."""

ImageDetections = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px, scores (n,), classes (n,) of one image."""
ImageTruth = tuple[NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px and classes (n,) of one image."""


class MatchedDetections(NamedTuple):
    """Detections with the true box that each matches; of one image, or of several by score."""

    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    images: NDArray[np.int64]
    """(n,) number of the image."""
    sizes: NDArray[np.float64]
    """(n,) px."""
    truth_rows: NDArray[np.int64]
    """(n, 10) number of the true box among those of all images, at each of IOUS; -1 for none."""
    ignored: NDArray[np.bool_]
    """(n,) whether it lies in a region to ignore."""

    @classmethod
    def empty(cls) -> MatchedDetections:
        """Return no detections."""
        return cls(
            scores=np.zeros(0),
            classes=np.zeros(0, np.int64),
            images=np.zeros(0, np.int64),
            sizes=np.zeros((0, 2)),
            truth_rows=np.zeros((0, len(IOUS)), np.int64),
            ignored=np.zeros(0, bool),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[MatchedDetections]) -> MatchedDetections:
        """Concatenate detections, best score first."""
        columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(-columns[0], kind="stable")
        return cls(*(column[order] for column in columns))


def inside(detections: NDArray[np.floating], regions: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Check which boxes lie in one of the regions with half of their own area or more, (n,).

    Args:
        detections: (n, 4) px.
        regions: (k, 4) px.
    """
    if not (len(detections) and len(regions)):
        return np.zeros(len(detections), bool)
    low = np.maximum(detections[:, None, :2], regions[None, :, :2])
    sides = np.clip(np.minimum(detections[:, None, 2:], regions[None, :, 2:]) - low, 0, None)
    largest = (sides[..., 0] * sides[..., 1]).max(1)
    return np.asarray(largest >= MIN_INSIDE * np.maximum(boxes.area(detections), 1e-9))


def match_class(
    number: int,
    prediction: ImageDetections,
    truth: ImageTruth,
    cls: int,
    regions: NDArray[np.floating],
    first_truth: int,
) -> MatchedDetections:
    """Match the detections of one class in one image greedily, best first.

    Args:
        number: of the image.
        regions: (k, 4) px to ignore.
        first_truth: number of the image's first true box among those of all images.
    """
    all_boxes, scores, classes = prediction
    rows = np.flatnonzero(classes == cls)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:MAX_DETECTIONS]
    detections, count = np.asarray(all_boxes, float)[rows], len(rows)
    class_truths = np.flatnonzero(truth[1] == cls)
    truth_rows = np.full((count, len(IOUS)), -1)
    if count and len(class_truths):
        overlap = boxes.iou(detections, np.asarray(truth[0], float)[class_truths])
        numbers = np.append(class_truths + first_truth, -1)
        for level, threshold in enumerate(IOUS):
            truth_rows[:, level] = numbers[greedy_match(overlap, threshold)]
    return MatchedDetections(
        scores=scores[rows].astype(np.float64),
        classes=np.full(count, cls),
        images=np.full(count, number),
        sizes=sizes(detections),
        truth_rows=truth_rows,
        ignored=inside(detections, np.asarray(regions, float)),
    )


def sizes(detections: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return width and height (n, 2) of boxes (n, 4), px."""
    return np.asarray(detections[:, 2:] - detections[:, :2], np.float64)


def greedy_match(overlap: NDArray[np.floating], threshold: float) -> NDArray[np.int64]:
    """Give each detection in turn the free true box it overlaps most; (detections,), -1 for none.

    Args:
        overlap: (detections, true boxes) IoU; detections best first.
        threshold: least IoU of a match.
    """
    free = overlap.copy()
    columns = np.full(len(free), -1)
    # Most detections overlap nothing enough, and leave the others as they are.
    for row in np.flatnonzero(overlap.max(1) >= threshold):
        best = int(free[row].argmax())
        if free[row, best] >= threshold:
            columns[row] = best
            free[:, best] = -1
    return columns
