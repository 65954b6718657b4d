"""How often the model really was wrong where triggers fired: learned from what reviewers found.

What fired on one object is looked at together, because triggers are not independent witnesses:
hindsight fills every hole that `flicker` sees. A set of triggers is counted for one pair of models
in one direction; what such a pair has not shown yet is taken from its `base`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit, HitBox

Fired = frozenset[str]
"""Names of the triggers that fired on one object in one frame."""

SAME_OBJECT = 0.4
"""Boxes of different triggers, and their errors, are about one object from this IoU on."""
CORRECT = 0.5
"""A box is right from this IoU with the truth on."""
STRENGTH = 3
"""How many events the belief before the first review weighs: (wrong + 1) / (events + 3)."""
UNKNOWN = 1 / 3
"""Belief with no base."""


@dataclass(frozen=True)
class Tally:
    """Events of one set of triggers, one event per object and frame."""

    events: int = 0
    wrong: int = 0
    """Those where the model really was wrong."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.events + other.events, self.wrong + other.wrong)

    def share(self, before: float) -> float:
        """Share of wrong events, drawn towards what was believed before."""
        return (self.wrong + STRENGTH * before) / (self.events + STRENGTH)


@dataclass(frozen=True)
class Calibration:
    """P(the model is wrong at an object | the set of triggers that fired there)."""

    tallies: Mapping[Fired, Tally] = field(default_factory=dict)
    base: Calibration | None = None
    """What is believed where little has been seen."""

    def wrong(self, fired: Fired) -> float:
        """Laplace-smoothed share of wrong events, drawn towards the base."""
        if self.base:
            return self.tallies.get(fired, Tally()).share(self.base.wrong(fired))
        return self.tallies.get(fired, self._like(fired)).share(UNKNOWN)

    def _like(self, fired: Fired) -> Tally:
        """What the largest known parts of an unknown set have shown together.

        Only parts: that a trigger did not fire is evidence too, so larger sets say little.
        """
        parts = [known for known in self.tallies if known < fired]
        most = max(map(len, parts), default=0)
        return sum((self.tallies[part] for part in parts if len(part) == most), Tally())


def learn(seen: Iterable[tuple[Fired, bool]]) -> dict[Fired, Tally]:
    """Tallies of events: what fired, and whether the model was wrong there."""
    tallies: dict[Fired, Tally] = {}
    for fired, wrong in seen:
        tallies[fired] = tallies.get(fired, Tally()) + Tally(1, int(wrong))
    return tallies


def merged(parts: Iterable[Mapping[Fired, Tally]]) -> dict[Fired, Tally]:
    """Tallies of several sources together."""
    total: dict[Fired, Tally] = {}
    for fired, tally in chain.from_iterable(part.items() for part in parts):
        total[fired] = total.get(fired, Tally()) + tally
    return total


@dataclass(frozen=True, eq=False)
class Objects:
    """What all Hits of a video are about: one object is boxes of one frame that overlap."""

    boxes: Detections
    """Boxes of all Hits; the class is the trigger."""
    which: NDArray[np.int32]
    """Object of each box."""
    frames: NDArray[np.int32]
    """Frame of each object."""
    fired: NDArray[np.intp]
    """Index into `sets` of each object."""
    sets: tuple[Fired, ...]


def objects(hits: Sequence[Hit], length: int) -> Objects:
    """Join what different triggers say about one object; Hits without boxes are left out."""
    found = _boxes([hit for hit in hits if hit.boxes], length)
    i, j, _ = association.overlaps(found, found, SAME_OBJECT)
    graph = scipy.sparse.coo_array(
        (np.ones(len(i), np.int8), (i, j)), shape=(len(found), len(found))
    )
    which = scipy.sparse.csgraph.connected_components(graph, directed=False)[1].astype(np.int32)
    count = int(which.max()) + 1 if len(which) else 0
    frames = np.zeros(count, np.int32)
    frames[which] = found.frames
    table = np.zeros((count, len(found.names)), np.bool_)
    table[which, found.classes] = True
    rows, fired = np.unique(table, axis=0, return_inverse=True)
    names = np.array(found.names)
    sets = tuple(frozenset(names[row].tolist()) for row in rows)
    return Objects(found, which, frames, fired.reshape(-1), sets)


def mistakes(sure: Detections, truth: Detections) -> tuple[Detections, Detections]:
    """False alarms among the boxes of a model at its operating point, and the truth it missed."""
    i, j = association.match_frames(sure, truth, CORRECT)
    false, missed = np.ones(len(sure), np.bool_), np.ones(len(truth), np.bool_)
    false[i], missed[j] = False, False
    return sure.where(false), truth.where(missed)


def events(found: Objects, wrong: Sequence[Detections]) -> list[tuple[Fired, bool]]:
    """Per object: what fired, and whether one of its boxes lies on a mistake."""
    bad = np.zeros(len(found.frames), np.bool_)
    for part in wrong:
        rows = association.overlaps(found.boxes, part, SAME_OBJECT)[0]
        bad[found.which[rows]] = True
    return [(found.sets[k], bool(b)) for k, b in zip(found.fired.tolist(), bad, strict=True)]


def _boxes(hits: Sequence[Hit], length: int) -> Detections:
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
