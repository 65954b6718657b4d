"""Expected errors per frame: what the Hits of a video are worth together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit, HitBox

PRIORS = {
    "flicker": 0.61,
    "blip": 0.79,
    "conflict_miss": 0.53,
    "conflict_extra": 0.30,
    "low_confidence": 0.10,
}
"""P(the model is wrong at a box | this trigger fired there), before any reviewer has looked.

Mean precision of the trigger's events over four pairs of models, against ground truth (PETS, TUD
and MOT17 sequences); low_confidence: of two models on PETS and TUD, where it was 0.14 and 0.08.
"""
UNKNOWN = 0.2
"""Prior of a trigger that is not in the table: the base rate of error."""
SAME_OBJECT = 0.4
"""Boxes of different triggers are about one object from this IoU on."""


def errors(hits: Iterable[Hit], length: int) -> NDArray[np.float64]:
    """Expected number of wrong boxes in each frame, `(length,)`.

    Triggers that fired on one object are combined as independent witnesses (noisy-or); objects add
    up. A Hit without boxes counts as one object in every frame of its span.
    """
    hits = list(hits)
    found = _boxes([hit for hit in hits if hit.boxes], length)
    objects = _objects(found)
    # Two boxes of one trigger on one object are one witness.
    pairs = np.unique(np.stack([objects, found.classes], 1), axis=0)
    doubt = np.log1p(-np.array([prior(name) for name in found.names]))
    wrong = -np.expm1(np.bincount(pairs[:, 0], doubt[pairs[:, 1]]))
    frame = np.zeros(len(wrong), np.intp)
    frame[objects] = found.frames
    total: NDArray[np.float64] = np.bincount(frame, wrong, length).astype(np.float64)
    for hit in hits:
        if not hit.boxes:
            total[hit.span.start : hit.span.stop] += prior(hit.trigger)
    return total


def prior(trigger: str) -> float:
    """P(wrong | trigger) of the table, kept below certainty."""
    return min(PRIORS.get(trigger, UNKNOWN), 0.99)


def _boxes(hits: Sequence[Hit], length: int) -> Detections:
    """All boxes of the Hits; the class is the trigger."""
    names = tuple(sorted({hit.trigger for hit in hits})) or ("none",)
    number = {name: k for k, name in enumerate(names)}
    sizes = [len(hit.boxes) for hit in hits]
    rows = _rows([hit.boxes for hit in hits], sum(sizes))
    classes = np.repeat(np.array([number[hit.trigger] for hit in hits], np.int16), sizes)
    frames, ones = rows[:, 0].astype(np.int32), np.ones(len(rows), np.float32)
    return Detections(frames, rows[:, 1:].astype(np.float32), ones, classes, length, 1.0, names)


def _rows(boxes: Sequence[tuple[HitBox, ...]], count: int) -> NDArray[np.float64]:
    numbers = chain.from_iterable(chain.from_iterable(boxes))
    return np.fromiter(numbers, np.float64, count * 5).reshape(-1, 5)


def _objects(found: Detections) -> NDArray[np.int32]:
    """Number of the object each box is about, `(n,)`: boxes of a frame that overlap are one."""
    i, j, _ = association.overlaps(found, found, SAME_OBJECT)
    graph = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(len(found), len(found)))
    objects: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return objects
