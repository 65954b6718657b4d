"""The rooms: each camera looks into one of its own, with its own furniture, colours and view."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.ward.camera import Camera

Floats = NDArray[np.float64]
Colour = tuple[float, float, float]

BODY = 0.27
"""Clearance between the centre of a walking person and furniture, metres."""
REACH = 0.7
"""Distance from a door or window to a person standing in front of it, metres."""
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
class Footprint:
    """An axis-parallel rectangle of the floor that furniture occupies; metres."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def around(cls, point: Floats, along_x: float, along_y: float) -> Footprint:
        """Return a footprint of the given sides centred on a point, (2,) metres."""
        x, y = point
        return cls(x - along_x / 2, y - along_y / 2, x + along_x / 2, y + along_y / 2)

    def near(self, points: Floats, margin: float) -> NDArray[np.bool_]:
        """Return a mask of the (n, 2) points that lie inside or within `margin`."""
        x, y = points.T
        inside_x = (x > self.x1 - margin) & (x < self.x2 + margin)
        return np.asarray(inside_x & (y > self.y1 - margin) & (y < self.y2 + margin))

    def touches(self, other: Footprint, margin: float) -> bool:
        """Check whether two footprints come closer than `margin`."""
        apart_x = self.x1 - margin > other.x2 or self.x2 + margin < other.x1
        return not (apart_x or self.y1 - margin > other.y2 or self.y2 + margin < other.y1)


@dataclass(frozen=True, eq=False)
class Placement:
    """A position on the floor and the heading of what is there."""

    position: Floats
    """(2,) metres."""
    heading: float
    """Radians from the x axis."""

    @property
    def ahead(self) -> Floats:
        """Return the unit vector of the heading, (2,)."""
        return np.array([np.cos(self.heading), np.sin(self.heading)])

    @property
    def across(self) -> Floats:
        """Return the unit vector at right angles to the heading, to the left, (2,)."""
        return np.array([-np.sin(self.heading), np.cos(self.heading)])

    def in_front(self, distance: float) -> Floats:
        """Return the point `distance` metres ahead, (2,) metres."""
        return self.position + distance * self.ahead


@dataclass(frozen=True, kw_only=True)
class RoomColours:
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
    """0 planks, 1 tiles, 2 carpet."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> RoomColours:
        """Draw the colours of a room: one of each list, slightly tinted."""

        def tinted(colours: tuple[Colour, ...]) -> Colour:
            tint = rng.normal(0, 7, 3)
            red, green, blue = np.clip(
                np.array(colours[rng.integers(len(colours))]) + tint, 10, 245
            )
            return float(red), float(green), float(blue)

        return cls(
            floor=tinted(FLOORS),
            wall=tinted(WALLS),
            blanket=tinted(FABRICS),
            chair=tinted(FABRICS),
            curtain=tinted(FABRICS),
            coat=tinted(FABRICS),
            residents=tuple(tinted(RESIDENT_CLOTHES) for _ in range(3)),
            carers=tuple(tinted(CARER_CLOTHES) for _ in range(2)),
            floor_pattern=int(rng.integers(3)),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class WardRoom:
    """One room, generated from the name of its camera."""

    size: tuple[float, float]
    """Along x and y, metres; the camera hangs near the corner (0, 0)."""
    bed: Placement
    """Middle of the mattress; heading towards the pillow."""
    bedside: Placement
    """Standing position beside the bed; heading towards it."""
    chair: Placement
    chair_front: Placement
    door: Placement
    """Middle of the doorway; heading into the room."""
    window: Placement
    """Middle of the window's wall part; heading into the room."""
    hub: Floats
    """A free point from which every other place can be walked to."""
    coat: Floats
    wheelchair: Placement
    drip: Floats
    table: Footprint
    footprints: tuple[Footprint, ...]
    """Of all furniture."""
    colours: RoomColours
    camera: Camera

    def clear(self, start: Floats, stop: Floats) -> bool:
        """Check whether the straight way from one point to the other is free of furniture."""
        return _is_clear(self.footprints, start, stop)

    def route(self, start: Floats, stop: Floats) -> Floats:
        """Return the corners of a way around the furniture, (n, 2) metres."""
        between = [] if self.clear(start, stop) else [self.hub]
        return np.stack([start, *between, stop])

    def is_walkable(self) -> bool:
        """Check that furniture stands apart inside the room and the hub sees every place."""
        width, depth = self.size
        wall_distances = np.array(
            [[f.x1, f.y1, width - f.x2, depth - f.y2] for f in self.footprints]
        )
        pairs = itertools.combinations(self.footprints, 2)
        if wall_distances.min() < -1e-9 or any(a.touches(b, 0.05) for a, b in pairs):
            return False
        if np.abs(self.door.position - self.window.position).sum() < 1.3:
            return False
        goals = [self.bedside.position, self.chair_front.position]
        goals += [self.door.in_front(REACH), self.window.in_front(REACH)]
        return all(self.clear(self.hub, goal) for goal in goals)


def of_camera(name: str, width: int, height: int) -> WardRoom:
    """Return the room that the camera of this name looks into; equal names give equal rooms.

    Args:
        name: of the camera.
        width: of its picture, px.
        height: of its picture, px.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(10_000):
        candidate = draw_room(rng, width, height)
        if candidate.is_walkable():
            return candidate
    raise AssertionError("no room could be furnished: the constants of ward/room.py contradict")


def draw_room(rng: np.random.Generator, width: int, height: int) -> WardRoom:
    """Draw a random room with furniture and a camera; it need not be walkable."""
    size = (float(rng.uniform(4.3, 5.6)), float(rng.uniform(4.3, 5.6)))
    bed_wall, door_wall = rng.integers(2, size=2)
    along, across = (BED[0], BED[1]) if bed_wall == 0 else (BED[1], BED[0])
    bed = _at_wall(size, bed_wall, rng.uniform(1.4, size[1 - bed_wall] - 0.9), 1.06)
    side = bed.across * rng.choice([-1, 1])
    bedside = Placement(
        bed.position + side * (BED[1] / 2 + 0.42), float(np.arctan2(-side[1], -side[0]))
    )
    door = _at_wall(size, door_wall, rng.uniform(0.9, size[1 - door_wall] - 0.7), 0.0)
    window = _at_wall(size, 1 - door_wall, rng.uniform(1.0, size[door_wall] - 0.9), 0.0)
    head = bed.in_front(-0.8)
    table = Footprint.around(head - side * 0.78, 0.42, 0.42)
    drip = head + side * 0.66
    bed_footprint = Footprint.around(bed.position, along, across)
    footprints = [bed_footprint, Footprint.around(drip, 0.2, 0.2), table]
    goals = [bedside.position, door.in_front(REACH), window.in_front(REACH)]
    free_areas = [Footprint.around(goal, 2 * BODY, 2 * BODY) for goal in goals]
    chair = _squeeze_in(rng, size, footprints, free_areas, 0.6, 0.6)
    chair = Placement(chair.position, chair.heading + rng.uniform(-0.5, 0.5))
    chair_front = Placement(chair.in_front(0.75), chair.heading)
    free_areas.append(Footprint.around(chair_front.position, 2 * BODY, 2 * BODY))
    coat = _squeeze_in(rng, size, footprints, free_areas, 0.4, 0.3).position
    wheelchair = _squeeze_in(rng, size, footprints, free_areas, 0.6, 0.55)
    return WardRoom(
        size=size,
        bed=Placement(bed.position, bed.heading + np.pi),
        bedside=bedside,
        chair=chair,
        chair_front=chair_front,
        door=door,
        window=window,
        hub=choose_hub(rng, size, footprints, [*goals, chair_front.position]),
        coat=coat,
        wheelchair=wheelchair,
        drip=drip,
        table=table,
        footprints=tuple(footprints),
        colours=RoomColours.draw(rng),
        camera=hang_camera(rng, size, width, height),
    )


def choose_hub(
    rng: np.random.Generator,
    size: tuple[float, float],
    footprints: list[Footprint],
    goals: list[Floats],
) -> Floats:
    """Return a point, (2,) metres, with a clear way to all goals, if a few tries give one."""
    for _ in range(12):
        hub = np.array(size) * rng.uniform(0.25, 0.65, 2)
        if all(_is_clear(footprints, hub, goal) for goal in goals):
            break
    return hub


def hang_camera(
    rng: np.random.Generator, size: tuple[float, float], width: int, height: int
) -> Camera:
    """Draw a camera near the corner (0, 0) that looks down at the middle of the room."""
    position = np.array([rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9), rng.uniform(2.2, 2.75)])
    target = np.array([size[0] * rng.uniform(0.55, 0.68), size[1] * rng.uniform(0.55, 0.68), 0.75])
    return Camera.look_at(position, target, float(rng.uniform(70, 84)), width, height)


def _at_wall(size: tuple[float, float], wall: int, along: float, distance: float) -> Placement:
    """Return a place `distance` metres off the far wall across x (0) or y (1), facing inwards."""
    if wall == 0:
        return Placement(np.array([size[0] - distance, along]), np.pi)
    return Placement(np.array([along, size[1] - distance]), -np.pi / 2)


def _squeeze_in(
    rng: np.random.Generator,
    size: tuple[float, float],
    footprints: list[Footprint],
    free_areas: list[Footprint],
    side: float,
    distance: float,
) -> Placement:
    """Find a place by a far wall for a square piece and add its footprint to `footprints`.

    Where a few tries find no place clear of `footprints` and `free_areas`, it is the last one
    tried, and the room is not walkable.
    """
    for _ in range(30):
        wall = int(rng.integers(2))
        place = _at_wall(size, wall, rng.uniform(1.2, size[1 - wall] - 0.4), distance)
        footprint = Footprint.around(place.position, side, side)
        if not any(footprint.touches(other, 0.1) for other in [*footprints, *free_areas]):
            break
    footprints.append(footprint)
    return place


def _is_clear(footprints: Sequence[Footprint], start: Floats, stop: Floats) -> bool:
    steps = max(2, int(np.hypot(*(stop - start)) / 0.08))
    points = start + np.linspace(0, 1, steps)[:, None] * (stop - start)
    return not any(footprint.near(points, BODY).any() for footprint in footprints)
