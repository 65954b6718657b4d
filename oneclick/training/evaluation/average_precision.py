"""Average precision as COCO defines it, on arrays, with a weight for every group of images.

Detections are matched to truth once, per image and class; everything else is sums over the matches.
A slice of the test set is a `subset` of the matches, and drawing a clip twice is giving its images
the weight two. Follows cocoeval.py of the COCO API: greedy matching by score, 101 recall points, at
most 100 detections an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneclick.training.evaluation import matching
from oneclick.training.evaluation.matching import (
    IOUS,
    ImageDetections,
    ImageTruth,
    MatchedDetections,
)

RECALL_POINTS = 101
"""Recall points, 0 … 1."""
_MAX_CELLS = 4_000_000
"""Cells of one bootstrap block, to bound its memory."""


class TrueBoxes(NamedTuple):
    """Every true box of a test set, image by image."""

    images: NDArray[np.int64]
    """(t,) number of the image."""
    groups: NDArray[np.int64]
    """(t,) number of the clip."""
    classes: NDArray[np.int64]
    """(t,)."""
    sizes: NDArray[np.float64]
    """(t, 2) width and height, px."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Matches:
    """Every detection of a test set with the true box that it matches, best score first."""

    scores: NDArray[np.float64]
    """(n,) in descending order."""
    classes: NDArray[np.int64]
    """(n,)."""
    groups: NDArray[np.int64]
    """(n,) number of the clip the image is from."""
    images: NDArray[np.int64]
    """(n,) number of the image."""
    sizes: NDArray[np.float64]
    """(n, 2) width and height, px."""
    truth_rows: NDArray[np.int64]
    """(n, 10) the row of `truths` it matches at each of IOUS, or -1."""
    hits: NDArray[np.bool_]
    """(n, 10) whether it is a true positive: matches a selected true box."""
    considered: NDArray[np.bool_]
    """(n, 10) whether it is a true or false positive; the rest is ignored."""
    truth_counts: NDArray[np.int64]
    """(groups, classes) selected true boxes."""
    truths: TrueBoxes
    """All true boxes, selected or not."""


def match(
    predictions: Sequence[ImageDetections],
    truths: Sequence[ImageTruth],
    groups: NDArray[np.integer] | None = None,
    classes: int | None = None,
    ignored: Sequence[NDArray[np.floating]] | None = None,
) -> Matches:
    """Match the detections of each image to its true boxes.

    Args:
        groups: the clip number of each image (default: one image each).
        classes: how many there are (default: as many as the truth shows).
        ignored: regions (k, 4) of each image: a detection that matches nothing and lies in one of
            them with half of its area or more is no false positive.
    """
    group = np.arange(len(truths)) if groups is None else np.asarray(groups, np.int64)
    class_count = classes or 1 + max((int(c.max()) for _, c in truths if len(c)), default=0)
    true_boxes = _join_truths(truths, group)
    starts = np.searchsorted(true_boxes.images, np.arange(len(truths))).tolist()
    no_regions = np.zeros((0, 4))
    parts = [MatchedDetections.empty()]
    for number, image in enumerate(zip(predictions, truths, strict=True)):
        regions = no_regions if ignored is None else ignored[number]
        for c in range(class_count):
            parts.append(matching.match_class(number, *image, c, regions, starts[number]))
    detections = MatchedDetections.concatenate(parts)
    hits = detections.truth_rows >= 0
    everything, group_count = np.ones(len(true_boxes.images), bool), int(group.max(initial=-1)) + 1
    return Matches(
        scores=detections.scores,
        classes=detections.classes,
        groups=group[detections.images],
        images=detections.images,
        sizes=detections.sizes,
        truth_rows=detections.truth_rows,
        hits=hits,
        considered=hits | ~detections.ignored[:, None],
        truth_counts=_count_truths(true_boxes, everything, group_count, class_count),
        truths=true_boxes,
    )


def subset(
    matches: Matches, selected: NDArray[np.bool_], false_positive_rows: NDArray[np.bool_]
) -> Matches:
    """Return the matches as if the test set consisted of the selected true boxes only.

    Args:
        selected: (t,) over `truths`; a detection that matches another one is ignored.
        false_positive_rows: (n,) detections that are false positives where they match nothing.
    """
    # Row -1, no match, finds the False at the end.
    hits = matches.hits & np.append(selected, False)[matches.truth_rows]
    considered = hits | (~matches.hits & matches.considered & false_positive_rows[:, None])
    rows = np.flatnonzero(considered.any(1))
    groups, classes = matches.truth_counts.shape
    return replace(
        matches,
        scores=matches.scores[rows],
        classes=matches.classes[rows],
        groups=matches.groups[rows],
        images=matches.images[rows],
        sizes=matches.sizes[rows],
        truth_rows=matches.truth_rows.take(rows, axis=0),
        hits=hits.take(rows, axis=0),
        considered=considered.take(rows, axis=0),
        truth_counts=_count_truths(matches.truths, selected, groups, classes),
    )


def average(matches: Matches, weights: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    """Compute average precision exactly, (draws, classes, 10).

    NaN where a class has no true box among the clips drawn. For thousands of draws
    `bootstrap.mean_average_precision` is a hundred times faster.

    Args:
        weights: (draws, groups) how often each clip is drawn; default is one draw of each clip.
    """
    groups, classes = matches.truth_counts.shape
    weight = np.ones((1, groups)) if weights is None else np.asarray(weights, float)
    precision = np.full((len(weight), classes, len(IOUS)), np.nan)
    for c in range(classes):
        rows = np.flatnonzero(matches.classes == c)
        block = max(1, _MAX_CELLS // max(1, len(rows)))
        for low in range(0, len(weight), block):
            draws = weight[low : low + block]
            true_boxes = draws @ matches.truth_counts[:, c]
            row_weights = draws[:, matches.groups[rows]]
            for level in range(len(IOUS)):
                hits = np.cumsum(row_weights * matches.hits[rows, level], 1)
                positives = np.cumsum(row_weights * matches.considered[rows, level], 1)
                area = interpolated_area(hits, positives, true_boxes)
                precision[low : low + block, c, level] = area
    return precision


def mean(precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mAP (draws,): the mean over classes and IoUs; 0 where there was no true box.

    Args:
        precision: (draws, classes, 10) as `average` returns it.
    """
    valid = ~np.isnan(precision)
    total = np.where(valid, precision, 0).sum((1, 2))
    return np.asarray(total / np.maximum(valid.sum((1, 2)), 1))


def interpolated_area(
    hits: NDArray[np.floating], positives: NDArray[np.floating], true_boxes: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Average the interpolated precision over the recall points, (…); NaN without true boxes.

    Args:
        hits, positives: (…, n) true positives and positives down to a score, best first.
        true_boxes: (…) number of true boxes.
    """
    precision = hits / np.maximum(positives, 1e-12)
    # The best precision at this recall or beyond.
    precision = np.maximum.accumulate(precision[..., ::-1], -1)[..., ::-1]
    recall = hits / np.maximum(true_boxes, 1e-12)[..., None]
    # Recall points 0, 0.01 … up to this recall; a new one takes the precision of the row it is in.
    slack = 1e-9 if hits.dtype == np.float64 else 1e-4
    reached = np.floor(recall * (RECALL_POINTS - 1) + slack) + 1
    new_points = np.diff(reached, axis=-1, prepend=0)
    return np.where(true_boxes > 0, (new_points * precision).sum(-1) / RECALL_POINTS, np.nan)


def _join_truths(truths: Sequence[ImageTruth], group: NDArray[np.int64]) -> TrueBoxes:
    images = np.repeat(np.arange(len(truths)), [len(boxes) for boxes, _ in truths])
    boxes = np.concatenate([np.zeros((0, 4)), *(b for b, _ in truths)])
    classes = np.concatenate([np.zeros(0, np.int64), *(c for _, c in truths)])
    return TrueBoxes(images, group[images], classes.astype(np.int64), matching.sizes(boxes))


def _count_truths(
    truths: TrueBoxes, selected: NDArray[np.bool_], groups: int, classes: int
) -> NDArray[np.int64]:
    """Count the selected true boxes, (groups, classes)."""
    rows = selected & (truths.classes < classes)
    cells = truths.groups[rows] * classes + truths.classes[rows]
    return np.bincount(cells, minlength=groups * classes).reshape(groups, classes)
