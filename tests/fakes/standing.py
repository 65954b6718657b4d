"""A detector that, like those trained on people who stand, sees only what is higher than wide."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from oneclick.detectors.base import Frame, FrameDetections


class StandingDetector:
    """Finds the white rectangles of a picture that are higher than wide."""

    name = "test:standing"
    model_id = "test-standing"
    names: tuple[str, ...] = ("bed", "person")
    threshold = 0.5
    stateful = False
    shrinks = False

    def __init__(self, score: float = 0.9) -> None:
        self.score = score
        self.pictures = 0
        """Pictures looked at so far."""

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return the rectangles of each frame."""
        self.pictures += len(frames)
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: Frame) -> FrameDetections:
        white = (frame[..., 0] > 128).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(white)[2][1:]
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in stats if h > w], np.float32)
        boxes = boxes.reshape(-1, 4)
        scores = np.full(len(boxes), self.score, np.float32)
        return boxes, scores, np.ones(len(boxes), np.int16)


def room(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (160, 120)) -> Frame:
    """A dark picture of `size`, width and height, with white rectangles x1 y1 x2 y2."""
    frame = np.full((size[1], size[0], 3), 20, np.uint8)
    for x1, y1, x2, y2 in boxes:
        frame[y1:y2, x1:x2] = 255
    return frame
