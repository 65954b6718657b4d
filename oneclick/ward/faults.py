"""Detections with known faults, derived from the truth: the hits that a trigger must find.

    faulty = faults.plant(truth, ["flicker", "blip"], width, height, seed=3)
    faulty.detections       predictions of a model with just these faults
    faulty.faults           kind, Span and track of every one of them

Pure: arrays in, values out. A fault keeps PAUSE seconds away from the others of its object and from
the first and last box of its track, so every one of them stands alone; nothing else in the
Detections differs from the truth. Classes never change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks

NO_TRACK = -1
"""Track of a fault that concerns no object of the truth."""
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
"""Shortest and longest duration of each kind of fault, seconds:

flicker: a short false negative inside a track. jump: one box lies half a body height beside the
object. miss: a long false negative. low_confidence: the score falls to LOW_SCORE. blip: a short
false positive. extra: a false positive that stays.
"""


@dataclass(frozen=True)
class Fault:
    """An error put into the predictions of the synthetic ward, with its place."""

    kind: str
    """A key of SECONDS."""
    span: Span
    """Frames in which the Detections are wrong."""
    track: int
    """Object of the truth, or NO_TRACK."""


@dataclass(frozen=True, eq=False)
class FaultyDetections:
    """Detections and all that is wrong with them."""

    detections: Detections
    faults: tuple[Fault, ...]
    """In order of their Spans."""


def perfect_detections(truth: Tracks, score: float = SCORE) -> Detections:
    """Return the predictions of a model without faults: the truth, every box with `score`."""
    return replace(truth.detections, scores=np.full(len(truth), score, np.float32))


def plant(
    truth: Tracks, kinds: Sequence[str], width: int, height: int, seed: int = 0
) -> FaultyDetections:
    """Derive Detections from the truth with one fault for each of `kinds`, which may repeat.

    Raises:
        ValueError: for an unknown kind, or if the truth is too short or crowded for all faults.
    """
    unknown = sorted(set(kinds) - set(SECONDS))
    if unknown:
        raise ValueError(f"no fault is called {unknown[0]!r}; known: {', '.join(SECONDS)}")
    planter = _FaultPlanter(truth, width, height, np.random.default_rng(seed))
    # The long ones first: they are the hardest to find space for.
    for kind in sorted(kinds, key=lambda kind: -SECONDS[kind][1]):
        planter.plant(kind)
    faults = tuple(sorted(planter.faults, key=lambda fault: fault.span))
    return FaultyDetections(planter.detections(), faults)


class _FaultPlanter:
    """The truth's rows while faults are planted in them."""

    def __init__(self, truth: Tracks, width: int, height: int, rng: np.random.Generator) -> None:
        self.truth, self.width, self.height, self.rng = truth, width, height, rng
        self.dropped = np.zeros(len(truth), np.bool_)
        self.reserved = np.zeros(len(truth), np.bool_)
        """Rows of a fault or of the pause around it."""
        self.boxes = truth.boxes.copy()
        self.scores = np.full(len(truth), SCORE, np.float32)
        self.false_positives: list[tuple[Span, NDArray[np.float32]]] = []
        self.faults: list[Fault] = []
        self.pause = round(PAUSE * truth.fps)

    def plant(self, kind: str) -> None:
        """Insert a fault of a random duration at a random place."""
        frames = max(1, round(self.rng.uniform(*SECONDS[kind]) * self.truth.fps))
        if kind in ("blip", "extra"):
            self.add_false_positive(kind, frames)
            return
        rows = self.choose_rows(kind, frames)
        if kind == "jump":
            side = self.rng.choice([-1.0, 1.0])
            heights = boxes.heights(self.boxes[rows])
            self.boxes[rows] += np.outer(side * 0.5 * heights, [1, 0, 1, 0]).astype(np.float32)
        elif kind == "low_confidence":
            self.scores[rows] = LOW_SCORE
        else:
            self.dropped[rows] = True
        fault_frames, track = self.truth.frames[rows], int(self.truth.tracks[rows[0]])
        span = Span(int(fault_frames[0]), int(fault_frames[-1]) + 1)
        self.faults.append(Fault(kind, span, track))
        reach = self.pause + len(rows) / 2
        near = abs(self.truth.frames - fault_frames.mean()) <= reach
        self.reserved |= near & (self.truth.tracks == track)

    def detections(self) -> Detections:
        """Return the boxes of the truth with all faults planted so far."""
        rows, truth = ~self.dropped, self.truth
        false_frames = [np.arange(span.start, span.stop) for span, _ in self.false_positives]
        false_boxes = [np.tile(box, (len(span), 1)) for span, box in self.false_positives]
        frames = np.concatenate([truth.frames[rows], *false_frames])
        n = len(frames) - int(rows.sum())
        return Detections(
            frames=frames.astype(np.int32),
            boxes=np.concatenate([self.boxes[rows], *false_boxes]),
            scores=np.concatenate([self.scores[rows], np.full(n, SCORE, np.float32)]),
            classes=np.concatenate([truth.classes[rows], np.zeros(n, np.int16)]),
            length=truth.length,
            fps=truth.fps,
            names=truth.names,
        )

    def choose_rows(self, kind: str, frames: int) -> NDArray[np.intp]:
        """Choose rows of `frames` consecutive frames of one object, with pauses around them."""
        pause = max(1, self.pause)
        length = frames + 2 * pause
        choices = []
        for rows in self.truth.rows_by_track():
            free = ~self.reserved[rows]
            consecutive = np.append(True, np.diff(self.truth.frames[rows]) == 1)
            fits = np.convolve(free & consecutive, np.ones(length), "valid") == length
            choices += [rows[i + pause : i + pause + frames] for i in np.flatnonzero(fits)]
        if not choices:
            raise ValueError(f"no object has {frames} free frames for a {kind}: use a longer truth")
        return np.asarray(choices[int(self.rng.integers(len(choices)))])

    def add_false_positive(self, kind: str, frames: int) -> None:
        """Add a box of a person's size, inside the picture, that overlaps no other meanwhile."""
        for _ in range(500):
            start = int(self.rng.integers(max(1, self.truth.length - frames)))
            span = Span(start, min(start + frames, self.truth.length))
            height = self.height * self.rng.uniform(0.2, 0.4)
            width, edge = height * 0.45, 0.06 * np.array([self.width, self.height])
            limit = np.array([self.width - width, self.height - height]) - edge
            x, y = self.rng.uniform(edge, limit)
            box = np.array([x, y, x + width, y + height], np.float32)
            if self.is_free(span, box):
                self.false_positives.append((span, box))
                self.faults.append(Fault(kind, span, NO_TRACK))
                return
        raise ValueError(f"no empty place for a {kind}: the truth is too crowded")

    def is_free(self, span: Span, box: NDArray[np.float32]) -> bool:
        """Check that no box overlaps `box` during the span and the pauses around it."""
        wider = span.padded(self.pause, self.truth.length)
        during = (self.truth.frames >= wider.start) & (self.truth.frames < wider.stop)
        others = [other for other_span, other in self.false_positives if other_span.overlaps(wider)]
        crowd = np.concatenate([self.boxes[during], np.reshape(others, (-1, 4))])
        return not boxes.iou(box[None], crowd.astype(np.float32)).any()
