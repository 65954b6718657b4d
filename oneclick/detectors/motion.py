"""`opencv:motion`: whatever moved, by background subtraction; the rival that needs no training."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.detectors import base
from oneclick.detectors.base import Found, Frame

WORK_HEIGHT = 288
"""Frames are looked at this high: a person of a tenth of the picture is still 29 px."""
WARM_UP = 10
HISTORY = 300
MOST_CHANGED = 0.5
VARIANCE = 16
CLOSING = (5, 13)
LEAST_HEIGHT = 0.06
FULL = 0.6


class Motion:
    name = "opencv:motion"
    model_id = "opencv-motion"
    names = ("person",)
    threshold = 0.5
    stateful = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(HISTORY, VARIANCE, SHADOWS)
        self._seen = 0

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Found:
        scale = min(1.0, WORK_HEIGHT / frame.shape[0])
        width, height = (max(1, round(side * scale)) for side in frame.shape[1::-1])
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (BLUR, BLUR), 0) if BLUR else small
        mask = self._background.apply(small)
        self._seen += 1
        if self._seen <= WARM_UP:
            return base.nothing()
        moved = (mask == 255).astype(np.uint8)
        if OPEN: moved = cv2.morphologyEx(moved, cv2.MORPH_OPEN, np.ones((OPEN, OPEN), np.uint8))
        closed = cv2.morphologyEx(moved, cv2.MORPH_CLOSE, np.ones(CLOSING[::-1], np.uint8))
        n, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
        x, y, w, h, a = stats[1:].T.astype(float)
        filled = np.bincount(labels.ravel(), moved.ravel(), n)[1:]
        fill = filled / (w * h)
        keep = (h >= LEAST_HEIGHT * height) & (w <= 3 * h) & (w >= .15 * h) & (fill > .2)
        b = np.stack([x, y, x + w, y + h], 1)[keep] / np.tile([width/frame.shape[1], height/frame.shape[0]],2)
        return base.found(frame, b, fill[keep], np.zeros(len(b)))
SHADOWS=True; BLUR=0; OPEN=0
