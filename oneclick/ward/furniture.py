"""The contents of a room: flat faces for the rays, and round objects drawn like bodies."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.ward import paint
from oneclick.ward.paint import Capsules
from oneclick.ward.room import BED, DOOR, WALL_HEIGHT, Colour, Placement, WardRoom

Floats = NDArray[np.float64]

WHITE: Colour = (236, 238, 236)
WOOD: Colour = (150, 112, 76)
STEEL: Colour = (172, 176, 182)


@dataclass(frozen=True, eq=False, kw_only=True)
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


def _vector(x: float, y: float, z: float) -> Floats:
    return np.array([x, y, z], np.float64)


def _raised(xy: Floats, z: float) -> Floats:
    """Return a point or direction (2,) of the floor with the height `z`, (3,)."""
    return np.append(xy, z)


def shell(ward_room: WardRoom, sunny: bool) -> Iterator[Quad]:
    """Yield floor, walls, ceiling, doorway and window."""
    (width, depth), wall = ward_room.size, ward_room.colours.wall
    origin, x, y = _vector(0, 0, 0), _vector(width, 0, 0), _vector(0, depth, 0)
    up = _vector(0, 0, WALL_HEIGHT)
    floor = ward_room.colours.floor
    yield Quad(corner=origin, u=x, v=y, colour=floor, pattern="floor", shell=True)
    for corner, along in ((x, y), (y, x), (origin, y), (origin, x)):
        yield Quad(corner=corner, u=along, v=up, colour=wall, pattern="wall", shell=True)
    yield Quad(corner=up, u=x, v=y, colour=WHITE, shell=True)
    door, window = ward_room.door, ward_room.window
    yield _on_wall(door, DOOR[0], 0.0, DOOR[1], (126, 122, 116), "door")
    yield from _frame(door, DOOR[0], 0.0, DOOR[1], WOOD)
    sky: Colour = (246, 250, 255) if sunny else (206, 214, 224)
    yield _on_wall(window, 1.2, 0.95, 2.15, sky, "window")
    yield from _frame(window, 1.2, 0.95, 2.15, WHITE)


def _on_wall(
    place: Placement, width: float, low: float, high: float, colour: Colour, pattern: str
) -> Quad:
    """Return a flat rectangle one centimetre off the wall, centred on `place`."""
    along = np.abs(place.across)
    start = place.in_front(0.01) - along * width / 2
    return Quad(
        corner=_raised(start, low),
        u=_raised(along * width, 0),
        v=_vector(0, 0, high - low),
        colour=colour,
        pattern=pattern,
        shell=pattern == "door",
        glow=0.9 if pattern == "window" else 0.0,
    )


def _frame(
    place: Placement, width: float, low: float, high: float, colour: Colour
) -> Iterator[Quad]:
    """Yield the posts and the lintel around a door or window."""
    along = np.abs(place.across) * (width / 2 + 0.04)
    for side in (-1, 1):
        post = Placement(place.position + side * along + 0.01 * place.ahead, place.heading)
        yield _on_wall(post, 0.08, low, high + 0.08, colour, "plain")
    lintel = Placement(place.in_front(0.01), place.heading)
    yield _on_wall(lintel, width, high, high + 0.08, colour, "plain")


def box(
    position: Floats, heading: float, size: tuple[float, float, float], base: float, colour: Colour,
    top: Colour | None = None, pattern: str = "plain",
) -> Iterator[Quad]:  # fmt: skip
    """Yield the five visible faces of a box that stands on the floor or at height `base`.

    Args:
        position: of its middle, (2,) metres.
        heading: radians from the x axis.
        size: length along the heading, width and height, metres.
        base: height of the lower face, metres.
        colour: of the sides.
        top: colour of the upper face, default as the sides.
        pattern: of all faces.
    """
    cos, sin = np.cos(heading), np.sin(heading)
    u, v = _vector(cos, sin, 0) * size[0], _vector(-sin, cos, 0) * size[1]
    up = _vector(0, 0, size[2])
    corner = _vector(position[0], position[1], base) - (u + v) / 2
    yield Quad(corner=corner + up, u=u, v=v, colour=top or colour, pattern=pattern)
    for start, along in ((corner, u), (corner, v), (corner + u, v), (corner + v, u)):
        yield Quad(corner=start, u=along, v=up, colour=colour, pattern=pattern)


def pieces(ward_room: WardRoom) -> Iterator[Quad]:
    """Yield the faces of bed, chair, bedside table and wheelchair."""
    yield from bed(ward_room)
    yield from chair(ward_room.chair, ward_room.colours.chair)
    table = ward_room.table
    middle = np.array([table.x1 + table.x2, table.y1 + table.y2]) / 2
    yield from box(middle, 0, (0.4, 0.4, 0.6), 0, WOOD, (172, 136, 98))
    wheelchair, leather = ward_room.wheelchair, (52, 56, 66)
    heading = wheelchair.heading
    yield from box(wheelchair.position, heading, (0.42, 0.42, 0.06), 0.44, leather)
    yield from box(wheelchair.in_front(-0.2), heading, (0.05, 0.42, 0.5), 0.46, leather)


def bed(ward_room: WardRoom) -> Iterator[Quad]:
    """Yield the faces of frame, mattress, blanket, head and foot boards, and pillow."""
    place, (length, width, height) = ward_room.bed, BED
    middle, heading = place.position, place.heading
    yield from box(middle, heading, (length, width, 0.16), 0.18, STEEL)
    yield from box(middle, heading, (length, width, 0.18), height - 0.18, WHITE, None, "cloth")
    size, blanket = (length - 0.7, width + 0.04, 0.24), ward_room.colours.blanket
    yield from box(place.in_front(-0.34), heading, size, height - 0.22, blanket, None, "cloth")
    for side, board_height in ((1, 0.95), (-1, 0.72)):
        board = middle + side * (length / 2 + 0.02) * place.ahead
        yield from box(board, heading, (0.05, width, board_height), 0, WOOD)
    yield from box(place.in_front(0.74), heading, (0.36, 0.62, 0.1), height, (248, 248, 250))


def chair(place: Placement, colour: Colour) -> Iterator[Quad]:
    """Yield the faces of an armchair: seat, back and two arm rests."""
    dark: Colour = (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7)
    heading = place.heading
    yield from box(place.position, heading, (0.52, 0.54, 0.3), 0.14, dark, colour, "cloth")
    yield from box(place.in_front(-0.27), heading, (0.1, 0.6, 0.92), 0.1, colour)
    for side in (-1, 1):
        arm_rest = place.position + side * 0.31 * place.across
        yield from box(arm_rest, heading, (0.5, 0.07, 0.56), 0.08, dark, colour)


def distractors(ward_room: WardRoom) -> tuple[Capsules, ...]:
    """Return the round objects that a poor detector may take for people."""
    wheels = wheelchair_wheels(ward_room.wheelchair)
    return coat_stand(ward_room.coat, ward_room.colours.coat), drip(ward_room.drip), wheels


def coat_stand(position: Floats, colour: Colour) -> Capsules:
    """Return a coat on a stand, with a hat, at (2,) metres."""
    x, y = position
    dark: Colour = (colour[0] * 0.8, colour[1] * 0.8, colour[2] * 0.8)
    return paint.capsules(
        [
            (_vector(x, y, 0.02), _vector(x, y, 1.75), 0.025, 0.02, WOOD),
            (_vector(x - 0.2, y, 0.02), _vector(x + 0.2, y, 0.02), 0.03, 0.03, WOOD),
            (_vector(x, y, 1.42), _vector(x, y, 0.8), 0.13, 0.2, colour),
            (_vector(x + 0.08, y - 0.08, 1.45), _vector(x + 0.2, y - 0.2, 0.95), 0.07, 0.06, dark),
            (_vector(x - 0.08, y + 0.08, 1.45), _vector(x - 0.2, y + 0.2, 0.95), 0.07, 0.06, dark),
            (_vector(x, y, 1.72), _vector(x, y, 1.76), 0.12, 0.07, (78, 66, 58)),
        ]
    )


def drip(position: Floats) -> Capsules:
    """Return a drip stand with its bag at (2,) metres."""
    x, y = position
    return paint.capsules(
        [
            (_vector(x, y, 0.05), _vector(x, y, 1.8), 0.018, 0.014, STEEL),
            (_vector(x - 0.16, y, 0.04), _vector(x + 0.16, y, 0.04), 0.025, 0.025, STEEL),
            (_vector(x, y - 0.16, 0.04), _vector(x, y + 0.16, 0.04), 0.025, 0.025, STEEL),
            (_vector(x + 0.09, y, 1.72), _vector(x + 0.09, y, 1.52), 0.05, 0.06, (220, 230, 236)),
        ]
    )


def wheelchair_wheels(place: Placement) -> Capsules:
    """Return the two large wheels of a wheelchair."""
    ahead, across = place.ahead, place.across
    turns = np.linspace(0, 2 * np.pi, 13)
    rows: list[paint.CapsuleRow] = []
    for side in (-1, 1):
        hub = _raised(place.position + side * 0.25 * across, 0.3)
        rim = [hub + 0.28 * _raised(np.cos(t) * ahead, np.sin(t)) for t in turns]
        rows += [(a, b, 0.018, 0.018, (60, 62, 66)) for a, b in itertools.pairwise(rim)]
    return paint.capsules(rows)
