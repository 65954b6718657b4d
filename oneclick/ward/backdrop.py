"""The still part of a picture: room and furniture, rendered once per recording by casting rays."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward import furniture, paint
from oneclick.ward.camera import Camera
from oneclick.ward.furniture import Quad
from oneclick.ward.paint import Frame, Picture
from oneclick.ward.room import DOOR, WALL_HEIGHT, Block, Room

Floats = NDArray[np.float64]

FINE = 2
SUN = np.array([-0.35, -0.5, 0.8])


@dataclass(frozen=True, eq=False)
class Backdrop:
    """What the camera sees of an empty room."""

    picture: Frame
    """(height, width, 3) RGB."""
    depth: Picture
    """(height, width) metres along the view to what is seen."""
    shell: Picture
    """(height, width) depth of walls and floor alone; infinite in the doorway."""
    floor: NDArray[np.bool_]
    """(height, width) where the floor is seen."""
    wall: NDArray[np.bool_]
    """(height, width) where a wall or the window is seen."""


def render(room: Room, rng: np.random.Generator, sunny: bool) -> Backdrop:
    """The empty room by day; `sunny` lays the window's light on the floor."""
    scene = _Scene(room, rng, sunny)
    quads = [*furniture.shell(room, sunny), *furniture.pieces(room)]
    for number, quad in enumerate(quads):
        scene.add(number, quad)
    picture = cv2.resize(
        scene.colour, (room.camera.width, room.camera.height), interpolation=cv2.INTER_AREA
    )
    depth, which = scene.depth[::FINE, ::FINE].copy(), scene.which[::FINE, ::FINE]
    kinds = np.array([q.pattern for q in quads] + ["none"])[which]
    backdrop = Backdrop(
        np.asarray(np.clip(picture, 0, 255), np.uint8),
        depth,
        scene.shell[::FINE, ::FINE].copy(),
        np.asarray(kinds == "floor"),
        np.asarray((kinds == "wall") | (kinds == "window")),
    )
    _add_distractors(backdrop, room)
    return backdrop


@dataclass(eq=False)
class _Scene:
    """Nearest surface of every pixel, FINE times finer than the picture."""

    room: Room
    rng: np.random.Generator
    sunny: bool
    camera: Camera = field(init=False)

    def __post_init__(self) -> None:
        self.camera = self.room.camera.scaled(FINE)
        self.rays = self.camera.rays()
        shape = self.rays.shape[:2]
        self.colour = np.zeros((*shape, 3), np.float32)
        self.depth = np.full(shape, np.inf, np.float32)
        self.shell = np.full(shape, np.inf, np.float32)
        self.which = np.full(shape, -1, np.int16)
        self.grain = self.rng.normal(0, 1, (64, 64)).astype(np.float32)

    def add(self, number: int, quad: Quad) -> None:
        window = self._window(quad)
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
        self.which[window][hit] = number
        self.colour[window][hit] = self._shade(quad, point[hit] + quad.corner, a[hit], b[hit])

    def _window(self, quad: Quad) -> tuple[slice, slice]:
        """Rows and columns the quad can reach; everything if part of it is behind the lens."""
        corners = quad.corner + np.array([0 * quad.u, quad.u, quad.v, quad.u + quad.v])
        seen = (corners - self.camera.position) @ self.camera.axes.T
        if seen[:, 2].min() < 0.3:
            return slice(None), slice(None)
        points, _ = self.camera.project(corners)
        x1, y1 = np.maximum(points.min(0) - 1, 0).astype(int)
        x2, y2 = np.maximum(points.max(0) + 2, 0).astype(int)
        return slice(y1, y2), slice(x1, x2)

    def _shade(self, quad: Quad, at: Floats, a: Floats, b: Floats) -> Floats:
        normal: Floats = np.cross(quad.u, quad.v)
        normal /= np.linalg.norm(normal)
        across, up = a * np.linalg.norm(quad.u), b * np.linalg.norm(quad.v)
        lit = 0.70 + 0.30 * abs(normal @ SUN) / np.linalg.norm(SUN)
        lamp = at - [self.room.size[0] / 2, self.room.size[1] / 2, WALL_HEIGHT]
        light = lit * 1.3 / (1 + 0.035 * (lamp**2).sum(1)) * self._contact(quad, at)
        light = (1 - quad.glow) * light + quad.glow
        tone = (light * self._texture(quad.pattern, across, up))[:, None]
        return np.asarray(np.asarray(quad.colour) * tone)

    def _contact(self, quad: Quad, at: Floats) -> Floats:
        """Darkening where surfaces meet: along the walls and around furniture."""
        width, depth = self.room.size
        edge = np.minimum(width - at[:, 0], depth - at[:, 1])
        if quad.pattern == "floor":
            shade = 1 - 0.22 * np.exp(-edge / 0.22)
            for block in self.room.blocks:
                shade *= 1 - 0.42 * np.exp(-_distance(block, at) / 0.13)
            return np.asarray(shade)
        if quad.pattern == "wall":
            return np.asarray(1 - 0.18 * np.exp(-at[:, 2] / 0.25))
        return np.ones(len(at))

    def _texture(self, pattern: str, u: Floats, v: Floats) -> Floats:
        rough = 1 + 0.016 * self._noise(u, v, 0.05) + 0.02 * self._noise(u, v, 0.6)
        if pattern == "floor":
            return np.asarray(rough * self._floor(u, v) * self._sunlight(u, v))
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

    def _floor(self, u: Floats, v: Floats) -> Floats:
        kind = self.room.palette.floor_pattern
        if kind == 0:  # planks, each with its own tone
            row = np.floor(v / 0.14)
            plank = np.floor(u / 1.1 + 0.37 * row)
            joint = (v % 0.14 < 0.008) * 0.15
            return np.asarray(1 + 0.05 * np.sin(row * 12.9 + plank * 78.2) - joint)
        if kind == 1:  # tiles
            return np.asarray(1 - 0.13 * ((u % 0.4 < 0.014) | (v % 0.4 < 0.014)))
        return np.asarray(1 + 0.035 * self._noise(u, v, 0.025))

    def _sunlight(self, u: Floats, v: Floats) -> Floats:
        if not self.sunny:
            return np.ones(len(u))
        at = self.room.window.at + 1.3 * np.array(
            [np.cos(self.room.window.heading), np.sin(self.room.window.heading)]
        )
        near = np.maximum(abs(u - at[0]) - 0.5, abs(v - at[1]) - 0.55)
        return np.asarray(1 + 0.24 / (1 + np.exp(near / 0.05)))

    def _noise(self, u: Floats, v: Floats, size: float) -> Floats:
        column, row = (u / size).astype(int) % 64, (v / size).astype(int) % 64
        return np.asarray(self.grain[row, column], np.float64)


def _distance(block: Block, at: Floats) -> Floats:
    """Metres from each point to the footprint."""
    x = np.maximum(np.maximum(block.x1 - at[:, 0], at[:, 0] - block.x2), 0)
    y = np.maximum(np.maximum(block.y1 - at[:, 1], at[:, 1] - block.y2), 0)
    return np.asarray(np.hypot(x, y))


def _add_distractors(backdrop: Backdrop, room: Room) -> None:
    """A coat on a stand, a drip and a wheelchair's wheels: what a detector may take for people."""
    for shapes in furniture.distractors(room):
        sprite = paint.paint(shapes, room.camera)
        if sprite is None:
            continue
        front = sprite.depth < backdrop.depth[sprite.window]
        paint.lay(backdrop.picture, sprite, front)
        depth = backdrop.depth[sprite.window]
        np.minimum(depth, sprite.depth, out=depth)
