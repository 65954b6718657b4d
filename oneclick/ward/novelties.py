"""Shifts with something in them that the camera never saw before, and the truth about where.

    ordinary = novelties.ordinary(shift)            nobody ever falls
    planted = novelties.frames(shift, [Novelty("object", Span(20, 60))])

Outside the Spans a planted shift equals the ordinary one to the last byte. A fallen person lies
where the room leaves space, an object is of a shape and a colour that no room has, and a cover
(cloth or hand) hides most of the lens.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.spans import Span
from oneclick.ward import paint, people, scripts
from oneclick.ward.paint import Capsules, Frame, Picture
from oneclick.ward.people import Action, Visit
from oneclick.ward.record import Shift, studio_of
from oneclick.ward.render import Seen, Studio, Thing
from oneclick.ward.room import Colour, Room

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = list[paint.Row]

KINDS = ("fallen", "object", "covered")
COLOURS: tuple[Colour, ...] = (
    (238, 92, 16),
    (24, 190, 74),
    (226, 32, 150),
    (250, 216, 20),
    (22, 22, 26),
)
"""Of objects: no floor, wall, fabric or garment of the ward comes near."""
MARGIN = 0.08
"""A novelty stands at least this far from the picture's edge, share of its sides."""
COVERED = (0.72, 0.98)
"""Share of the picture that a cover hides."""


@dataclass(frozen=True)
class Novelty:
    """One thing that was never there.

    Raises:
        ValueError: for a kind that is not in KINDS.
    """

    kind: str
    span: Span
    """Frames of the shift that may show it."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none of {', '.join(KINDS)}")


@dataclass(frozen=True, eq=False)
class Planted:
    """One frame and the truth about it."""

    picture: Frame
    """(height, width, 3) RGB."""
    seen: list[Seen]
    """Who is in it; who lies under a cover too."""
    mask: Mask
    """(height, width) pixels that show a novelty."""


def ordinary(shift: Shift) -> Iterator[tuple[Frame, list[Seen]]]:
    """The frames of a shift in which nobody falls, as `ward.frames` gives them."""
    return studio_of(shift, falls=False).frames(shift.frames)


def frames(shift: Shift, novelties: Sequence[Novelty]) -> Iterator[Planted]:
    """The frames of `ordinary` with novelties planted in them; equal calls give equal frames.

    Raises:
        ValueError: if a Span ends after the shift.
    """
    late = [one for one in novelties if one.span.stop > shift.frames]
    if late:
        raise ValueError(f"{late[0]} ends after the {shift.frames} frames of the shift")
    studio = studio_of(shift, falls=False)
    rng = np.random.default_rng([shift.seed, zlib.crc32(shift.name.encode()), shift.night, 1])
    covers = [_plant(studio, one, rng) for one in novelties]
    people_before = len(studio.visits) - sum(one.kind == "fallen" for one in novelties)
    for number in range(shift.frames):
        picture, seen, shapes = studio.look(number / shift.fps)
        mask = np.zeros(picture.shape[:2], np.bool_)
        for shape in (shape for who, shape in shapes.items() if who >= people_before):
            mask[shape.window] |= shape.visible
        for one, cover in zip(novelties, covers, strict=True):
            if cover is not None and number in one.span:
                picture = cover.over(picture, number / shift.fps)
                mask |= cover.hides > 0.5
        yield Planted(picture, seen, mask)


def _plant(studio: Studio, novelty: Novelty, rng: np.random.Generator) -> _Cover | None:
    """Put a body or a thing into the studio, or make the cover that goes over its pictures."""
    # A quarter of a frame earlier: frame numbers over the rate are not exact.
    start, stop = ((at - 0.25) / studio.fps for at in (novelty.span.start, novelty.span.stop))
    if novelty.kind == "fallen":
        studio.visits.append(_fallen(studio.room, start, stop, rng))
    elif novelty.kind == "object":
        studio.things.append(Thing(_object(studio.room, rng), start, stop))
    else:
        return _Cover.draw(studio, rng)
    return None


def _fallen(room: Room, start: float, stop: float, rng: np.random.Generator) -> Visit:
    """Somebody of this room who lies on its floor."""
    person = people.resident(room, rng, int(rng.integers(3)))
    spot, heading = _floor(room, 0.75, rng)
    curl, beat = rng.uniform(0.2, 0.9), rng.uniform(0.6, 1.6)
    pose = scripts.on_the_floor(person, spot, heading, curl, beat)
    return Visit(person, [Action(start, stop, "fallen", pose)])


def _floor(room: Room, reach: float, rng: np.random.Generator) -> tuple[Floats, float]:
    """A spot and a heading with `reach` metres of free floor before and behind, in the picture."""
    for _ in range(500):
        spot = rng.uniform([0.6, 0.6], np.array(room.size) - 0.4)
        heading = float(rng.uniform(0, 2 * np.pi))
        along = reach * np.array([np.cos(heading), np.sin(heading)])
        if room.clear(spot - along, spot + along) and _in_picture(room, spot, along):
            break
    return spot, heading


def _in_picture(room: Room, spot: Floats, along: Floats) -> bool:
    ends = np.array([[*(spot - along), 0.0], [*(spot + along), 0.0], [*spot, 0.5]])
    points, _ = room.camera.project(ends)
    share = points / [room.camera.width, room.camera.height]
    return bool((share > MARGIN).all() and (share < 1 - MARGIN).all())


def _object(room: Room, rng: np.random.Generator) -> Capsules:
    """A box, a dog, a walking frame or a wheelchair in a colour of its own."""
    colour = COLOURS[rng.integers(len(COLOURS))]
    make = (_box, _dog, _walking_frame, _wheelchair)[rng.integers(4)]
    spot, heading = _floor(room, 0.4, rng)
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    made = paint.capsules(make(colour))
    return Capsules(made.ends @ turn + [*spot, 0.0], made.radii, made.colours)


def _rod(a: Sequence[float], b: Sequence[float], thick: float, colour: Colour) -> paint.Row:
    return np.array(a, float), np.array(b, float), thick, thick, colour


def _box(colour: Colour) -> Rows:
    """A parcel of 0.6 x 0.5 x 0.5 m."""
    return [
        _rod((-0.3, y, z), (0.3, y, z), 0.09, colour)
        for z in (0.09, 0.25, 0.41)
        for y in (-0.17, 0.0, 0.17)
    ]


def _dog(colour: Colour) -> Rows:
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


def _walking_frame(colour: Colour) -> Rows:
    """Four legs, two handles and a basket."""
    sides = [
        _rod((x, y, 0.03), (0.6 * x, y, 0.92), 0.04, colour)
        for x in (-0.3, 0.3)
        for y in (-0.28, 0.28)
    ]
    bars = [_rod((-0.2, y, 0.92), (0.2, y, 0.92), 0.045, colour) for y in (-0.28, 0.28)]
    basket = [_rod((0.22, -0.28, z), (0.22, 0.28, z), 0.08, colour) for z in (0.5, 0.62)]
    return [*sides, *bars, *basket]


def _wheelchair(colour: Colour) -> Rows:
    """Two wheels, a seat and a back."""
    turns = np.linspace(0, 2 * np.pi, 11)
    rim = [(0.3 * np.cos(t), 0.3 + 0.3 * np.sin(t)) for t in turns]
    wheels = [
        _rod((a[0], y, a[1]), (b[0], y, b[1]), 0.035, colour)
        for y in (-0.3, 0.3)
        for a, b in itertools.pairwise(rim)
    ]
    seat = [_rod((-0.15, y, 0.5), (0.28, y, 0.5), 0.08, colour) for y in (-0.18, 0.0, 0.18)]
    back = [_rod((-0.22, y, 0.5), (-0.28, y, 0.98), 0.08, colour) for y in (-0.18, 0.0, 0.18)]
    return [*wheels, *seat, *back]


@dataclass(frozen=True, eq=False)
class _Cover:
    """A cloth or a hand before the lens: out of focus, with soft edges, trembling a little."""

    hides: Picture
    """(height, width) 0 … 1."""
    cloth: Picture
    """(height, width, 3) RGB."""
    grain: Callable[[], Picture]

    @classmethod
    def draw(cls, studio: Studio, rng: np.random.Generator) -> _Cover:
        height, width = studio.veil.shape
        cloth = _cloth(height, width, studio.light.night, rng)
        noise = studio.light.noise

        def grain() -> Picture:
            return np.asarray(rng.normal(0, noise, (height, width, 1)), np.float32)

        return cls(_edge(height, width, rng), cloth, grain)

    def over(self, picture: Frame, t: float) -> Frame:
        """The picture with the cover before it."""
        light = 1 + 0.03 * np.sin(2.3 * t)
        share = self.hides[..., None]
        mixed = picture * (1 - share) + (self.cloth * light + self.grain()) * share
        return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _edge(height: int, width: int, rng: np.random.Generator) -> Picture:
    """1 on one side of a soft wavy line across the picture that leaves the share COVERED there."""
    y, x = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x + np.sin(turn) * y
    across = np.cos(turn) * y - np.sin(turn) * x
    along = along + 0.04 * np.sin(9 * across + rng.uniform(0, 6))
    limit = np.quantile(along, rng.uniform(*COVERED))
    return np.asarray(1 / (1 + np.exp((along - limit) / 0.02)), np.float32)


def _cloth(height: int, width: int, night: bool, rng: np.random.Generator) -> Picture:
    """Folds or fingers out of focus, in the colour of a towel, of skin, or nearly black."""
    towel, skin, dark = (206.0, 208.0, 214.0), (178.0, 122.0, 96.0), (26.0, 24.0, 24.0)
    colour = np.array((towel, skin, dark)[rng.integers(3)])
    if night:
        colour = np.full(3, colour.mean() * 0.9 + 20)
    folds = cv2.resize(rng.normal(1, 0.12, (4, 6)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(folds[..., None] * colour, np.float32)
