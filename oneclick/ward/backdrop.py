"""The still part of a picture: room and furniture, rendered once per recording by casting rays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward import paint
from oneclick.ward.camera import Camera
from oneclick.ward.paint import Capsules, Picture
from oneclick.ward.room import BED, DOOR, WALL_HEIGHT, Block, Colour, Place, Room

Floats = NDArray[np.float64]

FINE = 2
SUN = np.array([-0.35, -0.5, 0.8])
WHITE: Colour = (236, 238, 236)
WOOD: Colour = (150, 112, 76)
STEEL: Colour = (172, 176, 182)


@dataclass(frozen=True, eq=False)
class Quad:
    """A rectangle in space with a corner and two edges at right angles; metres."""

    corner: Floats
    u: Floats
    v: Floats
    colour: Colour
    pattern: str = "plain"
    shell: bool = False
    """Part of the room itself, which cuts off people behind it like the picture's edge."""
    glow: float = 0.0
    """0 lit by the room … 1 as bright by itself as its colour."""


@dataclass(frozen=True, eq=False)
class Backdrop:
    """What the camera sees of an empty room."""

    picture: Picture
    """(height, width, 3) RGB 0 … 255."""
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
    quads = [*_shell(room, sunny), *_furniture(room)]
    for number, quad in enumerate(quads):
        scene.add(number, quad)
    picture = cv2.resize(
        scene.colour, (room.camera.width, room.camera.height), interpolation=cv2.INTER_AREA
    )
    depth, which = scene.depth[::FINE, ::FINE].copy(), scene.which[::FINE, ::FINE]
    kinds = np.array([q.pattern for q in quads] + ["none"])[which]
    backdrop = Backdrop(
        np.asarray(picture, np.float32),
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
        normal = np.cross(quad.u, quad.v)
        normal /= np.linalg.norm(normal)
        across, up = a * np.linalg.norm(quad.u), b * np.linalg.norm(quad.v)
        lit = 0.70 + 0.30 * abs(normal @ SUN) / np.linalg.norm(SUN)
        lamp = at - [self.room.size[0] / 2, self.room.size[1] / 2, WALL_HEIGHT]
        light = lit * 1.12 / (1 + 0.035 * (lamp**2).sum(1)) * self._contact(quad, at)
        light = (1 - quad.glow) * light + quad.glow
        texture = self._texture(quad.pattern, across, up, quad)
        return np.asarray(quad.colour) * (light * texture)[:, None]

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

    def _texture(self, pattern: str, u: Floats, v: Floats, quad: Quad) -> Floats:
        rough = 1 + 0.016 * self._noise(u, v, 0.05) + 0.02 * self._noise(u, v, 0.6)
        if pattern == "floor":
            return np.asarray(rough * self._floor(u, v) * self._sunlight(u, v))
        if pattern == "wall":
            return np.asarray(rough * np.where(v < 1.0, 0.90, 1.0) * (1 - 0.2 * (abs(v - 1) < 0.02)))
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


def _vec(x: float, y: float, z: float) -> Floats:
    return np.array([x, y, z], np.float64)


def _shell(room: Room, sunny: bool) -> Iterator[Quad]:
    (width, depth), high, wall = room.size, WALL_HEIGHT, room.palette.wall
    x, y, up = _vec(width, 0, 0), _vec(0, depth, 0), _vec(0, 0, high)
    yield Quad(_vec(0, 0, 0), x, y, room.palette.floor, "floor", True)
    for corner, along in ((x, y), (y, x), (_vec(0, 0, 0), y), (_vec(0, 0, 0), x)):
        yield Quad(corner, along, up, wall, "wall", True)
    yield Quad(up, x, y, WHITE, "plain", True)
    yield _on_wall(room.door, DOOR[0], 0.0, DOOR[1], (126, 122, 116), "door")
    yield from _frame(room.door, DOOR[0], 0.0, DOOR[1], WOOD)
    sky: Colour = (246, 250, 255) if sunny else (206, 214, 224)
    yield _on_wall(room.window, 1.2, 0.95, 2.15, sky, "window")
    yield from _frame(room.window, 1.2, 0.95, 2.15, WHITE)


def _on_wall(
    place: Place, width: float, low: float, high: float, colour: Colour, pattern: str
) -> Quad:
    """A flat rectangle a centimetre before the wall, centred on `place`."""
    out = np.array([np.cos(place.heading), np.sin(place.heading)])
    along = np.abs(np.array([-out[1], out[0]]))
    start = place.at + 0.01 * out - along * width / 2
    glow = 0.9 if pattern == "window" else 0.0
    u, v = _vec(*(along * width), 0), _vec(0, 0, high - low)
    return Quad(_vec(*start, low), u, v, colour, pattern, pattern == "door", glow)


def _frame(place: Place, width: float, low: float, high: float, colour: Colour) -> Iterator[Quad]:
    out = np.array([np.cos(place.heading), np.sin(place.heading)])
    along = np.abs(np.array([-out[1], out[0]])) * (width / 2 + 0.04)
    for side in (-1, 1):
        post = Place(place.at + side * along + 0.01 * out, place.heading)
        yield _on_wall(post, 0.08, low, high + 0.08, colour, "plain")
    top = Place(place.at + 0.01 * out, place.heading)
    yield _on_wall(top, width, high, high + 0.08, colour, "plain")


def box(
    at: Floats, heading: float, size: tuple[float, float, float], base: float, colour: Colour,
    top: Colour | None = None, pattern: str = "plain",
) -> Iterator[Quad]:  # fmt: skip
    """Five faces of a box of (length along heading, width, height), centred on `at`."""
    cos, sin = np.cos(heading), np.sin(heading)
    u, v = _vec(cos, sin, 0) * size[0], _vec(-sin, cos, 0) * size[1]
    up = _vec(0, 0, size[2])
    corner = _vec(at[0], at[1], base) - (u + v) / 2
    yield Quad(corner + up, u, v, top or colour, pattern)
    for start, along in ((corner, u), (corner, v), (corner + u, v), (corner + v, u)):
        yield Quad(start, along, up, colour, pattern)


def _furniture(room: Room) -> Iterator[Quad]:
    yield from _bed(room)
    yield from _chair(room.chair, room.palette.chair)
    table, middle = room.table, np.array([0.0, 0.0])
    middle[:] = (table.x1 + table.x2) / 2, (table.y1 + table.y2) / 2
    yield from box(middle, 0, (0.4, 0.4, 0.6), 0, WOOD, (172, 136, 98))
    wheels = room.wheelchair
    yield from box(wheels.at, wheels.heading, (0.42, 0.42, 0.06), 0.44, (52, 56, 66))
    back = wheels.at - 0.2 * np.array([np.cos(wheels.heading), np.sin(wheels.heading)])
    yield from box(back, wheels.heading, (0.05, 0.42, 0.5), 0.46, (52, 56, 66))


def _bed(room: Room) -> Iterator[Quad]:
    bed, (length, width, height) = room.bed, BED
    ahead = np.array([np.cos(bed.heading), np.sin(bed.heading)])
    yield from box(bed.at, bed.heading, (length, width, 0.16), 0.18, STEEL)
    yield from box(bed.at, bed.heading, (length, width, 0.18), height - 0.18, WHITE, None, "cloth")
    cover = bed.at - 0.34 * ahead
    size = (length - 0.7, width + 0.04, 0.24)
    yield from box(cover, bed.heading, size, height - 0.22, room.palette.blanket, None, "cloth")
    for side, tall in ((1, 0.95), (-1, 0.72)):
        board = bed.at + side * (length / 2 + 0.02) * ahead
        yield from box(board, bed.heading, (0.05, width, tall), 0, WOOD)
    yield from box(bed.at + 0.74 * ahead, bed.heading, (0.36, 0.62, 0.1), height, (248, 248, 250))


def _chair(chair: Place, colour: Colour) -> Iterator[Quad]:
    ahead = np.array([np.cos(chair.heading), np.sin(chair.heading)])
    across = np.array([-ahead[1], ahead[0]])
    dark: Colour = (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7)
    yield from box(chair.at, chair.heading, (0.52, 0.54, 0.3), 0.14, dark, colour, "cloth")
    yield from box(chair.at - 0.27 * ahead, chair.heading, (0.1, 0.6, 0.92), 0.1, colour)
    for side in (-1, 1):
        arm = chair.at + side * 0.31 * across
        yield from box(arm, chair.heading, (0.5, 0.07, 0.56), 0.08, dark, colour)


def _add_distractors(backdrop: Backdrop, room: Room) -> None:
    """A coat on a stand, a drip and a wheelchair's wheels: what a detector may take for people."""
    for shapes in (_coat(room), _drip(room), _wheels(room)):
        sprite = paint.paint(shapes, room.camera)
        if sprite is None:
            continue
        front = sprite.depth < backdrop.depth[sprite.window]
        paint.lay(backdrop.picture, sprite, np.asarray(sprite.cover * front, np.float32))
        depth = backdrop.depth[sprite.window]
        np.minimum(depth, sprite.depth, out=depth)


def capsules(rows: list[tuple[Floats, Floats, float, float, Colour]]) -> Capsules:
    """Rows of two ends, their radii and a colour as columns."""
    ends = np.array([[a, b] for a, b, *_ in rows], np.float64)
    radii = np.array([[ra, rb] for _, _, ra, rb, _ in rows], np.float64)
    return Capsules(ends, radii, np.array([colour for *_, colour in rows], np.float64))


def _coat(room: Room) -> Capsules:
    x, y = room.coat
    coat = room.palette.coat
    dark: Colour = (coat[0] * 0.8, coat[1] * 0.8, coat[2] * 0.8)
    return capsules(
        [
            (_vec(x, y, 0.02), _vec(x, y, 1.75), 0.025, 0.02, WOOD),
            (_vec(x - 0.2, y, 0.02), _vec(x + 0.2, y, 0.02), 0.03, 0.03, WOOD),
            (_vec(x, y, 1.42), _vec(x, y, 0.8), 0.13, 0.2, coat),
            (_vec(x + 0.08, y - 0.08, 1.45), _vec(x + 0.2, y - 0.2, 0.95), 0.07, 0.06, dark),
            (_vec(x - 0.08, y + 0.08, 1.45), _vec(x - 0.2, y + 0.2, 0.95), 0.07, 0.06, dark),
            (_vec(x, y, 1.72), _vec(x, y, 1.76), 0.12, 0.07, (78, 66, 58)),
        ]
    )


def _drip(room: Room) -> Capsules:
    x, y = room.drip
    return capsules(
        [
            (_vec(x, y, 0.05), _vec(x, y, 1.8), 0.018, 0.014, STEEL),
            (_vec(x - 0.16, y, 0.04), _vec(x + 0.16, y, 0.04), 0.025, 0.025, STEEL),
            (_vec(x, y - 0.16, 0.04), _vec(x, y + 0.16, 0.04), 0.025, 0.025, STEEL),
            (_vec(x + 0.09, y, 1.72), _vec(x + 0.09, y, 1.52), 0.05, 0.06, (220, 230, 236)),
        ]
    )


def _wheels(room: Room) -> Capsules:
    place = room.wheelchair
    ahead = np.array([np.cos(place.heading), np.sin(place.heading)])
    across = np.array([-ahead[1], ahead[0]])
    rows: list[tuple[Floats, Floats, float, float, Colour]] = []
    turns = np.linspace(0, 2 * np.pi, 13)
    for side in (-1, 1):
        hub = _vec(*(place.at + side * 0.25 * across), 0.3)
        rim = [hub + 0.28 * (np.cos(t) * _vec(*ahead, 0) + np.sin(t) * _vec(0, 0, 1)) for t in turns]
        rows += [
            (a, b, 0.018, 0.018, (60, 62, 66)) for a, b in zip(rim[:-1], rim[1:], strict=True)
        ]
    return capsules(rows)
