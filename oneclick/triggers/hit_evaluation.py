"""What one reviewed clip says about the model and about the triggers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.triggers import calibrate
from oneclick.triggers.calibrate import SAME_OBJECT, Fired, Objects, Tally


@dataclass(frozen=True)
class Testimony:
    """Counts of one clip. An object is one box of one frame, of the model or of the truth."""

    objects: int
    """Boxes found, missed and invented."""
    errors: int
    """Missed and invented ones."""
    caught: int
    """Errors on which a trigger fired."""
    tallies: Mapping[Fired, Tally]
    """Events by what fired together."""
    hits: Mapping[str, Tally]
    """Hits of each trigger, and those that lie on an error."""
    alone: Mapping[str, int]
    """Errors on which no other trigger fired."""


def testify(hits: Sequence[Hit], sure: Detections, truth: Detections) -> Testimony:
    """Compare what fired with what was wrong.

    Args:
        hits: in frames of the clip.
        sure: boxes of the model at its operating point.
        truth: boxes as a person left them.
    """
    false, missed = calibrate.mistakes(sure, truth)
    found = calibrate.objects(hits, sure.length)
    seen = [_witnesses(found, part) for part in (false, missed)]
    fired = [names for part in seen for names in part if names]
    lone = Counter(next(iter(names)) for names in fired if len(names) == 1)
    events = calibrate.events(found, (false, missed)) + _without_boxes(hits, (false, missed))
    return Testimony(
        len(truth) + len(false),
        len(false) + len(missed),
        len(fired),
        calibrate.learn(events),
        _right(hits, (false, missed)),
        dict(sorted(lone.items())),
    )


def _witnesses(found: Objects, wrong: Detections) -> list[set[str]]:
    """Per error: the triggers with a box on it."""
    names: list[set[str]] = [set() for _ in range(len(wrong))]
    rows, errors, _ = association.overlaps(found.boxes, wrong, SAME_OBJECT)
    for row, error in zip(rows.tolist(), errors.tolist(), strict=True):
        names[error].add(found.boxes.names[found.boxes.classes[row]])
    return names


def _without_boxes(hits: Sequence[Hit], wrong: Sequence[Detections]) -> list[tuple[Fired, bool]]:
    """One event per frame of a Hit that names no object: is anything wrong there?"""
    frames = _wrong_frames(wrong)
    return [
        (frozenset([hit.trigger]), frame in frames)
        for hit in hits
        if not hit.boxes
        for frame in range(hit.span.start, hit.span.stop)
    ]


def _right(hits: Sequence[Hit], wrong: Sequence[Detections]) -> dict[str, Tally]:
    """Hits by trigger; right are those with a box on an error, or without boxes and near one."""
    frames, on = _wrong_frames(wrong), _on_errors(hits, wrong)
    total: dict[str, Tally] = {}
    for number, hit in enumerate(hits):
        near = any(frame in frames for frame in range(hit.span.start, hit.span.stop))
        right = number in on if hit.boxes else near
        total[hit.trigger] = total.get(hit.trigger, Tally()) + Tally(1, int(right))
    return dict(sorted(total.items()))


def _on_errors(hits: Sequence[Hit], wrong: Sequence[Detections]) -> set[int]:
    """Numbers of the Hits that have a box on an error."""
    number = np.repeat(np.arange(len(hits)), [len(hit.boxes) for hit in hits])
    rows = np.array([box for hit in hits for box in hit.boxes], np.float64).reshape(-1, 5)
    order = np.argsort(rows[:, 0], kind="stable")
    rows, number = rows[order], number[order]
    of_hits = _as_detections(rows, wrong[0].length)
    touched = [association.overlaps(of_hits, part, SAME_OBJECT)[0] for part in wrong]
    return set(number[np.concatenate(touched)].tolist())


def _as_detections(rows: NDArray[np.float64], length: int) -> Detections:
    frames, ones = rows[:, 0].astype(np.int32), np.ones(len(rows), np.float32)
    classes = np.zeros(len(rows), np.int16)
    return Detections(frames, rows[:, 1:].astype(np.float32), ones, classes, length, 1.0, ("any",))


def _wrong_frames(wrong: Sequence[Detections]) -> set[int]:
    return set(np.concatenate([part.frames for part in wrong]).tolist())
