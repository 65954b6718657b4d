"""A detector: everything brighter than a limit is a person. `bright:200` is one with limit 200."""

from collections.abc import Sequence

import cv2
import numpy as np

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import DetectorKind
from oneclick.detectors.base import Frame, FrameDetections, frame_detections


class Bright:
    """Find bright regions of some size."""

    names = ("person",)
    threshold = 0.5
    stateful = False
    shrinks = False

    def __init__(self, limit: int) -> None:
        self.name, self.model_id, self._limit = f"bright:{limit}", f"bright-{limit}", limit

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return a box around each bright region; its score is the share of it that is bright."""
        return [self._detect(frame) for frame in frames]

    def reset(self) -> None:
        """Do nothing: each frame is looked at alone."""

    def _detect(self, frame: Frame) -> FrameDetections:
        bright = (frame.min(axis=2) >= self._limit).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        x, y, width, height, area = stats[1:].T.astype(np.float32)
        boxes = np.stack([x, y, x + width, y + height], axis=1)
        return frame_detections(frame, boxes, area / (width * height), np.zeros(len(boxes)))


def load(what: str, home: object, device: str) -> Bright:
    """Return the detector `bright:WHAT`."""
    if not what.isdecimal() or int(what) > 255:
        raise DetectorUnavailable(f"detector bright:{what}: the limit must be 0 to 255")
    return Bright(int(what))


KIND = DetectorKind(load, ("LIMIT",))
