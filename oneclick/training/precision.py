"""Average precision as COCO defines it, on arrays, with a weight for every group of images.

The matching of detections to truth happens per image and class, so a bootstrap over clips need not
repeat it: drawing a clip twice is giving its images the weight two. Follows cocoeval.py of the COCO
API: greedy matching by score, 101 recall points, at most 100 detections an image, no crowd boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes

IOUS = np.arange(0.5, 1.0, 0.05)
POINTS = 101
"""Recall points, 0 … 1."""
MOST = 100
"""Detections an image that count."""
_CHUNK = 4_000_000
"""Cells of one bootstrap block, to bound its memory."""

Boxes = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px, scores (n,), classes (n,) of one image."""
Truth = tuple[NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px and classes (n,) of one image."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Every detection of a test set, matched once and for all."""

    scores: NDArray[np.float64]
    """(n,) falling."""
    classes: NDArray[np.int64]
    """(n,)."""
    groups: NDArray[np.int64]
    """(n,) number of the clip the image is from."""
    hits: NDArray[np.bool_]
    """(n, 10) whether it matched a true box at each of IOUS."""
    truths: NDArray[np.int64]
    """(groups, classes) true boxes."""


def match(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    groups: NDArray[np.integer] | None = None,
    classes: int | None = None,
) -> Matches:
    """Match image by image; `groups` is the clip number of each image (default: one image each)."""
    group = np.arange(len(truths)) if groups is None else np.asarray(groups)
    count = classes or 1 + max((int(c.max()) for _, c in truths if len(c)), default=0)
    total = np.zeros((int(group.max(initial=-1)) + 1, count), np.int64)
    parts = [_Part.empty()]
    for number, predicted, (true_boxes, true_classes) in zip(
        group, predictions, truths, strict=True
    ):
        for c in range(count):
            inside = true_classes == c
            total[number, c] += int(inside.sum())
            parts.append(_image(predicted, true_boxes[inside], c, int(number)))
    scores = np.concatenate([part.scores for part in parts])
    order = np.argsort(-scores, kind="stable")
    return Matches(
        scores[order],
        np.concatenate([part.classes for part in parts])[order],
        np.concatenate([part.groups for part in parts])[order],
        np.concatenate([part.hits for part in parts])[order],
        total,
    )


def average(matches: Matches, weights: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    """Average precision, (draws, classes, 10).

    `weights` is (draws, groups), how often each clip was drawn; without it one draw of each clip.
    NaN where a class has no true box among the clips drawn.
    """
    groups, classes = matches.truths.shape
    weight = np.ones((1, groups)) if weights is None else np.asarray(weights, float)
    found = np.full((len(weight), classes, len(IOUS)), np.nan)
    for c in range(classes):
        rows = np.flatnonzero(matches.classes == c)
        block = max(1, _CHUNK // max(1, len(rows)))
        for low in range(0, len(weight), block):
            part = weight[low : low + block]
            expected = part @ matches.truths[:, c]
            of_row = part[:, matches.groups[rows]]
            for at in range(len(IOUS)):
                found[low : low + block, c, at] = _area(of_row, matches.hits[rows, at], expected)
    return found


def mean(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over classes and thresholds, (draws,): mAP; 0 where nothing was to be found."""
    seen = ~np.isnan(found)
    total = np.where(seen, found, 0).sum((1, 2))
    return np.asarray(total / np.maximum(seen.sum((1, 2)), 1))


def _area(
    weights: NDArray[np.float64], hits: NDArray[np.bool_], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(draws,) precision averaged over the recall points; weights (draws, n)."""
    true = np.cumsum(weights * hits, 1)
    precision = true / np.maximum(np.cumsum(weights, 1), 1e-12)
    # The best precision at this recall or beyond.
    precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    recall = true / np.maximum(expected, 1e-12)[:, None]
    # Recall points 0, 0.01 … up to this recall; a new one takes the precision of the row it is in.
    reached = np.floor(recall * (POINTS - 1) + 1e-9) + 1
    new = np.diff(reached, axis=1, prepend=0)
    return np.where(expected > 0, (new * precision).sum(1) / POINTS, np.nan)


class _Part(NamedTuple):
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    groups: NDArray[np.int64]
    hits: NDArray[np.bool_]

    @classmethod
    def empty(cls) -> _Part:
        none = np.zeros(0, np.int64)
        return cls(np.zeros(0), none, none, np.zeros((0, len(IOUS)), bool))


def _image(predicted: Boxes, truth: NDArray[np.floating], cls: int, group: int) -> _Part:
    """The detections of one class in one image, best first, greedily matched."""
    found, scores, classes = predicted
    rows = np.flatnonzero(classes == cls)
    rows = rows[np.argsort(-scores[rows], kind="stable")][:MOST]
    hits = np.zeros((len(rows), len(IOUS)), bool)
    if len(truth) and len(rows):
        overlap = boxes.iou(np.asarray(found, float)[rows], np.asarray(truth, float))
        for at, least in enumerate(IOUS):
            hits[:, at] = _greedy(overlap, least)
    n = len(rows)
    return _Part(scores[rows].astype(np.float64), np.full(n, cls), np.full(n, group), hits)


def _greedy(overlap: NDArray[np.floating], least: float) -> NDArray[np.bool_]:
    """Each detection in turn takes the free true box it overlaps most; (detections,) bool."""
    free = overlap.copy()
    hit = np.zeros(len(free), bool)
    for row in range(len(free)):
        best = int(free[row].argmax())
        if free[row, best] >= least:
            hit[row] = True
            free[:, best] = -1
    return hit
