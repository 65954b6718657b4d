"""The rooms: each camera looks into one of its own, with its own furniture, colours and view."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.ward.camera import Camera

Floats = NDArray[np.float64]
Colour = tuple[float, float, float]

BODY = 0.27
"""Metres a walker keeps between its centre and furniture."""
REACH = 0.7
"""Metres from a door or window to who stands before it."""
BED = (2.0, 0.95, 0.52)
"""Length, width and height of the mattress, metres."""
DOOR = (0.95, 2.05)
WALL_HEIGHT = 2.9

FLOORS: tuple[Colour, ...] = ((176, 142, 104), (150, 156, 160), (192, 178, 152), (128, 134, 128))
WALLS: tuple[Colour, ...] = ((222, 216, 202), (204, 214, 216), (214, 206, 188), (196, 206, 190))
FABRICS: tuple[Colour, ...] = ((92, 118, 160), (150, 84, 78), (96, 132, 104), (158, 140, 92))
RESIDENT_CLOTHES: tuple[Colour, ...] = (
    (168, 186, 208),
    (206, 192, 176),
    (150, 108, 120),
    (104, 122, 96),
    (196, 200, 206),
    (96, 92, 120),
)
CARER_CLOTHES: tuple[Colour, ...] = (
    (44, 128, 136),
    (46, 64, 122),
    (226, 230, 232),
    (122, 78, 140),
    (60, 122, 74),
    (170, 54, 66),
)


@dataclass(frozen=True)
class Block:
    """A footprint on the floor that nobody walks through; metres."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def around(cls, point: Floats, along_x: float, along_y: float) -> Block:
        """A block of the given sides around a point."""
        x, y = point
        return cls(x - along_x / 2, y - along_y / 2, x + along_x / 2, y + along_y / 2)

    def near(self, points: Floats, margin: float) -> NDArray[np.bool_]:
        """Which of (n, 2) points lie inside or within `margin`."""
        x, y = points.T
        inside_x = (x > self.x1 - margin) & (x < self.x2 + margin)
        return np.asarray(inside_x & (y > self.y1 - margin) & (y < self.y2 + margin))

    def touches(self, other: Block, margin: float) -> bool:
        """Whether two blocks come closer than `margin`."""
        apart_x = self.x1 - margin > other.x2 or self.x2 + margin < other.x1
        return not (apart_x or self.y1 - margin > other.y2 or self.y2 + margin < other.y1)


@dataclass(frozen=True, eq=False)
class Place:
    """A point on the floor and the way somebody there faces."""

    at: Floats
    """(2,) metres."""
    heading: float
    """Radians from the x axis."""


@dataclass(frozen=True)
class Palette:
    """The colours of one room, RGB 0 … 255."""

    floor: Colour
    wall: Colour
    blanket: Colour
    chair: Colour
    curtain: Colour
    coat: Colour
    residents: tuple[Colour, ...]
    carers: tuple[Colour, ...]
    floor_pattern: int


@dataclass(frozen=True, eq=False)
class Room:
    """One room, drawn from the name of its camera."""

    size: tuple[float, float]
    """Along x and y; the camera hangs near the corner (0, 0)."""
    bed: Place
    """Middle of the mattress; heading towards the pillow."""
    bedside: Place
    """Where one stands beside the bed, facing it."""
    chair: Place
    chair_front: Place
    door: Place
    """Middle of the doorway; heading into the room."""
    window: Place
    """Middle of the window's wall part; heading into the room."""
    hub: Floats
    """A free point from which every other place can be walked to."""
    coat: Floats
    wheelchair: Place
    drip: Floats
    table: Block
    blocks: tuple[Block, ...]
    palette: Palette
    camera: Camera

    def clear(self, start: Floats, stop: Floats) -> bool:
        """Whether one can walk straight from one point to the other."""
        return _clear(self.blocks, start, stop)

    def route(self, start: Floats, stop: Floats) -> Floats:
        """(n, 2) corners of a way around the furniture."""
        between = [] if self.clear(start, stop) else [self.hub]
        return np.stack([start, *between, stop])


def of_camera(name: str, width: int, height: int) -> Room:
    """The room that the camera of this name looks into; the same name, the same room."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(10_000):
        room = _draw(rng, width, height)
        if _walkable(room):
            return room
    raise AssertionError("no room could be furnished: the constants of ward/room.py contradict")


def _draw(rng: np.random.Generator, width: int, height: int) -> Room:
    size = (float(rng.uniform(4.3, 5.6)), float(rng.uniform(4.3, 5.6)))
    bed_wall, door_wall = rng.integers(2, size=2)
    along, across = (BED[0], BED[1]) if bed_wall == 0 else (BED[1], BED[0])
    bed = _at_wall(size, bed_wall, rng.uniform(1.4, size[1 - bed_wall] - 0.9), 1.06)
    bed_block = Block.around(bed.at, along, across)
    side = _across(bed.heading) * rng.choice([-1, 1])
    bedside = Place(bed.at + side * (BED[1] / 2 + 0.42), _angle(-side))
    door = _at_wall(size, door_wall, rng.uniform(0.9, size[1 - door_wall] - 0.7), 0.0)
    window = _at_wall(size, 1 - door_wall, rng.uniform(1.0, size[door_wall] - 0.9), 0.0)
    head = bed.at - _towards(bed.heading) * 0.8
    table = Block.around(head - side * 0.78, 0.42, 0.42)
    drip = head + side * 0.66
    blocks = [bed_block, Block.around(drip, 0.2, 0.2), table]
    goals = [bedside.at, _before(door), _before(window)]
    free = [Block.around(goal, 2 * BODY, 2 * BODY) for goal in goals]
    chair = _squeezed_in(rng, size, blocks, free, 0.6, 0.6)
    chair = Place(chair.at, chair.heading + rng.uniform(-0.5, 0.5))
    front = Place(chair.at + _towards(chair.heading) * 0.75, chair.heading)
    free.append(Block.around(front.at, 2 * BODY, 2 * BODY))
    coat = _squeezed_in(rng, size, blocks, free, 0.4, 0.3).at
    wheels = _squeezed_in(rng, size, blocks, free, 0.6, 0.55)
    return Room(
        size,
        Place(bed.at, bed.heading + np.pi),
        bedside,
        chair,
        front,
        door,
        window,
        _hub(rng, size, blocks, [*goals, front.at]),
        coat,
        wheels,
        drip,
        table,
        tuple(blocks),
        _palette(rng),
        _camera(rng, size, width, height),
    )


def _at_wall(size: tuple[float, float], wall: int, along: float, out: float) -> Place:
    """A place `out` metres before the far wall across x (0) or y (1), facing into the room."""
    if wall == 0:
        return Place(np.array([size[0] - out, along]), np.pi)
    return Place(np.array([along, size[1] - out]), -np.pi / 2)


def _squeezed_in(
    rng: np.random.Generator,
    size: tuple[float, float],
    blocks: list[Block],
    free: list[Block],
    side: float,
    out: float,
) -> Place:
    """A place by a far wall that leaves `blocks`, to which it is added, and `free` alone."""
    for _ in range(30):
        wall = int(rng.integers(2))
        place = _at_wall(size, wall, rng.uniform(1.2, size[1 - wall] - 0.4), out)
        block = Block.around(place.at, side, side)
        if not any(block.touches(other, 0.1) for other in [*blocks, *free]):
            break
    blocks.append(block)
    return place


def _hub(
    rng: np.random.Generator, size: tuple[float, float], blocks: list[Block], goals: list[Floats]
) -> Floats:
    """A point that sees all goals, if a few tries find one."""
    for _ in range(12):
        hub = np.array(size) * rng.uniform(0.25, 0.65, 2)
        if all(_clear(blocks, hub, goal) for goal in goals):
            break
    return hub


def _clear(blocks: Sequence[Block], start: Floats, stop: Floats) -> bool:
    steps = max(2, int(np.hypot(*(stop - start)) / 0.08))
    points = start + np.linspace(0, 1, steps)[:, None] * (stop - start)
    return not any(block.near(points, BODY).any() for block in blocks)


def _before(place: Place) -> Floats:
    """Where one stands before a door or window."""
    return place.at + REACH * _towards(place.heading)


def _towards(heading: float) -> Floats:
    return np.array([np.cos(heading), np.sin(heading)])


def _across(heading: float) -> Floats:
    return np.array([-np.sin(heading), np.cos(heading)])


def _angle(direction: Floats) -> float:
    return float(np.arctan2(direction[1], direction[0]))


def _walkable(room: Room) -> bool:
    """Whether the furniture stands apart and inside, and the hub sees every place."""
    inside = np.array([[b.x1, b.y1, room.size[0] - b.x2, room.size[1] - b.y2] for b in room.blocks])
    if inside.min() < -1e-9 or _crowded(room):
        return False
    if np.abs(room.door.at - room.window.at).sum() < 1.3:
        return False
    places = [room.bedside.at, room.chair_front.at, _before(room.door), _before(room.window)]
    return all(room.clear(room.hub, place) for place in places)


def _crowded(room: Room) -> bool:
    blocks = room.blocks
    pairs = ((a, b) for i, a in enumerate(blocks) for b in blocks[i + 1 :])
    return any(a.touches(b, 0.05) for a, b in pairs)


def _palette(rng: np.random.Generator) -> Palette:
    def some(colours: tuple[Colour, ...]) -> Colour:
        tint = rng.normal(0, 7, 3)
        chosen = np.clip(np.array(colours[rng.integers(len(colours))]) + tint, 10, 245)
        return float(chosen[0]), float(chosen[1]), float(chosen[2])

    return Palette(
        some(FLOORS),
        some(WALLS),
        some(FABRICS),
        some(FABRICS),
        some(FABRICS),
        some(FABRICS),
        tuple(some(RESIDENT_CLOTHES) for _ in range(3)),
        tuple(some(CARER_CLOTHES) for _ in range(2)),
        int(rng.integers(3)),
    )


def _camera(rng: np.random.Generator, size: tuple[float, float], width: int, height: int) -> Camera:
    position = np.array([rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9), rng.uniform(2.2, 2.75)])
    target = np.array([size[0] * rng.uniform(0.55, 0.68), size[1] * rng.uniform(0.55, 0.68), 0.75])
    return Camera.looking(position, target, float(rng.uniform(70, 84)), width, height)
