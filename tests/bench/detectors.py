"""Frames per second and F1 of each detector on real video with known people.

    python -m tests.bench.detectors [STEP] [NAME …]

Every STEP-th frame (default 5; motion always sees all). HOG is run side by side with the settings
usual for it (1.5 times the size, colour, scale step 1.05) and the ratio is printed.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence

import cv2
import numpy as np

from oneclick import detectors
from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections
from oneclick.detectors import Detector, base, hog
from oneclick.detectors.base import Frame, FrameDetections
from tests.detectors import footage


class UsualHog(hog.HogDetector):
    """The peer: the same SVM, searched as tutorials do."""

    name, model_id = "usual hog", "usual-hog"

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        return [self._usual(frame) for frame in frames]

    def _usual(self, frame: Frame) -> FrameDetections:
        large = cv2.resize(frame[..., ::-1], None, fx=1.5, fy=1.5)
        windows, weights = self._descriptor.detectMultiScale(
            large,
            hitThreshold=hog.LOWEST_WEIGHT,
            winStride=(8, 8),
            padding=(8, 8),
            scale=1.05,
            groupThreshold=0,
        )
        low, size = np.split(np.asarray(windows, float).reshape(-1, 4), 2, 1)
        margin = size * hog.SHRINK
        corners = np.concatenate([low + margin, low + size - margin], 1) / 1.5
        weight = np.asarray(weights, float).ravel()
        best_rows = geometry.nms(corners, weight, hog.NMS_IOU)
        return base.frame_detections(
            frame, corners[best_rows], hog.score(weight[best_rows]), np.zeros(len(best_rows))
        )


def measure(detector: Detector, step: int) -> tuple[float, Detections, int]:
    """Frames per second without decoding, what was found, and the step used."""
    step = 1 if detector.stateful else step
    count = footage.FRAMES // step
    spent = 0.0
    frames = itertools.islice(footage.frames(), 0, count * step, step)
    detector.reset()
    founds: list[FrameDetections] = []
    for frame in frames:
        start = time.perf_counter()
        founds += detector.detect([frame])
        spent += time.perf_counter() - start
    person = detector.names.index("person")
    rows = np.repeat(np.arange(count), [len(f[1]) for f in founds])
    boxes, scores, classes = (np.concatenate(column) for column in zip(*founds, strict=True))
    keep = classes == person
    detections = Detections(
        frames=rows[keep].astype(np.int32),
        boxes=boxes[keep],
        scores=scores[keep],
        classes=classes[keep] * 0,
        length=count,
        fps=10.0,
    )
    return count / spent, detections, step


def report(detector: Detector, step: int) -> float:
    """Print one line; frames per second."""
    speed, detections, step = measure(detector, step)
    scores = footage.f1(detections, detector.threshold, step)
    best = max((footage.f1(detections, s, step)[2], s) for s in np.arange(0.1, 0.95, 0.05))
    text = " ".join(f"{value:.3f}" for value in scores)
    print(
        f"{detector.model_id:26} {speed:7.1f} frames/s   P R F1 at {detector.threshold:.2f}: "
        f"{text}   best F1 {best[0]:.3f} at {best[1]:.2f}",
        flush=True,
    )
    return speed


def main() -> None:
    """Print the table."""
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    names = sys.argv[2:] or [
        "opencv:motion",
        f"onnx:{footage.DATA / 'weights' / 'yolox_nano.onnx'}",
    ]
    if not footage.VIDEO.exists():
        sys.exit("no ../shared/data beside the repository")
    scanner_speed, usual = report(detectors.create("opencv:hog"), step), report(UsualHog(), step)
    print(f"opencv:hog is {scanner_speed / usual:.2f} times as fast as the usual search")
    for name in names:
        report(detectors.create(name), step)


if __name__ == "__main__":
    main()
