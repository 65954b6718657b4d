"""`opencv:hog`: the people detector that ships with OpenCV 4; no download.

Histograms of oriented gradients and a linear SVM (Dalal and Triggs, CVPR 2005) find upright people.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.detectors import base
from oneclick.detectors.base import Frame, FrameDetections

Floats = NDArray[np.float64]

WINDOW = (64, 128)
"""Width and height in px of the SVM's input."""
SEARCH_HEIGHT = 1024
"""Every frame is searched at this height, so a person of a tenth of the picture fills 0.8 windows
and a frame costs the same at 480p and at 1080p."""
MOST_ENLARGED = 2.5
"""Enlarging a small frame further adds pixels but no detail."""
SCALE_STEP = 1.15
"""Against 1.05 in colour at 1.5 times the size, every tenth frame of PETS09-S2L1: 2.3 times as
fast, best F1 0.87 for 0.85 (tests/bench/detectors.py)."""
LOWEST_WEIGHT = 0.3
"""SVM weight below which a window is dropped: 8% of those near it are people."""
SHRINK = (0.2, 0.1)
"""The window has a margin around the person: this share of it on each side, across and down."""
NMS_IOU, VOTE_IOU = 0.4, 0.6
SLOPE, MIDDLE = 3.0, 1.0
THRESHOLD = 0.5
"""As likely right as wrong; the weight MIDDLE."""


def score(weight: Floats) -> Floats:
    """Map SVM weights to confidence, comparable with the scores of other detectors.

    A logistic fitted to "is this box right at IoU 0.5" on PETS09-S2L1 gave slope 3.6 and middle
    0.96; other scenes have more clutter, so it is rounded towards lower confidence.
    """
    return 1 / (1 + np.exp(-SLOPE * (weight - MIDDLE)))


class HogDetector:
    """Detects upright people by their outline; stateless."""

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
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the people of each frame; OpenCV spreads one frame over the cores."""
        return [self.detect_one(frame) for frame in frames]

    def detect_one(self, frame: Frame) -> FrameDetections:
        """Detect the people of one frame."""
        enlargement = min(SEARCH_HEIGHT / frame.shape[0], MOST_ENLARGED)
        width, height = (round(side * enlargement) for side in frame.shape[1::-1])
        if width < WINDOW[0] or height < WINDOW[1]:
            return base.no_detections()
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
            return base.no_detections()
        boxes, weight = suppress(np.asarray(windows, float), np.asarray(weights, float).ravel())
        classes = np.zeros(len(boxes))
        return base.frame_detections(frame, boxes / enlargement, score(weight), classes)


def suppress(windows: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Reduce windows `(n, 4)` x y w h to one box a person, best first, and their weights.

    Non-maximum suppression, then box voting: each remaining box moves to the weighted mean of all
    boxes that overlap it (Gidaris and Komodakis, ICCV 2015). Windows come in steps of 8 px and 15%
    in size; the mean is finer than the step.
    """
    low, size = windows[:, :2], windows[:, 2:]
    margin = size * SHRINK
    boxes = np.concatenate([low + margin, low + size - margin], 1)
    best = geometry.nms(boxes, weights, NMS_IOU)
    votes = np.where(geometry.iou(boxes[best], boxes) >= VOTE_IOU, weights, 0)
    return votes @ boxes / votes.sum(1, keepdims=True), weights[best]
