"""Schedule of turned looks at a video: where somebody may be missed, and now and then elsewhere.

Two more looks at every frame cost three times as much, and most frames show nobody who lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections
from oneclick.detectors import base, turned
from oneclick.detectors.base import Detector, Frame, FrameDetections
from oneclick.detectors.turned import Floats

Motion = Callable[[int, Floats], float]
"""Returns the largest patch that moves outside boxes in a frame, share of the picture."""
Novelty = Callable[[int], float]
"""Returns how unusual the picture was lately, by the number of a frame; 1 is the alarm level."""

DOUBT = 0.5
"""Share of the operating point from which on an upright box is a sign of somebody."""
STIR = 0.01
"""Share of the picture that moves outside all boxes, from which on that is a sign of somebody."""
NOVEL = 1.0
"""Novelty of the picture from which on it is a sign of somebody."""
BORDER = 0.03
"""Margin of the picture, share of its height, where people vanish for good reason."""
LOST_SECONDS = 0.5
"""Time without a box after which somebody has vanished."""
REMEMBER_SECONDS = 300.0
"""How long a place is looked at where somebody vanished or was seen lying: who lies stays."""
SAME_PLACE = 0.3
"""IoU from which on two boxes are at one place."""
STILL_IOU = 0.85
"""IoU between two looks from which on somebody keeps still."""
NOTHING = base.no_detections()


@dataclass(frozen=True, kw_only=True)
class LookRates:
    """Seconds between two turned looks, by what speaks for somebody whom no upright box shows."""

    idle: float = 5.0
    """Nothing does."""
    sign: float = 1.0
    """Something moves outside all boxes, the picture is unusual, a box is in doubt, or somebody
    vanished in the picture."""
    sight: float = 0.2
    """The last look saw somebody, who moves."""
    still: float = 1.0
    """The last looks saw somebody who keeps still: the time between them doubles up to this."""


EVERY_FRAME = LookRates(idle=0, sign=0, sight=0, still=0)


class TurnedLooks:
    """The turned looks of a detector at one video, taken where somebody may be missed.

    Frames come in order, each with what the upright look found. What is looked at depends on these
    and on the frames before only: live and in replay it is the same.
    """

    def __init__(
        self,
        detector: Detector,
        fps: float,
        classes: tuple[str, ...],
        rates: LookRates,
        motion: Motion | None = None,
        novelty: Novelty | None = None,
    ) -> None:
        self.detector, self.fps, self.classes, self.rates = detector, fps, classes, rates
        self.count = 0
        """Looks so far."""
        self._view = turned.TurnedView(detector)
        self._motion, self._novelty = motion, novelty
        self._index = base.class_indices(detector.names, classes)
        self._by_frame: list[FrameDetections] = []
        self.start_stretch()

    def start_stretch(self) -> None:
        """Forget what was seen, because time jumps before the next frame."""
        self._last = -np.inf
        self._pause = 0.0
        self._has_sign = False
        self._seen = NOTHING
        self._presence = _Presence()

    def add(self, frame: Frame, upright: FrameDetections) -> None:
        """Add the next frame, and look at it turned if that is due.

        Args:
            frame: the picture.
            upright: what the upright look found of the classes that are looked for, low scores
                too; its classes are indices into `classes`.
        """
        number, threshold, scores = len(self._by_frame), self.detector.threshold, upright[1]
        self._by_frame.append(NOTHING)
        sure = base.where(upright, scores >= threshold)
        height, width = frame.shape[:2]
        self._presence.add(number / self.fps, sure, upright, (width, height))
        in_doubt = base.where(upright, (scores >= DOUBT * threshold) & (scores < threshold))
        self._has_sign |= (
            bool(self._presence.places)
            or not turned.is_shown(in_doubt, sure).all()
            or (self._motion is not None and self._motion(number, sure[0]) >= STIR)
            or (self._novelty is not None and self._novelty(number) >= NOVEL)
        )
        pause = min(self._pause, self.rates.sign if self._has_sign else self.rates.idle)
        # Frames are whole: half of one must not put a look off by another.
        if number - self._last >= pause * self.fps - 0.5:
            self._look(number, frame, sure)

    def _look(self, number: int, frame: Frame, sure: FrameDetections) -> None:
        """Look at a frame turned, and decide when to look again."""
        boxes, scores, classes = (look := self._view.detect([frame])[0])
        self._by_frame[number] = look
        self.count += 1
        self._last, self._has_sign = number, False
        looks = boxes, scores, self._index[classes]
        is_sight = (looks[2] >= 0) & (scores >= turned.SIGHT * self.detector.threshold)
        seen = base.where(looks, is_sight)
        seen = base.where(seen, ~turned.is_shown(seen, sure))
        rates, earlier = self.rates, self._seen
        if not len(seen[0]):
            self._pause = rates.idle
        elif len(seen[0]) == len(earlier[0]) and is_at(seen, earlier, STILL_IOU).all():
            self._pause = min(max(2 * self._pause, rates.sight), rates.still)
        else:
            self._pause = rates.sight
        self._presence.remember(number / self.fps, seen)
        self._seen = seen

    def detections(self, length: int) -> Detections:
        """Return what the looks at the frames so far found, in a video of `length` frames."""
        return base.join_frames(self._by_frame, self.detector.names, length, self.fps, self.classes)


@dataclass(frozen=True, eq=False)
class _Sighting:
    """Somebody at a place, at a time."""

    sight: FrameDetections
    """One box with its class."""
    seconds: float

    def is_among(self, detections: FrameDetections) -> bool:
        """Check whether detections show the same class at this place."""
        return bool(is_at(self.sight, detections)[0])


class _Presence:
    """Places where somebody vanished away from the border, or was seen lying."""

    def __init__(self) -> None:
        self.places: list[_Sighting] = []
        """With the time until which each is remembered."""
        self._present: list[_Sighting] = []
        """With the time when each was seen last."""

    def add(
        self, now: float, sure: FrameDetections, upright: FrameDetections, size: tuple[int, int]
    ) -> None:
        """Add the people of the next frame.

        Args:
            now: seconds.
            sure: detections at or above the operating point.
            upright: of all scores: who is in doubt has not vanished.
            size: width and height of the picture, px.
        """
        present = _sightings(sure, now)
        for each in self._present:
            if each.is_among(sure):
                continue
            if each.is_among(upright):
                each = replace(each, seconds=now)
            if now - each.seconds < LOST_SECONDS:
                present.append(each)
            elif not geometry.at_border(each.sight[0], *size, BORDER * size[1])[0]:
                self.remember(now, each.sight)
        self._present = present
        self.places = [
            place for place in self.places if place.seconds > now and not place.is_among(sure)
        ]

    def remember(self, now: float, detections: FrameDetections) -> None:
        """Remember places from now on."""
        earlier = [place for place in self.places if not place.is_among(detections)]
        self.places = earlier + _sightings(detections, now + REMEMBER_SECONDS)


class LookRecorder:
    """A detector that takes its turned looks along the way; its own detections stay as they are."""

    def __init__(self, detector: Detector, looks: TurnedLooks) -> None:
        self.looks, self._detector = looks, detector
        self.name, self.model_id, self.names = detector.name, detector.model_id, detector.names
        self.threshold, self.stateful = detector.threshold, detector.stateful
        self.shrinks = detector.shrinks
        self._index = base.class_indices(detector.names, looks.classes)

    def reset(self) -> None:
        """Forget all earlier frames; the next one begins a stretch of the same video."""
        self._detector.reset()
        self.looks.start_stretch()

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return the upright detections of each frame; turned ones are kept in `looks`."""
        detections = self._detector.detect(frames)
        for frame, (boxes, scores, classes) in zip(frames, detections, strict=True):
            upright = boxes, scores, self._index[classes]
            self.looks.add(frame, base.where(upright, upright[2] >= 0))
        return detections


class StoredView:
    """A detector whose upright detections of a video are stored: it does not look again."""

    def __init__(self, detector: Detector, stored: Detections) -> None:
        self.name, self.model_id, self.names = detector.name, detector.model_id, stored.names
        self.threshold, self.stateful, self.shrinks = detector.threshold, False, False
        self._stored, self._next = stored, 0

    def reset(self) -> None:
        """Do nothing: the next frame follows the one before in the video."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return the stored detections of the next frames."""
        stored, first = self._stored, self._next
        self._next += len(frames)
        rows = [stored.rows(number) for number in range(first, self._next)]
        return [(stored.boxes[row], stored.scores[row], stored.classes[row]) for row in rows]


def is_at(
    detections: FrameDetections, places: FrameDetections, min_iou: float = SAME_PLACE
) -> NDArray[np.bool_]:
    """Check which boxes are at the place of one of equal class, `(n,)`."""
    is_near = geometry.iou(detections[0], places[0]) >= min_iou
    return np.asarray((is_near & (detections[2][:, None] == places[2])).any(1), np.bool_)


def _sightings(detections: FrameDetections, seconds: float) -> list[_Sighting]:
    """Return each box of a frame by itself."""
    rows = range(len(detections[1]))
    return [_Sighting(base.where(detections, np.array([row])), seconds) for row in rows]
