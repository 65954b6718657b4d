"""Solid shapes with soft shading: capsules in the room become colour, cover and depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward.camera import NEAR, Camera

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Frame = NDArray[np.uint8]

FINE = 2
"""Shapes are drawn this many times larger and shrunk: smooth edges."""
SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""
SHADES = ((1.0, 0.76, 0.0), (0.78, 0.92, 0.16), (0.46, 1.04, 0.34))
"""Nested outlines of a capsule: size, brightness, shift towards the light, all relative."""
LIGHT = np.array([-0.45, -0.9])
"""Where the light comes from on the picture: above, a little from the left."""
_HALF = np.linspace(0, np.pi, 9)


@dataclass(frozen=True, eq=False)
class Capsules:
    """Balls and tapered rods; both ends are balls."""

    ends: Floats
    """(n, 2, 3) metres."""
    radii: Floats
    """(n, 2) metres."""
    colours: Floats
    """(n, 3) RGB 0 … 255."""


@dataclass(frozen=True, eq=False)
class Sprite:
    """Capsules drawn on a rectangle of the picture."""

    x: int
    y: int
    colour: Picture
    """(h, w, 3) RGB, already multiplied by `cover`."""
    cover: Picture
    """(h, w) 0 … 1."""
    depth: Picture
    """(h, w) metres along the view; infinite where nothing is."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        height, width = self.cover.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


Row = tuple[Floats, Floats, float, float, tuple[float, float, float]]
"""Two ends, their radii, and a colour."""


def capsules(rows: Sequence[Row]) -> Capsules:
    """Rows as columns."""
    ends = np.array([[a, b] for a, b, *_ in rows], np.float64)
    radii = np.array([[ra, rb] for _, _, ra, rb, _ in rows], np.float64)
    return Capsules(ends, radii, np.array([colour for *_, colour in rows], np.float64))


def paint(shapes: Capsules, camera: Camera) -> Sprite | None:
    """Draw capsules from far to near, or None where none is in the picture."""
    points, depth = camera.project(shapes.ends.reshape(-1, 3))
    points, depth = points.reshape(-1, 2, 2), depth.reshape(-1, 2)
    radii = shapes.radii * camera.focal / depth
    box = _bounds(points, radii, camera)
    if box is None or depth.max() <= NEAR:
        return None
    x, y, width, height = box
    order = np.argsort(-depth.mean(1), kind="stable")
    points, radii, depth = points[order] - [x, y], radii[order], depth[order].mean(1)
    fine = np.zeros((height * FINE, width * FINE, 3), np.uint8)
    solid = np.zeros((height * FINE, width * FINE), np.uint8)
    # The nearer half of a rod is in front of its axis by about its radius.
    near = depth - shapes.radii[order].mean(1)
    far = np.full((height, width), np.inf, np.float32)
    outlines = [_outlines(points, radii, *shade, FINE) for shade in SHADES]
    coarse = _outlines(points, radii, *SHADES[0], 1)
    for i, colour in enumerate(shapes.colours[order].tolist()):
        for (_, light, _), outline in zip(SHADES, outlines, strict=True):
            red, green, blue = (min(value * light, 255) for value in colour)
            cv2.fillConvexPoly(fine, outline[i], (red, green, blue), cv2.LINE_8, SHIFT)
        cv2.fillConvexPoly(solid, outlines[0][i], 255, cv2.LINE_8, SHIFT)
        cv2.fillConvexPoly(far, coarse[i], float(near[i]), cv2.LINE_8, SHIFT)
    return Sprite(x, y, _shrunk(fine), _shrunk(solid) / np.float32(255), far)


def lay(canvas: Frame, sprite: Sprite, where: NDArray[np.bool_]) -> None:
    """Put the part of the sprite that `where` names onto the canvas."""
    part = canvas[sprite.window]
    mixed = part * (1 - sprite.cover)[..., None] + sprite.colour
    np.copyto(part, mixed.astype(np.uint8), where=where[..., None])


def _shrunk(fine: Frame) -> Picture:
    size = (fine.shape[1] // FINE, fine.shape[0] // FINE)
    soft = cv2.resize(cv2.GaussianBlur(fine, (5, 5), 0), size, interpolation=cv2.INTER_AREA)
    return np.asarray(soft, np.float32)


def _bounds(points: Floats, radii: Floats, camera: Camera) -> tuple[int, int, int, int] | None:
    """x, y, width, height of what is in the picture, with a margin for the blur."""
    low = np.floor((points - radii[..., None]).min((0, 1))) - 2
    high = np.ceil((points + radii[..., None]).max((0, 1))) + 2
    x1, y1 = np.maximum(low, 0).astype(int)
    x2, y2 = np.minimum(high, [camera.width, camera.height]).astype(int)
    return (int(x1), int(y1), int(x2 - x1), int(y2 - y1)) if x2 > x1 and y2 > y1 else None


def _outlines(
    points: Floats, radii: Floats, size: float, _: float, shift: float, scale: int
) -> NDArray[np.int32]:
    """(n, 18, 2) corners of each capsule in OpenCV's fixed-point coordinates."""
    along = points[:, 1] - points[:, 0]
    length = np.hypot(*along.T)
    # A rod seen end on has no direction; any will do, for it is a disc.
    angle = np.where(length > 1e-6, np.arctan2(along[:, 1], along[:, 0]), 0)
    arcs = []
    for end, offset in ((0, np.pi / 2), (1, -np.pi / 2)):
        turn = angle[:, None] + offset + _HALF
        rim = np.stack([np.cos(turn), np.sin(turn)], -1)
        radius = radii[:, end, None, None]
        arcs.append(points[:, end, None] + radius * (size * rim + shift * LIGHT))
    corners = np.concatenate(arcs, 1) * scale - 0.5
    return np.asarray(np.round(corners * (1 << SHIFT)), np.int32)
