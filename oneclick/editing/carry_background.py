"""What moves before a camera that stands still: the difference from the median of the clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.editing.carry_pictures import FloatArray, Picture, PictureSource

SAMPLES = 13
"""Pictures of which the background is the median."""
LONG_SIDE = 480
"""Pictures are shrunk by the whole number that brings their longer side nearest to this."""
MIN_DIFFERENCE = 20
"""Least difference of a channel, of 255, that is no noise."""
MAX_SHARE = 0.3
"""Share of all pixels that differ from which the camera counts as moving."""


@dataclass(frozen=True)
class MovingMask:
    """What differs from the background in a part of a picture."""

    pixels: Picture
    """1 where it differs."""
    origin: FloatArray
    """(2,) px of its corner in the picture."""
    factor: int
    """Px of the picture per px of the mask."""

    def at(self, points: FloatArray) -> NDArray[np.bool_]:
        """Check which points, `(n, 2)` px of the picture, lie on something that moves."""
        height, width = self.pixels.shape
        column, row = ((points - self.origin) / self.factor).astype(int).T
        inside: NDArray[np.bool_] = (column >= 0) & (row >= 0) & (column < width) & (row < height)
        column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
        on_mask: NDArray[np.bool_] = inside & (self.pixels[row, column] > 0)
        return on_mask

    def mass(self, box: FloatArray, others: FloatArray) -> tuple[FloatArray, float]:
        """Return the shift `(2,)` px to the centre of what moves near a box, and its share there.

        Args:
            box: `(4,)` px.
            others: `(n, 4)` px of boxes whose inside does not count.
        """
        visible = np.ones(self.pixels.shape)
        for other in others:
            a, b, c, d = np.round((other - np.tile(self.origin, 2)) / self.factor).astype(int)
            visible[max(b, 0) : max(d, 0), max(a, 0) : max(c, 0)] = 0
        pixels = self.pixels * visible
        size, centre = box[2:] - box[:2], (box[:2] + box[2:]) / 2
        rows, columns = (self.factor * (np.arange(side) + 0.5) for side in pixels.shape)
        dx = 2 * (columns + self.origin[0] - centre[0]) / size[0]
        dy = 2 * (rows + self.origin[1] - centre[1]) / size[1]
        inner = pixels[np.abs(dy) < 0.9][:, np.abs(dx) < 0.7]
        share = float(inner.mean()) if inner.size else 0.0
        # What lies far above, below and beside the box weighs nothing.
        kernel_x = np.exp(-(dx**2)) * (np.abs(dx) < 1.7)
        kernel_y = np.exp(-(dy**2)) * (np.abs(dy) < 1.5)
        means = []
        for weight in (pixels, visible):
            total = float(kernel_y @ weight @ kernel_x)
            if total < 1e-6:
                return np.zeros(2), share
            mean_x = kernel_y @ weight @ (kernel_x * dx) / total
            mean_y = (kernel_y * dy) @ weight @ kernel_x / total
            means.append(np.array([mean_x, mean_y]))
        # Where all that could be seen moves, nothing says that the box lies beside it.
        return (means[0] - means[1]) * size, share


class Background:
    """The median picture of a clip, and what differs from it; useless where the camera moves."""

    def __init__(self, pictures: PictureSource) -> None:
        frames = np.unique(np.linspace(0, len(pictures) - 1, SAMPLES).astype(int))
        longest = max(pictures[int(frames[0])].shape[:2])
        self.factor = max(1, round(longest / LONG_SIDE))
        """Px of a picture per px of the background, a whole number: shrinking is fast then."""
        stack = np.stack([shrink(pictures[int(frame)], self.factor) for frame in frames])
        self.median = np.partition(stack, len(stack) // 2, axis=0)[len(stack) // 2]
        differences = np.stack([_difference(picture, self.median) for picture in stack])
        self.limit = max(MIN_DIFFERENCE, 4 * float(np.median(differences)))
        share = float((differences > self.limit).mean())
        self.steady = len(frames) >= 5 and share < MAX_SHARE
        """Whether the camera stands still, so that differences mean something."""

    def moving(self, picture: Picture, area: FloatArray) -> MovingMask:
        """Return where a part of the picture, `(4,)` px, differs from the background."""
        rows, columns = self.median.shape[:2]
        x, y = np.clip(np.floor(area[:2] / self.factor), 0, (columns - 1, rows - 1)).astype(int)
        u, v = np.clip(np.ceil(area[2:] / self.factor), (x + 1, y + 1), (columns, rows)).astype(int)
        crop = picture[y * self.factor : v * self.factor, x * self.factor : u * self.factor]
        difference = _difference(shrink(crop, self.factor), self.median[y:v, x:u])
        mask = (difference > self.limit).astype(np.uint8)
        return MovingMask(
            cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)),  # type: ignore[arg-type]
            np.array([x, y], float) * self.factor,
            self.factor,
        )


def shrink(picture: Picture, factor: int) -> Picture:
    """Return a picture at a whole fraction of its size."""
    if factor == 1:
        return picture
    size = (max(1, picture.shape[1] // factor), max(1, picture.shape[0] // factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _difference(picture: Picture, other: Picture) -> Picture:
    """Return the largest difference of any channel."""
    rows, columns = min(picture.shape[0], other.shape[0]), min(picture.shape[1], other.shape[1])
    difference = cv2.absdiff(picture[:rows, :columns], other[:rows, :columns])
    if difference.ndim == 2:
        return difference  # type: ignore[return-value]
    blue, green, red = cv2.split(difference)
    return cv2.max(cv2.max(blue, green), red)  # type: ignore[return-value]
