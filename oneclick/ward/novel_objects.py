"""Objects that no room of the ward has: parcel, dog, walking frame and wheelchair."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from oneclick.ward import paint
from oneclick.ward.paint import CapsuleRow, Capsules
from oneclick.ward.room import Colour, Placement

COLOURS: tuple[Colour, ...] = (
    (238, 92, 16),
    (24, 190, 74),
    (226, 32, 150),
    (250, 216, 20),
    (22, 22, 26),
)
"""No floor, wall, fabric or garment of the ward comes near these."""


def draw_object(rng: np.random.Generator) -> Capsules:
    """Draw one of the objects in one of COLOURS, in its own frame: x forward, z up, metres."""
    colour = COLOURS[rng.integers(len(COLOURS))]
    make = (parcel, dog, walking_frame, wheelchair)[rng.integers(4)]
    return paint.capsules(make(colour))


def place_object(shapes: Capsules, placement: Placement) -> Capsules:
    """Turn an object from its own frame by the heading and move it to the position."""
    cos, sin = placement.ahead
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    ends = shapes.ends @ turn + [*placement.position, 0.0]
    return Capsules(ends, shapes.radii, shapes.colours)


def parcel(colour: Colour) -> list[CapsuleRow]:
    """Return the rods of a parcel of 0.6 x 0.5 x 0.5 m."""
    return [
        _rod((-0.3, y, z), (0.3, y, z), 0.09, colour)
        for z in (0.09, 0.25, 0.41)
        for y in (-0.17, 0.0, 0.17)
    ]


def dog(colour: Colour) -> list[CapsuleRow]:
    """Return the rods of a dog: legs, trunk, neck, snout and tail."""
    legs = [
        _rod((x, y, 0.03), (x, y, 0.36), 0.045, colour) for x in (-0.3, 0.3) for y in (-0.1, 0.1)
    ]
    return [
        *legs,
        _rod((-0.32, 0, 0.44), (0.32, 0, 0.47), 0.14, colour),
        _rod((0.36, 0, 0.52), (0.5, 0, 0.66), 0.1, colour),
        _rod((0.52, 0, 0.66), (0.66, 0, 0.62), 0.07, colour),
        _rod((-0.38, 0, 0.5), (-0.58, 0, 0.68), 0.03, colour),
    ]


def walking_frame(colour: Colour) -> list[CapsuleRow]:
    """Return the rods of a walking frame: four legs, two handles and a basket."""
    legs = [
        _rod((x, y, 0.03), (0.6 * x, y, 0.92), 0.04, colour)
        for x in (-0.3, 0.3)
        for y in (-0.28, 0.28)
    ]
    handles = [_rod((-0.2, y, 0.92), (0.2, y, 0.92), 0.045, colour) for y in (-0.28, 0.28)]
    basket = [_rod((0.22, -0.28, z), (0.22, 0.28, z), 0.08, colour) for z in (0.5, 0.62)]
    return [*legs, *handles, *basket]


def wheelchair(colour: Colour) -> list[CapsuleRow]:
    """Return the rods of a wheelchair: two wheels, a seat and a back rest."""
    turns = np.linspace(0, 2 * np.pi, 11)
    rim = [(0.3 * np.cos(t), 0.3 + 0.3 * np.sin(t)) for t in turns]
    wheels = [
        _rod((a[0], y, a[1]), (b[0], y, b[1]), 0.035, colour)
        for y in (-0.3, 0.3)
        for a, b in itertools.pairwise(rim)
    ]
    seat = [_rod((-0.15, y, 0.5), (0.28, y, 0.5), 0.08, colour) for y in (-0.18, 0.0, 0.18)]
    rest = [_rod((-0.22, y, 0.5), (-0.28, y, 0.98), 0.08, colour) for y in (-0.18, 0.0, 0.18)]
    return [*wheels, *seat, *rest]


def _rod(a: Sequence[float], b: Sequence[float], radius: float, colour: Colour) -> CapsuleRow:
    return np.array(a, float), np.array(b, float), radius, radius, colour
