"""The still part of a picture: room and furniture, rendered once per recording by ray casting."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward import furniture, paint
from oneclick.ward.camera import Camera
from oneclick.ward.furniture import Quad
from oneclick.ward.paint import Frame, Picture
from oneclick.ward.room import DOOR, WALL_HEIGHT, Footprint, WardRoom

Floats = NDArray[np.float64]

FINE = 2
"""Supersampling factor of the rays."""
SUN = np.array([-0.35, -0.5, 0.8])


@dataclass(frozen=True, eq=False, kw_only=True)
class Backdrop:
    """The picture of an empty room, with depth and masks."""

    picture: Frame
    """(height, width, 3) RGB."""
    depth: Picture
    """(height, width) metres along the view to the nearest surface."""
    shell: Picture
    """(height, width) depth of walls and floor alone; infinite in the doorway."""
    floor: NDArray[np.bool_]
    """(height, width) pixels that show the floor."""
    wall: NDArray[np.bool_]
    """(height, width) pixels that show a wall or the window."""

    def draw_distractors(self, ward_room: WardRoom) -> None:
        """Draw the coat stand, the drip and the wheels, which a detector may take for people."""
        for shapes in furniture.distractors(ward_room):
            sprite = paint.paint(shapes, ward_room.camera)
            if sprite is None:
                continue
            depth = self.depth[sprite.window]
            paint.blend(self.picture, sprite, sprite.depth < depth)
            np.minimum(depth, sprite.depth, out=depth)


def render(ward_room: WardRoom, rng: np.random.Generator, sunny: bool) -> Backdrop:
    """Render the empty room by day; `sunny` lays the window's light on the floor."""
    caster = _RayCaster(ward_room, rng, sunny)
    quads = [*furniture.shell(ward_room, sunny), *furniture.pieces(ward_room)]
    for number, quad in enumerate(quads):
        caster.add(number, quad)
    size = (ward_room.camera.width, ward_room.camera.height)
    picture = cv2.resize(caster.colour, size, interpolation=cv2.INTER_AREA)
    nearest_quad = caster.nearest_quad[::FINE, ::FINE]
    patterns = np.array([quad.pattern for quad in quads] + ["none"])[nearest_quad]
    backdrop = Backdrop(
        picture=np.asarray(np.clip(picture, 0, 255), np.uint8),
        depth=caster.depth[::FINE, ::FINE].copy(),
        shell=caster.shell[::FINE, ::FINE].copy(),
        floor=np.asarray(patterns == "floor"),
        wall=np.asarray((patterns == "wall") | (patterns == "window")),
    )
    backdrop.draw_distractors(ward_room)
    return backdrop


@dataclass(eq=False)
class _RayCaster:
    """The nearest surface of every pixel, FINE times finer than the picture."""

    ward_room: WardRoom
    rng: np.random.Generator
    sunny: bool
    camera: Camera = field(init=False)

    def __post_init__(self) -> None:
        self.camera = self.ward_room.camera.scaled(FINE)
        self.rays = self.camera.rays()
        shape = self.rays.shape[:2]
        self.colour = np.zeros((*shape, 3), np.float32)
        self.depth = np.full(shape, np.inf, np.float32)
        self.shell = np.full(shape, np.inf, np.float32)
        self.nearest_quad = np.full(shape, -1, np.int16)
        self.grain = self.rng.normal(0, 1, (64, 64)).astype(np.float32)

    def add(self, number: int, quad: Quad) -> None:
        """Intersect the rays with a quad and colour the pixels where it is the nearest."""
        window = self.window(quad)
        rays = self.rays[window]
        normal = np.cross(quad.u, quad.v)
        facing = rays @ normal
        safe = np.where(np.abs(facing) < 1e-9, 1e-9, facing)
        reach = ((quad.corner - self.camera.position) @ normal) / safe
        point = self.camera.position + reach[..., None] * rays - quad.corner
        a = point @ quad.u / (quad.u @ quad.u)
        b = point @ quad.v / (quad.v @ quad.v)
        hit = (reach > 0.05) & (a >= 0) & (a <= 1) & (b >= 0) & (b <= 1)
        if quad.shell and quad.pattern != "door":
            np.minimum(self.shell[window], np.where(hit, reach, np.inf), out=self.shell[window])
        hit &= reach < self.depth[window]
        # The doorway hides the wall behind it, and itself lies beyond everybody who passes.
        self.depth[window][hit] = np.inf if quad.pattern == "door" else reach[hit]
        if quad.pattern == "door":
            self.shell[window][hit] = np.inf
        self.nearest_quad[window][hit] = number
        self.colour[window][hit] = self.shade(quad, point[hit] + quad.corner, a[hit], b[hit])

    def window(self, quad: Quad) -> tuple[slice, slice]:
        """Return rows and columns the quad can reach; all if part of it is behind the lens."""
        corners = quad.corner + np.array([0 * quad.u, quad.u, quad.v, quad.u + quad.v])
        depths = ((corners - self.camera.position) @ self.camera.axes.T)[:, 2]
        if depths.min() < 0.3:
            return slice(None), slice(None)
        points, _ = self.camera.project(corners)
        x1, y1 = np.maximum(points.min(0) - 1, 0).astype(int)
        x2, y2 = np.maximum(points.max(0) + 2, 0).astype(int)
        return slice(y1, y2), slice(x1, x2)

    def shade(self, quad: Quad, points: Floats, a: Floats, b: Floats) -> Floats:
        """Return the colours, (n, 3) RGB, of points of a quad.

        Args:
            quad: the surface.
            points: (n, 3) metres in the room.
            a: (n,) position along the edge `u`, 0 … 1.
            b: (n,) position along the edge `v`, 0 … 1.
        """
        normal: Floats = np.cross(quad.u, quad.v)
        normal /= np.linalg.norm(normal)
        across, up = a * np.linalg.norm(quad.u), b * np.linalg.norm(quad.v)
        incidence = 0.70 + 0.30 * abs(normal @ SUN) / np.linalg.norm(SUN)
        lamp = points - [self.ward_room.size[0] / 2, self.ward_room.size[1] / 2, WALL_HEIGHT]
        light = incidence * 1.3 / (1 + 0.035 * (lamp**2).sum(1))
        light = light * self.ambient_occlusion(quad, points)
        light = (1 - quad.glow) * light + quad.glow
        tone = (light * self.texture(quad.pattern, across, up))[:, None]
        return np.asarray(np.asarray(quad.colour) * tone)

    def ambient_occlusion(self, quad: Quad, points: Floats) -> Floats:
        """Return the darkening, (n,), along the walls and around furniture."""
        width, depth = self.ward_room.size
        edge = np.minimum(width - points[:, 0], depth - points[:, 1])
        if quad.pattern == "floor":
            shade = 1 - 0.22 * np.exp(-edge / 0.22)
            for footprint in self.ward_room.footprints:
                shade *= 1 - 0.42 * np.exp(-distance(footprint, points) / 0.13)
            return np.asarray(shade)
        if quad.pattern == "wall":
            return np.asarray(1 - 0.18 * np.exp(-points[:, 2] / 0.25))
        return np.ones(len(points))

    def texture(self, pattern: str, u: Floats, v: Floats) -> Floats:
        """Return the relative brightness, (n,), of a pattern at (n,) metres along u and v."""
        rough = 1 + 0.016 * self._noise(u, v, 0.05) + 0.02 * self._noise(u, v, 0.6)
        if pattern == "floor":
            return np.asarray(rough * self.floor_texture(u, v) * self.sunlight(u, v))
        if pattern == "wall":
            return np.asarray(
                rough * np.where(v < 1.0, 0.90, 1.0) * (1 - 0.2 * (abs(v - 1) < 0.02))
            )
        if pattern == "cloth":
            return np.asarray(1 + 0.05 * self._noise(u, v, 0.12) + 0.04 * np.sin(u * 60))
        if pattern == "window":
            bars = (abs(u % 0.6 - 0.3) > 0.27) | (v % 1.1 < 0.05)
            return np.asarray(np.where(bars, 0.75, 1.0) * (1 - 0.12 * v))
        if pattern == "door":
            return np.asarray(0.55 + 0.45 * np.clip(v / DOOR[1], 0, 1))
        return np.asarray(rough)

    def floor_texture(self, u: Floats, v: Floats) -> Floats:
        """Return the relative brightness, (n,), of planks, tiles or carpet."""
        pattern = self.ward_room.colours.floor_pattern
        if pattern == 0:  # planks, each with its own tone
            row = np.floor(v / 0.14)
            plank = np.floor(u / 1.1 + 0.37 * row)
            joint = (v % 0.14 < 0.008) * 0.15
            return np.asarray(1 + 0.05 * np.sin(row * 12.9 + plank * 78.2) - joint)
        if pattern == 1:  # tiles
            return np.asarray(1 - 0.13 * ((u % 0.4 < 0.014) | (v % 0.4 < 0.014)))
        return np.asarray(1 + 0.035 * self._noise(u, v, 0.025))

    def sunlight(self, u: Floats, v: Floats) -> Floats:
        """Return the brightening, (n,), by the patch of sun on the floor; 1 without sun."""
        if not self.sunny:
            return np.ones(len(u))
        middle = self.ward_room.window.in_front(1.3)
        near = np.maximum(abs(u - middle[0]) - 0.5, abs(v - middle[1]) - 0.55)
        return np.asarray(1 + 0.24 / (1 + np.exp(near / 0.05)))

    def _noise(self, u: Floats, v: Floats, size: float) -> Floats:
        column, row = (u / size).astype(int) % 64, (v / size).astype(int) % 64
        return np.asarray(self.grain[row, column], np.float64)


def distance(footprint: Footprint, points: Floats) -> Floats:
    """Return the distances, (n,) metres, from (n, 2 or 3) points to a footprint; 0 inside."""
    x = np.maximum(np.maximum(footprint.x1 - points[:, 0], points[:, 0] - footprint.x2), 0)
    y = np.maximum(np.maximum(footprint.y1 - points[:, 1], points[:, 1] - footprint.y2), 0)
    return np.asarray(np.hypot(x, y))
