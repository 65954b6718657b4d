"""People cut out and laid down: examples of who lies, where nobody did.

A box that is higher than wide is copied with what it shows, turned by 90° and pasted beside the
place where it stands, so that it lies on the same floor at the same scale.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]

LEAST_HEIGHT = 16
"""Px from which on a person shows enough to be copied."""
STANDS = 1.3
"""Height by width from which on somebody stands."""
MAX_SHARED = 0.15
"""Share of a box that another one may cover, of who is copied and of whom the copy covers."""
TRIES = 8
"""Places that are tried before nobody is laid down."""
REACH = 2.0
"""Distance of the copy from the place of the person at most, in heights of the person."""
FEATHER = 0.12
"""Width of the soft edge of the copy, share of its shorter side."""


def lay_down(image: Image, boxes: Boxes, rng: np.random.Generator) -> tuple[Image, Boxes, int]:
    """Copy one person who stands, lying, to a free place nearby.

    Args:
        image: (h, w, 3); it is not changed.
        boxes: (n, 4) px of it.
        rng: source of chance.

    Returns:
        The image with the copy, the box of the copy (1, 4), and the row of `boxes` that was copied.
        The image as it was, (0, 4) and -1 where nobody stands free, or no place is.
    """
    nobody = image, np.zeros((0, 4), np.float32), -1
    candidates = free_standing(boxes, image.shape[1], image.shape[0])
    if not len(candidates):
        return nobody
    row = int(rng.choice(candidates))
    x1, y1, x2, y2 = np.round(boxes[row]).astype(int).tolist()
    person = np.ascontiguousarray(np.rot90(image[y1:y2, x1:x2], rng.choice([1, 3])))
    for _ in range(TRIES):
        # Who lies touches the floor where the feet stood, or a little nearer or farther.
        across, down = rng.uniform(-REACH, REACH), rng.uniform(-0.15, 0.15)
        left = round((x1 + x2 - person.shape[1]) / 2 + across * (y2 - y1))
        top = round(y2 - person.shape[0] + down * (y2 - y1))
        place = np.array([[left, top, left + person.shape[1], top + person.shape[0]]], np.float32)
        is_inside = np.array_equal(geometry.clip(place, image.shape[1], image.shape[0]), place)
        if is_inside and shared(boxes, place).max() <= MAX_SHARED:
            return paste(image, person, left, top), place, row
    return nobody


def free_standing(boxes: Boxes, width: int, height: int) -> NDArray[np.intp]:
    """Return the rows of boxes that stand, inside the image, and hide behind no other."""
    if not len(boxes):
        return np.zeros(0, np.intp)
    sides = boxes[:, 2:] - boxes[:, :2]
    stands = (sides[:, 1] >= STANDS * sides[:, 0]) & (sides[:, 1] >= LEAST_HEIGHT)
    stands &= (sides[:, 0] >= 4) & ~geometry.at_border(boxes, width, height, 1)
    others = shared(boxes, boxes)
    np.fill_diagonal(others, 0)
    return np.flatnonzero(stands & (others.max(1) <= MAX_SHARED))


def shared(boxes: Boxes, others: Boxes) -> NDArray[np.floating]:
    """Return the share of each box that each of the others covers, `(n, m)`."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = np.clip(high - low, 0, None)
    covered = sides[..., 0] * sides[..., 1]
    share: NDArray[np.floating] = covered / np.maximum(geometry.area(boxes)[:, None], 1e-6)
    return share


def paste(image: Image, part: Image, left: int, top: int) -> Image:
    """Return the image with a part pasted over it, its edges soft and its corners round."""
    height, width = part.shape[:2]
    mask = np.zeros((height, width), np.float32)
    centre, axes = ((width - 1) / 2, (height - 1) / 2), (width / 2, height / 2)
    y, x = np.mgrid[:height, :width]
    # A superellipse: nearly the box, for people fill theirs, without its corners.
    distance = np.abs((x - centre[0]) / axes[0]) ** 4 + np.abs((y - centre[1]) / axes[1]) ** 4
    mask[distance <= 1] = 1
    sigma = max(FEATHER * min(height, width) / 2, 0.5)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.float32)[..., None]
    pasted = image.copy()
    region = pasted[top : top + height, left : left + width]
    region[:] = np.round(mask * part + (1 - mask) * region).astype(np.uint8)
    return pasted
