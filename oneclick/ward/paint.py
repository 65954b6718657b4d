"""Solid shapes with soft shading: capsules in the room become colour, coverage and depth."""

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
"""Supersampling factor: shapes are drawn this many times larger and shrunk for smooth edges."""
SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""
SHADES = ((1.0, 0.76, 0.0), (0.78, 0.92, 0.16), (0.46, 1.04, 0.34))
"""Nested outlines of a capsule: size, brightness, shift towards the light, all relative."""
LIGHT = np.array([-0.45, -0.9])
"""Direction of the light on the picture: from above, a little from the left."""
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Sprite:
    """Capsules drawn on a rectangle of the picture."""

    x: int
    y: int
    colour: Picture
    """(h, w, 3) RGB, already multiplied by `cover`."""
    cover: Picture
    """(h, w) coverage, 0 … 1."""
    depth: Picture
    """(h, w) metres along the view; infinite where nothing is."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Return the rows and columns of the picture that the sprite lies on."""
        height, width = self.cover.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


CapsuleRow = tuple[Floats, Floats, float, float, tuple[float, float, float]]
"""Two ends, their radii, and a colour."""


def capsules(rows: Sequence[CapsuleRow]) -> Capsules:
    """Collect one row per capsule into parallel arrays."""
    ends = np.array([[a, b] for a, b, *_ in rows], np.float64)
    radii = np.array([[ra, rb] for _, _, ra, rb, _ in rows], np.float64)
    return Capsules(ends, radii, np.array([colour for *_, colour in rows], np.float64))


def paint(shapes: Capsules, camera: Camera) -> Sprite | None:
    """Draw capsules from far to near; return None if none is in the picture."""
    points, depth = camera.project(shapes.ends.reshape(-1, 3))
    points, depth = points.reshape(-1, 2, 2), depth.reshape(-1, 2)
    radii = shapes.radii * camera.focal / depth
    bounds = bounding_window(points, radii, camera)
    if bounds is None or depth.max() <= NEAR:
        return None
    x, y, width, height = bounds
    order = np.argsort(-depth.mean(1), kind="stable")
    points, radii, depth = points[order] - [x, y], radii[order], depth[order].mean(1)
    fine = np.zeros((height * FINE, width * FINE, 3), np.uint8)
    solid = np.zeros((height * FINE, width * FINE), np.uint8)
    # The nearer half of a rod is in front of its axis by about its radius.
    near = depth - shapes.radii[order].mean(1)
    far = np.full((height, width), np.inf, np.float32)
    outlines = [_outlines(points, radii, size, shift, FINE) for size, _, shift in SHADES]
    coarse = _outlines(points, radii, SHADES[0][0], SHADES[0][2], 1)
    for i, colour in enumerate(shapes.colours[order].tolist()):
        for (_, light, _), outline in zip(SHADES, outlines, strict=True):
            red, green, blue = (min(value * light, 255) for value in colour)
            cv2.fillConvexPoly(fine, outline[i], (red, green, blue), cv2.LINE_8, SHIFT)
        cv2.fillConvexPoly(solid, outlines[0][i], 255, cv2.LINE_8, SHIFT)
        cv2.fillConvexPoly(far, coarse[i], float(near[i]), cv2.LINE_8, SHIFT)
    cover = _downsample(solid) / np.float32(255)
    return Sprite(x=x, y=y, colour=_downsample(fine), cover=cover, depth=far)


def blend(canvas: Frame, sprite: Sprite, mask: NDArray[np.bool_]) -> None:
    """Blend the part of the sprite that `mask`, (h, w), selects onto the canvas."""
    part = canvas[sprite.window]
    mixed = part * (1 - sprite.cover)[..., None] + sprite.colour
    np.copyto(part, mixed.astype(np.uint8), where=mask[..., None])


def bounding_window(
    points: Floats, radii: Floats, camera: Camera
) -> tuple[int, int, int, int] | None:
    """Return x, y, width and height of the visible part, with a margin for the blur.

    Args:
        points: (n, 2, 2) px, the projected ends of each capsule.
        radii: (n, 2) px.
        camera: whose picture they are clipped to.
    """
    low = np.floor((points - radii[..., None]).min((0, 1))) - 2
    high = np.ceil((points + radii[..., None]).max((0, 1))) + 2
    x1, y1 = np.maximum(low, 0).astype(int)
    x2, y2 = np.minimum(high, [camera.width, camera.height]).astype(int)
    return (int(x1), int(y1), int(x2 - x1), int(y2 - y1)) if x2 > x1 and y2 > y1 else None


def _downsample(fine: Frame) -> Picture:
    size = (fine.shape[1] // FINE, fine.shape[0] // FINE)
    soft = cv2.resize(cv2.GaussianBlur(fine, (5, 5), 0), size, interpolation=cv2.INTER_AREA)
    return np.asarray(soft, np.float32)


def _outlines(
    points: Floats, radii: Floats, size: float, shift: float, scale: int
) -> NDArray[np.int32]:
    """Return (n, 18, 2) corners of each capsule in OpenCV's fixed-point coordinates."""
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
