"""What moves in a short clip: every frame against the median of the whole clip.

Unlike `opencv:motion`, which runs along a recording, this knows the frames after too, and needs no
warm-up. People who keep still all through the clip are background.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.detectors.motion import FULL, MOST_MOVING, SPECK, person_boxes

MEDIAN_FRAMES = 25
"""Frames that the background is the median of."""
LEAST_CHANGE = 18
"""Levels of 255 by which a moving pixel differs from the background at least."""
NOISE = 6.0
"""And multiples of the usual difference of the clip."""


def detect_moving(pictures: Sequence[NDArray[np.uint8]], fps: float, scale: float) -> Detections:
    """Return boxes of a person's size around what moves; scores tell how full they are.

    Args:
        pictures: all frames of a static camera, grey `(h, w)`.
        fps: frames per second.
        scale: px of the original picture per px of these.
    """
    length = len(pictures)
    sample = np.unique(np.linspace(0, length - 1, min(MEDIAN_FRAMES, length)).astype(int))
    background = np.median(np.stack([pictures[row] for row in sample]), axis=0).astype(np.uint8)
    noise = float(np.median([cv2.absdiff(pictures[row], background).mean() for row in sample]))
    threshold = max(LEAST_CHANGE, NOISE * noise)
    frames, corners, scores = [], [], []
    for number, picture in enumerate(pictures):
        moving = (cv2.absdiff(picture, background) > threshold).astype(np.uint8)
        moving = np.asarray(cv2.morphologyEx(moving, cv2.MORPH_OPEN, SPECK), np.uint8)
        if moving.mean() > MOST_MOVING:
            continue
        blobs, fill = person_boxes(moving)
        frames += [number] * len(blobs)
        corners += [blobs * scale]
        scores += [np.minimum(fill / FULL, 1)]
    return Detections(
        frames=np.array(frames, np.int32),
        boxes=np.concatenate([np.zeros((0, 4)), *corners]).astype(np.float32),
        scores=np.concatenate([np.zeros(0), *scores]).astype(np.float32),
        classes=np.zeros(len(frames), np.int16),
        length=length,
        fps=fps,
    )
