"""What a model misses and makes up: in all, at a given rate of false boxes, and clip by clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.training.evaluation.average_precision import Matches

LISTED = 20
"""Worst clips that are named."""


@dataclass(frozen=True)
class WorstClip:
    """A clip, and its image with the most mistakes; at the operating score and IoU 0.5."""

    clip: str
    frame: int
    """0-based; the first of those with the most mistakes."""
    f1: float
    missed: int
    """True boxes not found in the whole clip."""
    alarms: int
    """False boxes in the whole clip."""


def counts(matches: Matches, threshold: float) -> tuple[int, int]:
    """Hits and false boxes at IoU 0.5 with at least the operating score."""
    rows = matches.scores >= threshold
    hits = int(matches.hits[rows, 0].sum())
    return hits, int(matches.counted[rows, 0].sum()) - hits


def recall_at(matches: Matches, images: int, rate: float) -> float:
    """Largest recall at IoU 0.5 with at most `rate` false boxes an image; 0 without true boxes."""
    hits = matches.hits[:, 0]
    false = np.cumsum(matches.counted[:, 0] & ~hits)
    # Boxes of one score come together.
    whole = np.append(matches.scores[1:] != matches.scores[:-1], True)[: len(hits)]
    found = np.cumsum(hits)[whole & (false <= rate * images)].max(initial=0)
    return float(found / max(int(matches.truths.sum()), 1))


def worst(
    matches: Matches, keys: Sequence[tuple[str, int]], threshold: float, most: int = LISTED
) -> tuple[WorstClip, ...]:
    """The clips with the lowest F1, of equals those with the most mistakes; flawless ones are not.

    Args:
        keys: clip and frame of each image.
    """
    missed, alarms, found = _by_image(matches, len(keys), threshold)
    clips = list(dict.fromkeys(clip for clip, _ in keys))
    number = {clip: k for k, clip in enumerate(clips)}
    group = np.array([number[clip] for clip, _ in keys], np.int64)
    sums = [np.bincount(group, column, len(clips)) for column in (missed, alarms, found)]
    wrong = sums[0] + sums[1]
    f1 = 2 * sums[2] / np.maximum(2 * sums[2] + wrong, 1)
    order = [k for k in np.lexsort((-wrong, f1)).tolist() if wrong[k]]
    chosen = []
    for k in order[:most]:
        own = np.flatnonzero(group == k)
        frame = keys[int(own[(missed + alarms)[own].argmax()])][1]
        chosen.append(
            WorstClip(clips[k], frame, round(float(f1[k]), 4), int(sums[0][k]), int(sums[1][k]))
        )
    return tuple(chosen)


def _by_image(
    matches: Matches, images: int, threshold: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """True boxes missed, false boxes and hits of each image."""
    rows = np.flatnonzero(matches.scores >= threshold)
    hit = matches.hits[rows, 0]
    made = np.bincount(matches.images[rows[matches.counted[rows, 0]]], minlength=images)
    found = np.bincount(matches.images[rows[hit]], minlength=images)
    asked = np.bincount(matches.true.images, minlength=images)
    return asked - found, made - found, found
