"""Average precision as COCO defines it, on arrays, with a weight for every group of images.

The matching of detections to truth happens once, per image and class; all else is sums over it. A
slice of the test set is `part` of the matches, and drawing a clip twice is giving its images the
weight two. Follows cocoeval.py of the COCO API: greedy matching by score, 101 recall points, at
most 100 detections an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes

IOUS = np.arange(0.5, 1.0, 0.05)
POINTS = 101
"""Recall points, 0 … 1."""
MOST = 100
"""Detections an image that count."""
INSIDE = 0.5
"""Share of a detection inside a region to ignore from which it is forgiven there."""
_CHUNK = 4_000_000
"""Cells of one bootstrap block, to bound its memory."""

Boxes = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px, scores (n,), classes (n,) of one image."""
Truth = tuple[NDArray[np.floating], NDArray[np.integer]]
"""Boxes (n, 4) px and classes (n,) of one image."""


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
    parts = [_Part.empty()]
    for number, (predicted, truth) in enumerate(zip(predictions, truths, strict=True)):
        regions = none if ignored is None else ignored[number]
        for c in range(count):
            parts.append(_image(number, predicted, truth, c, regions, int(starts[number])))
    found = _Part.joined(parts)
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


def inside(found: NDArray[np.floating], regions: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether boxes lie in one of the regions with half of their own area or more, (n,)."""
    if not (len(found) and len(regions)):
        return np.zeros(len(found), bool)
    low = np.maximum(found[:, None, :2], regions[None, :, :2])
    sides = np.clip(np.minimum(found[:, None, 2:], regions[None, :, 2:]) - low, 0, None)
    most = (sides[..., 0] * sides[..., 1]).max(1)
    return np.asarray(most >= INSIDE * np.maximum(boxes.area(found), 1e-9))


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


class _Part(NamedTuple):
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    images: NDArray[np.int64]
    heights: NDArray[np.float64]
    taken: NDArray[np.int64]
    forgiven: NDArray[np.bool_]

    @classmethod
    def empty(cls) -> _Part:
        none, whole = np.zeros(0), np.zeros(0, np.int64)
        return cls(none, whole, whole, none, np.zeros((0, len(IOUS)), np.int64), none.astype(bool))

    @classmethod
    def joined(cls, parts: Sequence[_Part]) -> _Part:
        """All of them, best score first."""
        columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(-columns[0], kind="stable")
        return cls(*(column[order] for column in columns))


def _truths(truths: Sequence[Truth], group: NDArray[np.int64]) -> Truths:
    sizes = [len(found) for found, _ in truths]
    images = np.repeat(np.arange(len(truths)), sizes)
    found = np.concatenate([np.zeros((0, 4)), *(b for b, _ in truths)])
    classes = np.concatenate([np.zeros(0, np.int64), *(c for _, c in truths)])
    return Truths(images, group[images], classes.astype(np.int64), _heights(found))


def _heights(found: NDArray[np.floating]) -> NDArray[np.float64]:
    return boxes.heights(found).astype(np.float64)


def _counts(true: Truths, asked: NDArray[np.bool_], groups: int, classes: int) -> NDArray[np.int64]:
    """(groups, classes) true boxes asked for."""
    known = asked & (true.classes < classes)
    cells = true.groups[known] * classes + true.classes[known]
    return np.bincount(cells, minlength=groups * classes).reshape(groups, classes)


def _image(
    number: int,
    predicted: Boxes,
    truth: Truth,
    cls: int,
    regions: NDArray[np.floating],
    start: int,
) -> _Part:
    """The detections of one class in one image, best first, greedily matched."""
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
    return _Part(
        scores[rows].astype(np.float64),
        np.full(n, cls),
        np.full(n, number),
        _heights(mine),
        taken,
        inside(mine, np.asarray(regions, float)),
    )


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
