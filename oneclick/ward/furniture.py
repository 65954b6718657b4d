"""What stands in a room: flat faces for the rays, and round things drawn like bodies."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.ward import paint
from oneclick.ward.paint import Capsules
from oneclick.ward.room import BED, DOOR, WALL_HEIGHT, Colour, Place, Room

Floats = NDArray[np.float64]

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


def _vec(x: float, y: float, z: float) -> Floats:
    return np.array([x, y, z], np.float64)


def _flat(xy: Floats, z: float) -> Floats:
    """A point or direction (2,) of the floor, with its height."""
    return np.append(xy, z)


def distractors(room: Room) -> tuple[Capsules, ...]:
    """A coat on a stand, a drip and the wheels of a wheelchair: somebody, for a poor detector."""
    return _coat(room), _drip(room), _wheels(room)


def shell(room: Room, sunny: bool) -> Iterator[Quad]:
    """Floor, walls, ceiling, doorway and window."""
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
    u, v = _flat(along * width, 0), _vec(0, 0, high - low)
    return Quad(_flat(start, low), u, v, colour, pattern, pattern == "door", glow)


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


def pieces(room: Room) -> Iterator[Quad]:
    """The furniture that people use."""
    yield from _bed(room)
    yield from _chair(room.chair, room.palette.chair)
    table = room.table
    middle = np.array([table.x1 + table.x2, table.y1 + table.y2]) / 2
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


def _coat(room: Room) -> Capsules:
    x, y = room.coat
    coat = room.palette.coat
    dark: Colour = (coat[0] * 0.8, coat[1] * 0.8, coat[2] * 0.8)
    return paint.capsules(
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
    return paint.capsules(
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
    turns = np.linspace(0, 2 * np.pi, 13)
    rows: list[paint.Row] = []
    for side in (-1, 1):
        hub = _flat(place.at + side * 0.25 * across, 0.3)
        rim = [hub + 0.28 * _flat(np.cos(t) * ahead, np.sin(t)) for t in turns]
        rows += [(a, b, 0.018, 0.018, (60, 62, 66)) for a, b in itertools.pairwise(rim)]
    return paint.capsules(rows)
