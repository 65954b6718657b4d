"""How sure a label is, from all that speaks for and against it.

The strength of the detections is one witness among several: boxes at the two ends of a track, far
from the nearest box that a model saw, or deep in a crowd are wrong more often than that tells.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import association, logistic
from oneclick.core.tracks import Tracks

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]

NAMES = ("all", "strength", "end", "crowd", "behind", "far")
"""What `evidence` tells of a box, in its order."""
BELIEFS = (0.0, 1.25, -2.0, -1.2, 1.2, -1.15)
"""Log-odds by NAMES before the first review: what 18 files of detections on eight sequences of the
MOTChallenge gave, each file of equal weight. Learned on the other footage each time, they rank
wrong boxes below right ones with a probability of 0.82, the strength alone with 0.73."""
END_SECONDS = 0.3
"""Time from an end of its track in which a box becomes 2.7 times less suspicious."""
FAR_SECONDS = 2.0
"""Boxes further from the nearest seen one are no worse."""
SURE = 0.98
"""No detection is surer, or less sure by as much."""


def judged(tracks: Tracks, beliefs: tuple[float, ...] = BELIEFS) -> Tracks:
    """The same tracks; scores become probabilities that the boxes are right.

    Args:
        tracks: with the strength of the evidence in 0 … 1 as scores.
        beliefs: log-odds by NAMES.
    """
    found = logistic.chance(evidence(tracks), np.array(beliefs))
    return replace(tracks, scores=found.astype(np.float32))


def evidence(tracks: Tracks) -> Numbers:
    """What speaks for each box, `(n, 6)` by NAMES.

    all: 1. strength: log-odds of its score. end: 1 at an end of its track, falling with the time
    from there. crowd: largest IoU with another track. behind: largest share of it that a nearer
    track covers. far: seconds to the nearest box of its track that a model saw.
    """
    columns = np.ones((len(tracks), len(NAMES)))
    columns[:, 1] = scipy.special.logit(np.clip(tracks.scores.astype(np.float64), 1 - SURE, SURE))
    columns[:, 2] = np.exp(-_to_end(tracks) / END_SECONDS)
    columns[:, 3], columns[:, 4] = _crowd(tracks)
    columns[:, 5] = np.minimum(tracks.evidence_distance / tracks.fps, FAR_SECONDS)
    return columns


def _to_end(tracks: Tracks) -> Numbers:
    """Seconds to the nearer end of the track, `(n,)`."""
    _, number = np.unique(tracks.tracks, return_inverse=True)
    first = np.full(len(tracks), tracks.length)
    last = np.zeros(len(tracks), np.intp)
    np.minimum.at(first, number, tracks.frames)
    np.maximum.at(last, number, tracks.frames)
    near = np.minimum(tracks.frames - first[number], last[number] - tracks.frames)
    seconds: Numbers = near / tracks.fps
    return seconds


def _crowd(tracks: Tracks) -> tuple[Numbers, Numbers]:
    """Largest IoU with another box, and largest share that a nearer box covers, `(n,)` each.

    Cameras look down on people: of two boxes the one that ends lower stands nearer.
    """
    found = tracks.detections
    crowd, behind = np.zeros(len(found)), np.zeros(len(found))
    i, j, overlap = association.overlaps(found, found, 1e-3)
    other = i != j
    i, j, overlap = i[other], j[other], overlap[other]
    np.maximum.at(crowd, i, overlap)
    nearer = found.boxes[j, 3] > found.boxes[i, 3]
    np.maximum.at(behind, i[nearer], _covered(found.boxes, i[nearer], j[nearer]))
    return crowd, behind


def _covered(boxes: NDArray[np.float32], i: Rows, j: Rows) -> Numbers:
    """Share of boxes i that boxes j cover."""
    a, b = boxes.take(i, axis=0).T.astype(np.float64), boxes.take(j, axis=0).T
    wide = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    high = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    share: Numbers = wide * high / np.maximum((a[2] - a[0]) * (a[3] - a[1]), 1e-6)
    return share
