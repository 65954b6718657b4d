"""Detections with known faults, made from the truth: what a trigger must find, and where.

    planted = faults.plant(truth, ["flicker", "blip"], width, height, seed=3)
    planted.detections      what a model with just these faults would have said
    planted.faults          kind, Span and track of every one of them

Pure: arrays in, values out. A fault keeps PAUSE seconds away from the others of its object and from
the first and last box of its track, so every one of them stands alone; nothing else in the
Detections differs from the truth. Classes never change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks

NOBODY = -1
"""Track of a fault that belongs to no object."""
SCORE = 0.9
"""Confidence of a faultless box."""
LOW_SCORE = 0.35
PAUSE = 0.6
"""Seconds of faultless boxes around a fault."""
SECONDS: dict[str, tuple[float, float]] = {
    "flicker": (0.1, 0.4),
    "jump": (0.1, 0.1),
    "miss": (1.5, 3.0),
    "low_confidence": (0.5, 1.5),
    "blip": (0.1, 0.3),
    "extra": (2.0, 5.0),
}
"""Kinds of faults and how long each lasts, seconds:

flicker: the object is missed for a moment and found again. jump: one box lies half a body
height beside the object. miss: the object is missed for long. low_confidence: the score falls to
LOW_SCORE. blip: a box where nobody is, for a moment. extra: a box where nobody is that stays.
"""


@dataclass(frozen=True)
class Fault:
    """One planted fault."""

    kind: str
    """A key of SECONDS."""
    span: Span
    """Frames in which the Detections are wrong."""
    track: int
    """Object of the truth, or NOBODY."""


@dataclass(frozen=True, eq=False)
class Planted:
    """Detections and all that is wrong with them."""

    detections: Detections
    faults: tuple[Fault, ...]


def perfect(truth: Tracks, score: float = SCORE) -> Detections:
    """What a model without faults says: the truth, every box with the same score."""
    scores = np.full(len(truth), score, np.float32)
    return Detections(
        truth.frames, truth.boxes, scores, truth.classes, truth.length, truth.fps, truth.names
    )


def plant(truth: Tracks, kinds: Sequence[str], width: int, height: int, seed: int = 0) -> Planted:
    """Make Detections from the truth with one fault of each kind named; a kind may come often.

    Raises:
        ValueError: for an unknown kind, or if the truth is too short or crowded for all faults.
    """
    bed = _Bed(truth, width, height, np.random.default_rng(seed))
    # The long ones first: they are the hardest to find room for.
    for kind in sorted(kinds, key=lambda kind: -_seconds(kind)[1]):
        bed.plant(kind)
    return Planted(bed.harvest(), tuple(sorted(bed.faults, key=lambda fault: fault.span)))


def _seconds(kind: str) -> tuple[float, float]:
    if kind not in SECONDS:
        raise ValueError(f"no fault is called {kind!r}; known: {', '.join(SECONDS)}")
    return SECONDS[kind]


class _Bed:
    """The truth's rows while faults are planted in them."""

    def __init__(self, truth: Tracks, width: int, height: int, rng: np.random.Generator) -> None:
        self.truth, self.width, self.height, self.rng = truth, width, height, rng
        self.gone = np.zeros(len(truth), np.bool_)
        self.touched = np.zeros(len(truth), np.bool_)
        self.boxes = truth.boxes.copy()
        self.scores = np.full(len(truth), SCORE, np.float32)
        self.added: list[tuple[Span, NDArray[np.float32]]] = []
        self.faults: list[Fault] = []

    def plant(self, kind: str) -> None:
        low, high = _seconds(kind)
        frames = max(1, round(self.rng.uniform(low, high) * self.truth.fps))
        if kind in ("blip", "extra"):
            self._false_box(kind, frames)
            return
        rows = self._room_on_a_track(kind, frames)
        if kind == "jump":
            side = self.rng.choice([-1.0, 1.0])
            tall = boxes.heights(self.boxes[rows])
            self.boxes[rows] += np.outer(side * 0.5 * tall, [1, 0, 1, 0]).astype(np.float32)
        elif kind == "low_confidence":
            self.scores[rows] = LOW_SCORE
        else:
            self.gone[rows] = True
        self._note(kind, rows)

    def harvest(self) -> Detections:
        rows, truth = ~self.gone, self.truth
        extra_frames = [np.arange(span.start, span.stop) for span, _ in self.added]
        extra_boxes = [np.tile(box, (len(span), 1)) for span, box in self.added]
        frames = np.concatenate([truth.frames[rows], *extra_frames])
        more = len(frames) - int(rows.sum())
        return Detections(
            frames.astype(np.int32),
            np.concatenate([self.boxes[rows], *extra_boxes]),
            np.concatenate([self.scores[rows], np.full(more, SCORE, np.float32)]),
            np.concatenate([truth.classes[rows], np.zeros(more, np.int16)]),
            truth.length,
            truth.fps,
            truth.names,
        )

    def _note(self, kind: str, rows: NDArray[np.intp]) -> None:
        frames, track = self.truth.frames[rows], int(self.truth.tracks[rows[0]])
        span = Span(int(frames[0]), int(frames[-1]) + 1)
        self.faults.append(Fault(kind, span, track))
        pause = round(PAUSE * self.truth.fps)
        near = abs(self.truth.frames - frames.mean()) <= pause + len(rows) / 2
        self.touched |= near & (self.truth.tracks == track)

    def _room_on_a_track(self, kind: str, frames: int) -> NDArray[np.intp]:
        """Rows of `frames` frames in a row of one object, with untouched ones on both sides."""
        pause = max(1, round(PAUSE * self.truth.fps))
        choices = []
        for rows in self.truth.each():
            fresh = ~self.touched[rows]
            steady = np.append(True, np.diff(self.truth.frames[rows]) == 1)
            need = frames + 2 * pause
            good = np.convolve(fresh & steady, np.ones(need), "valid") == need
            choices += [rows[i + pause : i + pause + frames] for i in np.flatnonzero(good)]
        if not choices:
            raise ValueError(f"no object has {frames} free frames for a {kind}: use a longer truth")
        return np.asarray(choices[int(self.rng.integers(len(choices)))])

    def _false_box(self, kind: str, frames: int) -> None:
        """A box of a person's size, inside the picture, that touches nobody while it lasts."""
        for _ in range(500):
            start = int(self.rng.integers(max(1, self.truth.length - frames)))
            span = Span(start, min(start + frames, self.truth.length))
            tall = self.height * self.rng.uniform(0.2, 0.4)
            wide, edge = tall * 0.45, 0.06 * np.array([self.width, self.height])
            room = np.array([self.width - wide, self.height - tall]) - edge
            x, y = self.rng.uniform(edge, room)
            box = np.array([x, y, x + wide, y + tall], np.float32)
            if self._empty(span, box):
                self.added.append((span, box))
                self.faults.append(Fault(kind, span, NOBODY))
                return
        raise ValueError(f"no empty place for a {kind}: the truth is too crowded")

    def _empty(self, span: Span, box: NDArray[np.float32]) -> bool:
        pause = round(PAUSE * self.truth.fps)
        wider = span.padded(pause, self.truth.length)
        now = (self.truth.frames >= wider.start) & (self.truth.frames < wider.stop)
        others = [other for when, other in self.added if when.overlaps(wider)]
        crowd = np.concatenate([self.boxes[now], np.reshape(others, (-1, 4))])
        return not boxes.iou(box[None], crowd.astype(np.float32)).any()
