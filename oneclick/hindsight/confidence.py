"""Probability that a label is right, from all evidence for and against it.

The strength of the detections is one feature among several: boxes at the two ends of a track, far
from the nearest detection, or deep in a crowd are wrong more often than the strength alone tells.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import association, logistic
from oneclick.core.tracks import Tracks

FloatArray = NDArray[np.float64]

FEATURE_NAMES = ("all", "strength", "end", "crowd", "behind", "far")
"""Columns of `features`, in their order."""
PRIOR_WEIGHTS = (0.0, 1.25, -2.0, -1.2, 1.2, -1.15)
"""Log-odds by FEATURE_NAMES before the first review, from 18 files of detections on eight sequences
of the MOTChallenge, each file of equal weight. In cross-validation over the sequences they rank
wrong boxes below right ones with a probability of 0.82, the strength alone with 0.73."""
END_SECONDS = 0.3
"""Time from an end of its track in which the feature of a box falls to 1/e."""
FAR_SECONDS = 2.0
"""Boxes further from the nearest detection are no worse."""
MAX_STRENGTH = 0.98
"""Strengths are clipped to 1 - MAX_STRENGTH … MAX_STRENGTH."""


def to_probabilities(tracks: Tracks, weights: tuple[float, ...] = PRIOR_WEIGHTS) -> Tracks:
    """Return the same tracks with the probability that each box is right as its score.

    Args:
        tracks: with the strength of the detections in 0 … 1 as scores.
        weights: log-odds by FEATURE_NAMES.
    """
    probabilities = logistic.probability(features(tracks), np.array(weights))
    return replace(tracks, scores=probabilities.astype(np.float32))


def features(tracks: Tracks) -> FloatArray:
    """Return the features of each box, `(n, 6)` by FEATURE_NAMES.

    all: 1. strength: log-odds of its score. end: 1 at an end of its track, falling with the time
    from there. crowd: largest IoU with another track. behind: largest share of it that a nearer
    track covers. far: seconds to the nearest box of its track that a model detected.
    """
    columns = np.ones((len(tracks), len(FEATURE_NAMES)))
    strengths = np.clip(tracks.scores.astype(np.float64), 1 - MAX_STRENGTH, MAX_STRENGTH)
    columns[:, 1] = scipy.special.logit(strengths)
    columns[:, 2] = np.exp(-seconds_to_end(tracks) / END_SECONDS)
    columns[:, 3], columns[:, 4] = crowding(tracks)
    columns[:, 5] = np.minimum(tracks.evidence_distance / tracks.fps, FAR_SECONDS)
    return columns


def seconds_to_end(tracks: Tracks) -> FloatArray:
    """Return the time from each box to the nearer end of its track, `(n,)`."""
    _, number = np.unique(tracks.tracks, return_inverse=True)
    first = np.full(len(tracks), tracks.length)
    last = np.zeros(len(tracks), np.intp)
    np.minimum.at(first, number, tracks.frames)
    np.maximum.at(last, number, tracks.frames)
    frames = np.minimum(tracks.frames - first[number], last[number] - tracks.frames)
    seconds: FloatArray = frames / tracks.fps
    return seconds


def crowding(tracks: Tracks) -> tuple[FloatArray, FloatArray]:
    """Return the largest IoU with another box, and the largest share that a nearer box covers.

    `(n,)` each. Cameras look down on people: of two boxes the one that ends lower is nearer.
    """
    detections = tracks.detections
    max_iou, max_covered = np.zeros(len(detections)), np.zeros(len(detections))
    i, j, overlap = association.overlaps(detections, detections, 1e-3)
    pairs = i != j
    i, j, overlap = i[pairs], j[pairs], overlap[pairs]
    np.maximum.at(max_iou, i, overlap)
    is_nearer = detections.boxes[j, 3] > detections.boxes[i, 3]
    i, j = i[is_nearer], j[is_nearer]
    a, b = detections.boxes.take(i, axis=0).T.astype(np.float64), detections.boxes.take(j, axis=0).T
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    area = np.maximum((a[2] - a[0]) * (a[3] - a[1]), 1e-6)
    np.maximum.at(max_covered, i, width * height / area)
    return max_iou, max_covered
