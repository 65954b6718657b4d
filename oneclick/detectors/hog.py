"""`opencv:hog`: the people detector that ships with OpenCV 4; nothing to download.

Histograms of oriented gradients and a linear SVM (Dalal and Triggs, CVPR 2005) find upright people.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.detectors import base
from oneclick.detectors.base import Found, Frame

Floats = NDArray[np.float64]

WINDOW = (64, 128)
"""Width and height in px of what the SVM looks at."""
SEARCH_HEIGHT = 1024
"""Every frame is searched at this height, so a person of a tenth of the picture fills 0.8 windows
and a frame costs the same at 480p and at 1080p."""
MOST_ENLARGED = 2.5
"""Enlarging a small frame further adds pixels but no detail."""
SCALE_STEP = 1.15
"""Against 1.05 in colour at 1.5 times the size, every tenth frame of PETS09-S2L1: 2.3 times as
fast, best F1 0.87 for 0.85 (tests/bench/detectors.py)."""
LOWEST_WEIGHT = 0.3
"""SVM weight below which a window is not kept: 8% of those near it are people."""
SHRINK = (0.2, 0.1)
"""The window has a margin around the person: this share of it on each side, across and down."""
NMS_IOU, VOTE_IOU = 0.4, 0.6
SLOPE, MIDDLE = 3.0, 1.0
THRESHOLD = 0.5
"""As likely right as wrong; the weight MIDDLE."""


def score(weight: Floats) -> Floats:
    """SVM weight to confidence, so that it can stand beside other detectors' scores.

    A logistic fitted to "is this box right at IoU 0.5" on PETS09-S2L1 gave slope 3.6 and middle
    0.96; other scenes have more clutter, so it is rounded towards doubt.
    """
    return 1 / (1 + np.exp(-SLOPE * (weight - MIDDLE)))


class Hog:
    """People by their outline; stateless."""

    name = "opencv:hog"
    model_id = "opencv-hog"
    names: tuple[str, ...] = ("person",)
    threshold = THRESHOLD
    stateful = False
    shrinks = False

    def __init__(self) -> None:
        self._descriptor = cv2.HOGDescriptor()
        people = cv2.HOGDescriptor.getDefaultPeopleDetector()
        self._descriptor.setSVMDetector(np.asarray(people, np.float32))

    def reset(self) -> None:
        """Nothing to forget."""

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        """People of each frame; OpenCV spreads one frame over the cores."""
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Found:
        enlarged = min(SEARCH_HEIGHT / frame.shape[0], MOST_ENLARGED)
        width, height = (round(side * enlarged) for side in frame.shape[1::-1])
        if width < WINDOW[0] or height < WINDOW[1]:
            return base.nothing()
        # Grey costs a third less than colour and finds as many.
        grey = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), (width, height))
        windows, weights = self._descriptor.detectMultiScale(
            grey,
            hitThreshold=LOWEST_WEIGHT,
            winStride=(8, 8),
            padding=(8, 8),
            scale=SCALE_STEP,
            groupThreshold=0,
        )
        if not len(windows):
            return base.nothing()
        people, weight = _people(np.asarray(windows, float), np.asarray(weights, float).ravel())
        return base.found(frame, people / enlarged, score(weight), np.zeros(len(people)))


def _people(windows: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Windows `(n, 4)` x y w h to one box a person, best first."""
    low, size = windows[:, :2], windows[:, 2:]
    margin = size * SHRINK
    boxes = np.concatenate([low + margin, low + size - margin], 1)
    kept = geometry.nms(boxes, weights, NMS_IOU)
    return _voted(boxes, weights, kept), weights[kept]


def _voted(boxes: Floats, weights: Floats, kept: NDArray[np.intp]) -> Floats:
    """Kept boxes moved to the weighted mean of all that overlap them.

    Windows come in steps of 8 px and 15% in size; the mean is finer than the step (box voting,
    Gidaris and Komodakis, ICCV 2015).
    """
    votes = np.where(geometry.iou(boxes[kept], boxes) >= VOTE_IOU, weights, 0)
    voted: Floats = votes @ boxes / votes.sum(1, keepdims=True)
    return voted
