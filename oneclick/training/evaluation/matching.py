"""Matching of the detections of one image to what is true there, as the COCO API does it.

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
MOST = 100
"""Detections an image that count."""
INSIDE = 0.5
"""Share of a detection inside a region to ignore from which it is forgiven there."""

Boxes = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px, scores (n,), classes (n,) of one image."""
Truth = tuple[NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px and classes (n,) of one image."""


class Found(NamedTuple):
    """Detections, image by image or best first."""

    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    images: NDArray[np.int64]
    heights: NDArray[np.float64]
    taken: NDArray[np.int64]
    forgiven: NDArray[np.bool_]

    @classmethod
    def empty(cls) -> Found:
        none, whole = np.zeros(0), np.zeros(0, np.int64)
        return cls(none, whole, whole, none, np.zeros((0, len(IOUS)), np.int64), none.astype(bool))

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """All of them, best score first."""
        columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(-columns[0], kind="stable")
        return cls(*(column[order] for column in columns))


def inside(found: NDArray[np.floating], regions: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether boxes lie in one of the regions with half of their own area or more, (n,)."""
    if not (len(found) and len(regions)):
        return np.zeros(len(found), bool)
    low = np.maximum(found[:, None, :2], regions[None, :, :2])
    sides = np.clip(np.minimum(found[:, None, 2:], regions[None, :, 2:]) - low, 0, None)
    most = (sides[..., 0] * sides[..., 1]).max(1)
    return np.asarray(most >= INSIDE * np.maximum(boxes.area(found), 1e-9))


def image(
    number: int,
    predicted: Boxes,
    truth: Truth,
    cls: int,
    regions: NDArray[np.floating],
    start: int,
) -> Found:
    """The detections of one class in one image, best first, greedily matched.

    Args:
        start: number of the image's first true box among those of all images.
    """
    found, scores, classes = predicted
    rows = np.flatnonzero(classes == cls)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:MOST]
    mine, n = np.asarray(found, float)[rows], len(rows)
    asked = np.flatnonzero(truth[1] == cls)
    taken = np.full((n, len(IOUS)), -1)
    if n and len(asked):
        overlap = boxes.iou(mine, np.asarray(truth[0], float)[asked])
        places = np.append(asked + start, -1)
        for at, least in enumerate(IOUS):
            taken[:, at] = places[_greedy(overlap, least)]
    return Found(
        scores[rows].astype(np.float64),
        np.full(n, cls),
        np.full(n, number),
        heights(mine),
        taken,
        inside(mine, np.asarray(regions, float)),
    )


def heights(found: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of boxes (n, 4), px."""
    return boxes.heights(found).astype(np.float64)


def _greedy(overlap: NDArray[np.floating], least: float) -> NDArray[np.int64]:
    """Each detection in turn takes the free true box it overlaps most; (detections,), -1 none."""
    free = overlap.copy()
    taken = np.full(len(free), -1)
    # Those that overlap nothing enough are most, and leave the others as they are.
    for row in np.flatnonzero(overlap.max(1) >= least):
        best = int(free[row].argmax())
        if free[row, best] >= least:
            taken[row] = best
            free[:, best] = -1
    return taken
