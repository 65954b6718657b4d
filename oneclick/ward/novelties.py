"""Shifts with something in them that the camera never saw before, and the truth about where.

    ordinary = novelties.ordinary(shift)            nobody ever falls
    planted = novelties.frames(shift, [PlantedNovelty("object", Span(20, 60))])

Outside the Spans a planted shift equals the ordinary one to the last byte. A fallen person lies
where the room has space, an object is of a shape and a colour that no room has, and a cover
(cloth or hand) hides most of the lens.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core.spans import Span
from oneclick.ward import novel_objects, people, scripts
from oneclick.ward.lens_cover import LensCover
from oneclick.ward.paint import Frame
from oneclick.ward.people import Action, Visit
from oneclick.ward.record import Shift, make_renderer
from oneclick.ward.render import FloorObject, FrameRenderer, VisiblePerson
from oneclick.ward.room import Placement, WardRoom

Mask = NDArray[np.bool_]

KINDS = ("fallen", "object", "covered")
MARGIN = 0.08
"""Least distance of a novelty from the picture's edge, share of its sides."""


@dataclass(frozen=True)
class PlantedNovelty:
    """One novelty: a fallen person, an unknown object or a covered lens.

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
class NoveltyFrame:
    """One frame and the truth about it."""

    picture: Frame
    """(height, width, 3) RGB."""
    people: list[VisiblePerson]
    """People in it, under a cover too."""
    mask: Mask
    """(height, width) pixels that show a novelty."""


def ordinary(shift: Shift) -> Iterator[tuple[Frame, list[VisiblePerson]]]:
    """Yield the frames of a shift in which nobody falls, as `ward.frames` does."""
    return make_renderer(shift, falls=False).frames(shift.frames)


def frames(shift: Shift, novelties: Sequence[PlantedNovelty]) -> Iterator[NoveltyFrame]:
    """Yield the frames of `ordinary` with novelties planted; equal calls give equal frames.

    Raises:
        ValueError: if a Span ends after the shift.
    """
    for novelty in novelties:
        if novelty.span.stop > shift.frames:
            raise ValueError(f"{novelty} ends after the {shift.frames} frames of the shift")
    renderer = make_renderer(shift, falls=False)
    rng = np.random.default_rng([shift.seed, zlib.crc32(shift.name.encode()), shift.night, 1])
    ordinary_visits = len(renderer.visits)
    covers = [plant(renderer, novelty, rng) for novelty in novelties]
    for number in range(shift.frames):
        picture, visible_people, visible_masks = renderer.frame_with_masks(number / shift.fps)
        mask = np.zeros(picture.shape[:2], np.bool_)
        for visit, visible_mask in visible_masks.items():
            if visit >= ordinary_visits:
                mask[visible_mask.window] |= visible_mask.visible
        for novelty, cover in zip(novelties, covers, strict=True):
            if cover is not None and number in novelty.span:
                picture = cover.over(picture, number / shift.fps)
                mask |= cover.opacity > 0.5
        yield NoveltyFrame(picture, visible_people, mask)


def plant(
    renderer: FrameRenderer, novelty: PlantedNovelty, rng: np.random.Generator
) -> LensCover | None:
    """Add a person or an object to a renderer, or return the cover that goes over its pictures."""
    # A quarter of a frame earlier: frame numbers over the rate are not exact.
    start, stop = ((k - 0.25) / renderer.fps for k in (novelty.span.start, novelty.span.stop))
    if novelty.kind == "fallen":
        renderer.visits.append(draw_fallen_visit(renderer.room, start, stop, rng))
    elif novelty.kind == "object":
        shapes = novel_objects.draw_object(rng)
        placement = draw_floor_spot(renderer.room, 0.4, rng)
        shapes = novel_objects.place_object(shapes, placement)
        renderer.objects.append(FloorObject(shapes, start, stop))
    else:
        return LensCover.draw(renderer, rng)
    return None


def draw_fallen_visit(
    ward_room: WardRoom, start: float, stop: float, rng: np.random.Generator
) -> Visit:
    """Draw a resident of this room who lies on its floor from `start` to `stop`, seconds."""
    person = people.resident(ward_room, rng, int(rng.integers(3)))
    spot = draw_floor_spot(ward_room, 0.75, rng)
    curl, beat = rng.uniform(0.2, 0.9), rng.uniform(0.6, 1.6)
    pose = scripts.on_the_floor(person, spot.position, spot.heading, curl, beat)
    return Visit(person, [Action(start=start, stop=stop, posture="fallen", pose=pose)])


def draw_floor_spot(ward_room: WardRoom, reach: float, rng: np.random.Generator) -> Placement:
    """Draw a spot and a heading with free visible floor ahead and behind.

    Args:
        ward_room: whose floor it is.
        reach: of the free floor in both directions, metres.
        rng: source of randomness.
    """
    camera = ward_room.camera
    for _ in range(500):
        position = rng.uniform([0.6, 0.6], np.array(ward_room.size) - 0.4)
        spot = Placement(position, float(rng.uniform(0, 2 * np.pi)))
        behind, ahead = spot.in_front(-reach), spot.in_front(reach)
        if not ward_room.clear(behind, ahead):
            continue
        ends = np.array([[*behind, 0.0], [*ahead, 0.0], [*position, 0.5]])
        points = camera.project(ends)[0] / [camera.width, camera.height]
        if (points > MARGIN).all() and (points < 1 - MARGIN).all():
            break
    return spot
