"""How a frame becomes the input of a graph: size, proportions, channels and normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.detectors.base import Frame

Floats = NDArray[np.float32]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class PictureFormat:
    """What a graph wants to see."""

    size: tuple[int, int] | None
    """Height and width in px; None takes a frame as large as it is."""
    stretches: bool = False
    """Proportions change to fill the size; otherwise `fill` is right of and below the picture."""
    fill: int = 0
    """Level 0 … 255 around the picture."""
    bgr: bool = False
    divisor: float = 255.0
    """Levels are divided by it first."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted next, in the order of the channels."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides last."""

    def picture(self, frame: Frame) -> tuple[Floats, Floats]:
        """Return the input (3, height, width), and its px per px of the frame, across and down."""
        image, scale = self.fit(frame)
        levels = np.empty((3, *image.shape[:2]), np.float32)
        # Channel by channel: all at once, with the axes swapped, costs five times as much.
        channels = cv2.split(image)[:: -1 if self.bgr else 1]
        for level, channel in zip(levels, channels, strict=True):
            level[...] = channel
        if self.divisor != 1:
            levels /= self.divisor
        if any(self.mean) or self.std != (1, 1, 1):
            levels -= np.array(self.mean, np.float32)[:, None, None]
            levels /= np.array(self.std, np.float32)[:, None, None]
        return levels, scale

    def fit(self, frame: Frame) -> tuple[Frame, Floats]:
        """Return a frame in the size of the input, RGB, and the scale across and down."""
        height, width = frame.shape[:2]
        if self.size is None:
            return frame, np.ones(2, np.float32)
        if self.stretches:
            scale = np.array([self.size[1] / width, self.size[0] / height], np.float32)
            return np.asarray(cv2.resize(frame, self.size[::-1]), np.uint8), scale
        factor = min(self.size[0] / height, self.size[1] / width)
        inner = max(1, int(height * factor)), max(1, int(width * factor))
        image = np.full((*self.size, 3), self.fill, np.uint8)
        image[: inner[0], : inner[1]] = cv2.resize(frame, inner[::-1])
        return image, np.full(2, factor, np.float32)
