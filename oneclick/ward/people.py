"""The people of the ward: how they look, and what one of them does during one visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oneclick.ward.room import Colour, WardRoom

Floats = NDArray[np.float64]

POSTURES = ("standing", "walking", "sitting", "lying", "fallen")


@dataclass(frozen=True, eq=False, kw_only=True)
class Person:
    """The looks and gait of one person."""

    height: float
    """Metres."""
    girth: float
    """Factor on all thicknesses."""
    top: Colour
    legs: Colour
    skin: Colour
    hair: Colour
    gown: bool
    """A night gown down to the knees."""
    speed: float
    """Metres per second."""
    stoop: float
    """Lean of the trunk forward while on the feet, radians."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Action:
    """A part of one visit; `pose(t)` is in world metres, t in seconds of the recording."""

    start: float
    stop: float
    posture: str
    pose: Callable[[float], Floats]
    blend: float = 0.0
    """Seconds of transition from the pose before to this one."""
    blanket: float = 0.0
    """Share of the body that is covered: 0 nothing, 0.5 to the hips, 1 to the chest."""


@dataclass(eq=False)
class Visit:
    """One stay of a person in a room: ground truth gives each stay one track id."""

    person: Person
    actions: list[Action] = field(default_factory=list)

    def state_at(self, t: float) -> tuple[Floats, str, float] | None:
        """Return joints, posture and blanket at `t` seconds, or None while absent."""
        present = (k for k, action in enumerate(self.actions) if action.start <= t < action.stop)
        number = next(present, None)
        if number is None:
            return None
        action = self.actions[number]
        progress = (t - action.start) / action.blend if action.blend else 1.0
        if number == 0 or progress >= 1:
            return action.pose(t), action.posture, action.blanket
        before = self.actions[number - 1]
        # Falling speeds up; every other change eases in and out.
        falling = action.posture == "fallen"
        share = progress**2 if falling else progress * progress * (3 - 2 * progress)
        joints = (1 - share) * before.pose(action.start) + share * action.pose(t)
        leading = action if share > 0.5 else before
        return joints, leading.posture, leading.blanket if leading.blanket else 0.0


def resident(ward_room: WardRoom, rng: np.random.Generator, number: int) -> Person:
    """Draw an old person in the clothes of this room; `number` tells residents apart."""
    colours = ward_room.colours.residents
    top = colours[number % len(colours)]
    gown = bool(rng.random() < 0.35)
    legs = top if gown or rng.random() < 0.4 else colours[-1]
    hair: Colour = (70.0, 52.0, 40.0)
    if rng.random() < 0.8:
        grey = float(rng.uniform(150, 235))
        hair = (grey, grey, grey)
    return Person(
        height=float(rng.uniform(1.52, 1.76)),
        girth=float(rng.uniform(0.92, 1.22)),
        speed=float(rng.uniform(0.45, 0.8)),
        stoop=float(rng.uniform(0.08, 0.28)),
        top=top,
        legs=legs,
        skin=_skin(rng),
        hair=hair,
        gown=gown,
    )


def carer(ward_room: WardRoom, rng: np.random.Generator) -> Person:
    """Draw a carer at work: taller and faster than residents, in scrubs."""
    colours = ward_room.colours.carers
    top = colours[rng.integers(len(colours))]
    legs = top if rng.random() < 0.6 else (232.0, 234.0, 236.0)
    hair = ((34.0, 28.0, 26.0), (96.0, 62.0, 36.0), (170.0, 136.0, 84.0))[rng.integers(3)]
    return Person(
        height=float(rng.uniform(1.6, 1.88)),
        girth=float(rng.uniform(0.9, 1.1)),
        top=top,
        legs=legs,
        skin=_skin(rng),
        hair=hair,
        gown=False,
        speed=float(rng.uniform(0.85, 1.2)),
        stoop=0.04,
    )


def _skin(rng: np.random.Generator) -> Colour:
    light, dark = np.array([232.0, 190.0, 164.0]), np.array([112.0, 74.0, 54.0])
    red, green, blue = light + rng.random() ** 1.5 * (dark - light)
    return float(red), float(green), float(blue)
