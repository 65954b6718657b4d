"""Average precision as COCO defines it, on arrays, with a weight for every group of images.

The matching of detections to truth happens once, per image and class; all else is sums over it. A
slice of the test set is `part` of the matches, and drawing a clip twice is giving its images the
weight two. Follows cocoeval.py of the COCO API: greedy matching by score, 101 recall points, at
most 100 detections an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneclick.training.evaluation import matching
from oneclick.training.evaluation.matching import IOUS, Boxes, Found, Truth

POINTS = 101
"""Recall points, 0 … 1."""
_CHUNK = 4_000_000
"""Cells of one bootstrap block, to bound its memory."""


class Truths(NamedTuple):
    """Every true box, image by image."""

    images: NDArray[np.int64]
    """(t,) number of the image."""
    groups: NDArray[np.int64]
    """(t,) number of the clip."""
    classes: NDArray[np.int64]
    """(t,)."""
    heights: NDArray[np.float64]
    """(t,) px."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Every detection of a test set, matched once and for all."""

    scores: NDArray[np.float64]
    """(n,) falling."""
    classes: NDArray[np.int64]
    """(n,)."""
    groups: NDArray[np.int64]
    """(n,) number of the clip the image is from."""
    images: NDArray[np.int64]
    """(n,) number of the image."""
    heights: NDArray[np.float64]
    """(n,) px."""
    taken: NDArray[np.int64]
    """(n, 10) the row of `true` it matched at each of IOUS, or -1."""
    hits: NDArray[np.bool_]
    """(n, 10) whether it matched a true box that is asked for."""
    counted: NDArray[np.bool_]
    """(n, 10) whether it counts at all, as a hit or as a false box."""
    truths: NDArray[np.int64]
    """(groups, classes) true boxes asked for."""
    true: Truths
    """All true boxes, asked for or not."""


def match(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    groups: NDArray[np.integer] | None = None,
    classes: int | None = None,
    ignored: Sequence[NDArray[np.floating]] | None = None,
) -> Matches:
    """Match image by image.

    Args:
        groups: the clip number of each image (default: one image each).
        classes: how many there are (default: as many as the truth shows).
        ignored: regions (k, 4) of each image: a detection that matches nothing and lies in one of
            them with half of its area or more counts neither way.
    """
    group = np.arange(len(truths)) if groups is None else np.asarray(groups, np.int64)
    count = classes or 1 + max((int(c.max()) for _, c in truths if len(c)), default=0)
    true = _truths(truths, group)
    starts = np.searchsorted(true.images, np.arange(len(truths)))
    none = np.zeros((0, 4))
    parts = [Found.empty()]
    for number, (predicted, truth) in enumerate(zip(predictions, truths, strict=True)):
        regions = none if ignored is None else ignored[number]
        for c in range(count):
            parts.append(matching.image(number, predicted, truth, c, regions, int(starts[number])))
    found = Found.joined(parts)
    hits = found.taken >= 0
    return Matches(
        found.scores,
        found.classes,
        group[found.images],
        found.images,
        found.heights,
        found.taken,
        hits,
        hits | ~found.forgiven[:, None],
        _counts(true, np.ones(len(true.images), bool), int(group.max(initial=-1)) + 1, count),
        true,
    )


def part(matches: Matches, asked: NDArray[np.bool_], free: NDArray[np.bool_]) -> Matches:
    """The matches as if only some true boxes had been asked for.

    Args:
        asked: (t,) over `true`; a detection that matched another one counts neither way.
        free: (n,) detections that count as false boxes where they match nothing.
    """
    # Row -1, no match, finds the False at the end.
    hits = matches.hits & np.append(asked, False)[matches.taken]
    counted = hits | (~matches.hits & matches.counted & free[:, None])
    rows = np.flatnonzero(counted.any(1))
    groups, classes = matches.truths.shape
    return replace(
        matches,
        scores=matches.scores[rows],
        classes=matches.classes[rows],
        groups=matches.groups[rows],
        images=matches.images[rows],
        heights=matches.heights[rows],
        taken=matches.taken.take(rows, axis=0),
        hits=hits.take(rows, axis=0),
        counted=counted.take(rows, axis=0),
        truths=_counts(matches.true, asked, groups, classes),
    )


def average(matches: Matches, weights: NDArray[np.floating] | None = None) -> NDArray[np.float64]:
    """Average precision, (draws, classes, 10).

    `weights` is (draws, groups), how often each clip was drawn; without it one draw of each clip.
    NaN where a class has no true box among the clips drawn. Exact; for thousands of draws
    `resample.means` is a hundred times faster.
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
                true = np.cumsum(of_row * matches.hits[rows, at], 1)
                made = np.cumsum(of_row * matches.counted[rows, at], 1)
                found[low : low + block, c, at] = area(true, made, expected)
    return found


def mean(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over classes and thresholds, (draws,): mAP; 0 where nothing was to be found."""
    seen = ~np.isnan(found)
    total = np.where(seen, found, 0).sum((1, 2))
    return np.asarray(total / np.maximum(seen.sum((1, 2)), 1))


def area(
    true: NDArray[np.floating], made: NDArray[np.floating], expected: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Precision averaged over the recall points, (…); NaN where nothing is expected.

    Args:
        true, made: (…, n) hits and boxes down to a score, best first.
        expected: (…) true boxes.
    """
    precision = true / np.maximum(made, 1e-12)
    # The best precision at this recall or beyond.
    precision = np.maximum.accumulate(precision[..., ::-1], -1)[..., ::-1]
    recall = true / np.maximum(expected, 1e-12)[..., None]
    # Recall points 0, 0.01 … up to this recall; a new one takes the precision of the row it is in.
    slack = 1e-9 if true.dtype == np.float64 else 1e-4
    reached = np.floor(recall * (POINTS - 1) + slack) + 1
    new = np.diff(reached, axis=-1, prepend=0)
    return np.where(expected > 0, (new * precision).sum(-1) / POINTS, np.nan)


def _truths(truths: Sequence[Truth], group: NDArray[np.int64]) -> Truths:
    sizes = [len(found) for found, _ in truths]
    images = np.repeat(np.arange(len(truths)), sizes)
    found = np.concatenate([np.zeros((0, 4)), *(b for b, _ in truths)])
    classes = np.concatenate([np.zeros(0, np.int64), *(c for _, c in truths)])
    return Truths(images, group[images], classes.astype(np.int64), matching.heights(found))


def _counts(true: Truths, asked: NDArray[np.bool_], groups: int, classes: int) -> NDArray[np.int64]:
    """(groups, classes) true boxes asked for."""
    known = asked & (true.classes < classes)
    cells = true.groups[known] * classes + true.classes[known]
    return np.bincount(cells, minlength=groups * classes).reshape(groups, classes)
