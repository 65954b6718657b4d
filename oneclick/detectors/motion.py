"""`opencv:motion`: moving objects, by background subtraction; a second opinion without training.

It is no model of people, so its errors differ from a trained model's: it misses people who sit
still and finds people who lie on the floor. Background: mixture of Gaussians (Zivkovic, ICPR 2004).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.detectors import base
from oneclick.detectors.base import Frame, FrameDetections

Mask = NDArray[np.uint8]

WORK_HEIGHT = 432
"""Larger frames are shrunk to this height; it sets the meaning of all pixels below."""
WARM_UP = 10
"""Frames without detections while the background is learnt."""
RATE = 1 / 600
"""Share of each frame in the background: a person who stops is part of it after 60 frames. OpenCV's
own rate is higher in the first 250 frames and swallows walkers."""
VARIANCE = 16
FOREGROUND = 255
"""Value of the mask; shadows have a smaller one."""
SPECK = np.ones((3, 3), np.uint8)
JOIN = np.ones((13, 3), np.uint8)
"""Closes gaps of 12 px down and 2 across: heads join bodies, neighbours stay apart."""
MOST_MOVING = 0.5
"""A larger share of the picture is a lamp or a bumped camera, not a person."""
LEAST_HEIGHT = 0.06
"""Of the frame's height."""
NARROWEST, WIDEST = 0.15, 3.0
"""Width by height; the wide end is for people on the floor."""
FULL = 0.7
"""A walking person fills this share of the box. Scores then lie near the share of right boxes: on
PETS09-S2L1 0.52 of those around 0.45 are right and 0.83 of those above 0.7."""
THRESHOLD = 0.5


class MotionDetector:
    """Boxes around moving objects, called `person`; stateful."""

    name = "opencv:motion"
    model_id = "opencv-motion"
    names: tuple[str, ...] = ("person",)
    threshold = THRESHOLD
    stateful = True
    shrinks = False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the background; the next WARM_UP frames have no detections."""
        self._background = cv2.createBackgroundSubtractorMOG2(
            varThreshold=VARIANCE, detectShadows=True
        )
        self._shape: tuple[int, ...] = ()
        self._frame_count = 0

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect what moved against earlier frames; the score is how full the box is."""
        return [self.detect_one(frame) for frame in frames]

    def detect_one(self, frame: Frame) -> FrameDetections:
        """Detect what moved in the next frame."""
        moving = self.next_mask(frame)
        if moving is None:
            return base.no_detections()
        boxes, fill = person_boxes(moving)
        scale = np.array(frame.shape[1::-1]) / moving.shape[::-1]
        scores = np.minimum(fill / FULL, 1)
        return base.frame_detections(frame, boxes * np.tile(scale, 2), scores, np.zeros(len(boxes)))

    def next_mask(self, frame: Frame) -> Mask | None:
        """Return which pixels of the next frame move, 0 or 1.

        None where nothing can be said: the background is not known yet, or all of it changes.
        """
        if frame.shape != self._shape:
            self.reset()
            self._shape = frame.shape
        moving = self.moving_pixels(frame)
        self._frame_count += 1
        is_known = self._frame_count > WARM_UP and moving.mean() <= MOST_MOVING
        return moving if is_known else None

    def moving_pixels(self, frame: Frame) -> Mask:
        """Return which pixels of the frame, at most WORK_HEIGHT high, are foreground, 0 or 1."""
        scale = min(1.0, WORK_HEIGHT / frame.shape[0])
        size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        rate = -1 if self._frame_count < WARM_UP else RATE
        mask = self._background.apply(small, learningRate=rate)
        foreground = (mask == FOREGROUND).astype(np.uint8)
        return np.asarray(cv2.morphologyEx(foreground, cv2.MORPH_OPEN, SPECK), np.uint8)


def person_boxes(moving: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return boxes `(n, 4)` of connected pieces of a person's size, and the moving share (n,)."""
    closed = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, JOIN)
    # Labels of 16 bits take half the time, and are enough: pieces are JOIN's size apart.
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, ltype=cv2.CV_16U)
    x, y, width, height = stats[1:, :4].T.astype(float)
    moving_px = np.bincount(labels[moving != 0], minlength=count)[1:]
    aspect = width / height
    person = height >= LEAST_HEIGHT * moving.shape[0]
    person &= (aspect >= NARROWEST) & (aspect <= WIDEST)
    boxes = np.stack([x, y, x + width, y + height], 1)
    return boxes[person], (moving_px / (width * height))[person]
