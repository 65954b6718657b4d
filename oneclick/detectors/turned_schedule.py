"""Schedule of turned looks at a video: where somebody may be missed, and now and then elsewhere.

Two more looks at every frame cost three times as much, and most frames show nobody who lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
        self._wanted = np.array([name in classes for name in detector.names])
        self._by_frame: list[FrameDetections] = []
        self.start_stretch()

    def start_stretch(self) -> None:
        """Forget what was seen, because time jumps before the next frame."""
        self._last = -np.inf
        self._pause = 0.0
        self._has_sign = False
        self._seen = np.zeros((0, 4), np.float32)
        self._presence = _Presence()

    def add(self, frame: Frame, boxes: Floats, scores: Floats) -> None:
        """Add the next frame, and look at it turned if that is due.

        Args:
            frame: the picture.
            boxes: (n, 4) px, what the upright look found of the classes that are looked for.
            scores: (n,) low ones too.
        """
        number, threshold = len(self._by_frame), self.detector.threshold
        self._by_frame.append(NOTHING)
        sure = boxes[scores >= threshold]
        height, width = frame.shape[:2]
        self._presence.add(number / self.fps, sure, boxes, (width, height))
        in_doubt = boxes[(scores >= DOUBT * threshold) & (scores < threshold)]
        self._has_sign |= (
            bool(self._presence.places)
            or not turned.is_shown(in_doubt, sure).all()
            or (self._motion is not None and self._motion(number, sure) >= STIR)
            or (self._novelty is not None and self._novelty(number) >= NOVEL)
        )
        pause = min(self._pause, self.rates.sign if self._has_sign else self.rates.idle)
        # Frames are whole: half of one must not put a look off by another.
        if number - self._last >= pause * self.fps - 0.5:
            self._look(number, frame, sure)

    def _look(self, number: int, frame: Frame, sure: Floats) -> None:
        """Look at a frame turned, and decide when to look again."""
        boxes, scores, classes = (look := self._view.detect([frame])[0])
        self._by_frame[number] = look
        self.count += 1
        self._last, self._has_sign = number, False
        is_sight = self._wanted[classes] & (scores >= turned.SIGHT * self.detector.threshold)
        seen = boxes[is_sight]
        seen = seen[~turned.is_shown(seen, sure)]
        rates, earlier = self.rates, self._seen
        if not len(seen):
            self._pause = rates.idle
        elif len(seen) == len(earlier) and geometry.iou(seen, earlier).max(1).min() >= STILL_IOU:
            self._pause = min(max(2 * self._pause, rates.sight), rates.still)
        else:
            self._pause = rates.sight
        self._presence.remember(number / self.fps, seen)
        self._seen = seen

    def detections(self, length: int) -> Detections:
        """Return what the looks at the frames so far found, in a video of `length` frames."""
        return base.join_frames(self._by_frame, self.detector.names, length, self.fps, self.classes)


class _Presence:
    """Places where somebody vanished away from the border, or was seen lying."""

    def __init__(self) -> None:
        self.places: list[tuple[Floats, float]] = []
        """Box and the time until which it is remembered."""
        self._present: list[tuple[Floats, float]] = []
        """Box and when it was seen last."""

    def add(self, now: float, sure: Floats, boxes: Floats, size: tuple[int, int]) -> None:
        """Add the people of the next frame.

        Args:
            now: seconds.
            sure: boxes at or above the operating point.
            boxes: of all scores: who is in doubt has not vanished.
            size: width and height of the picture, px.
        """
        present = [(box, now) for box in sure]
        for box, seen_at in self._present:
            if is_at(box[None], sure)[0]:
                continue
            if is_at(box[None], boxes)[0]:
                seen_at = now
            if now - seen_at < LOST_SECONDS:
                present.append((box, seen_at))
            elif not geometry.at_border(box[None], *size, BORDER * size[1])[0]:
                self.remember(now, box[None])
        self._present = present
        self.places = [
            (box, until)
            for box, until in self.places
            if until > now and not is_at(box[None], sure)[0]
        ]

    def remember(self, now: float, boxes: Floats) -> None:
        """Remember places from now on."""
        earlier = [(box, until) for box, until in self.places if not is_at(box[None], boxes)[0]]
        self.places = earlier + [(box, now + REMEMBER_SECONDS) for box in boxes]


class LookRecorder:
    """A detector that takes its turned looks along the way; its own detections stay as they are."""

    def __init__(self, detector: Detector, looks: TurnedLooks) -> None:
        self.looks, self._detector = looks, detector
        self.name, self.model_id, self.names = detector.name, detector.model_id, detector.names
        self.threshold, self.stateful = detector.threshold, detector.stateful
        self.shrinks = detector.shrinks
        self._wanted = np.array([name in looks.classes for name in detector.names])

    def reset(self) -> None:
        """Forget all earlier frames; the next one begins a stretch of the same video."""
        self._detector.reset()
        self.looks.start_stretch()

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return the upright detections of each frame; turned ones are kept in `looks`."""
        detections = self._detector.detect(frames)
        for frame, (boxes, scores, classes) in zip(frames, detections, strict=True):
            rows = self._wanted[classes]
            self.looks.add(frame, boxes[rows], scores[rows])
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


def is_at(boxes: Floats, places: Floats) -> NDArray[np.bool_]:
    """Check which boxes are at one of the places, `(n,)`."""
    return np.asarray((geometry.iou(boxes, places) >= SAME_PLACE).any(1), np.bool_)
