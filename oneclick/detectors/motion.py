"""`opencv:motion`: whatever moved, by background subtraction; a rival that needs no training.

It knows nothing of people, so its errors are other errors than a trained model's: it misses who
sits still and finds who lies on the floor. Background: mixture of Gaussians (Zivkovic, ICPR 2004).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.detectors import base
from oneclick.detectors.base import Found, Frame

Mask = NDArray[np.uint8]

WORK_HEIGHT = 432
"""Larger frames are shrunk to this height; it sets the meaning of all pixels below."""
WARM_UP = 10
"""Frames without answer while the background is learnt."""
RATE = 1 / 600
"""Share of each frame in the background: who stops is part of it after 60 frames. OpenCV's own rate
is higher in the first 250 frames and swallows walkers."""
VARIANCE = 16
MOVED = 255
"""Value of the mask; shadows have a smaller one."""
SPECK = np.ones((3, 3), np.uint8)
JOIN = np.ones((13, 3), np.uint8)
"""Closes gaps of 12 px down and 2 across: heads join bodies, neighbours stay apart."""
MOST_MOVED = 0.5
"""A larger share of the picture is a lamp or a bumped camera, not a person."""
LEAST_HEIGHT = 0.06
"""Of the frame's height."""
NARROWEST, WIDEST = 0.15, 3.0
"""Width by height; the wide end is for people on the floor."""
FULL = 0.7
"""A walking person fills this share of the box. Scores then lie near the share of right boxes: on
PETS09-S2L1 0.52 of those around 0.45 are right and 0.83 of those above 0.7."""
THRESHOLD = 0.5


class Motion:
    """Boxes around moved things, called `person`; stateful."""

    name = "opencv:motion"
    model_id = "opencv-motion"
    names: tuple[str, ...] = ("person",)
    threshold = THRESHOLD
    stateful = True
    shrinks = False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the background; the next WARM_UP frames give nothing."""
        self._background = cv2.createBackgroundSubtractorMOG2(
            varThreshold=VARIANCE, detectShadows=True
        )
        self._shape: tuple[int, ...] = ()
        self._seen = 0

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        """What moved against the frames before; the score is how full the box is."""
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Found:
        if frame.shape != self._shape:
            self.reset()
            self._shape = frame.shape
        moved = self._moved(frame)
        self._seen += 1
        if self._seen <= WARM_UP or moved.mean() > MOST_MOVED:
            return base.nothing()
        boxes, fill = _blobs(moved)
        back = np.array(frame.shape[1::-1]) / moved.shape[::-1]
        scores = np.minimum(fill / FULL, 1)
        return base.found(frame, boxes * np.tile(back, 2), scores, np.zeros(len(boxes)))

    def _moved(self, frame: Frame) -> Mask:
        scale = min(1.0, WORK_HEIGHT / frame.shape[0])
        size = [max(1, round(side * scale)) for side in frame.shape[1::-1]]
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        rate = -1 if self._seen < WARM_UP else RATE
        mask = self._background.apply(small, learningRate=rate)
        moved = (mask == MOVED).astype(np.uint8)
        return np.asarray(cv2.morphologyEx(moved, cv2.MORPH_OPEN, SPECK), np.uint8)


def _blobs(moved: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes `(n, 4)` of joined pieces that may be a person, and the moved share of each."""
    joined = cv2.morphologyEx(moved, cv2.MORPH_CLOSE, JOIN)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    x, y, width, height = stats[1:, :4].T.astype(float)
    moved_px = np.bincount(labels.ravel(), moved.ravel(), count)[1:]
    aspect = width / height
    person = height >= LEAST_HEIGHT * moved.shape[0]
    person &= (aspect >= NARROWEST) & (aspect <= WIDEST)
    boxes = np.stack([x, y, x + width, y + height], 1)
    return boxes[person], (moved_px / (width * height))[person]
