"""Turned views: boxes turned back exactly, two looks as one opinion, clips looked at densely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.detections import Detections
from oneclick.detectors import turned
from tests.fakes import arrays
from tests.fakes.standing import StandingDetector, room

LYING, STANDING = (20, 60, 90, 85), (110, 20, 130, 90)
WIDTH, HEIGHT = 160, 120


def person(*rows: tuple[int, tuple[float, ...], float], length: int = 10) -> Detections:
    """Boxes of people as (frame, box, score)."""
    return arrays.detections(
        frames=[frame for frame, _, _ in rows],
        boxes=np.array([box for _, box, _ in rows], np.float32).reshape(-1, 4),
        scores=[score for _, _, score in rows],
        classes=[0 for _ in rows],
        length=length,
        fps=10.0,
    )


@settings(max_examples=50, deadline=None)
@given(
    quarters=st.integers(-4, 8),
    size=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    data=st.data(),
)
def test_boxes_turned_back_hold_the_same_pixels(quarters, size, data) -> None:
    width, height = size
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    picture = np.zeros((height, width), np.uint8)
    picture[y1:y2, x1:x2] = 1
    rows, columns = np.nonzero(np.rot90(picture, quarters))
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    back = turned.turn_back(np.array([box], np.float32), quarters, width, height)
    np.testing.assert_array_equal(back, [[x1, y1, x2, y2]])


@pytest.mark.parametrize("quarters", turned.SIDES)
def test_a_picture_is_turned_as_numpy_turns_it(quarters) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    mirrored = picture[:, ::-1]  # not contiguous
    np.testing.assert_array_equal(turned.turn(mirrored, quarters), np.rot90(mirrored, quarters))


def test_a_turned_view_sees_who_lies_and_not_who_stands() -> None:
    detector = StandingDetector()
    frame = room(LYING, STANDING)
    upright, _, _ = detector.detect([frame])[0]
    np.testing.assert_array_equal(upright, [STANDING])
    boxes, scores, classes = turned.TurnedView(detector).detect([frame])[0]
    np.testing.assert_array_equal(boxes, [LYING])
    assert (scores.tolist(), classes.tolist()) == (pytest.approx([0.9]), [1])


def test_a_turned_view_of_several_frames_keeps_their_order() -> None:
    frames = [room(), room(LYING), room(), room((20, 20, 60, 30), LYING)]
    view = turned.TurnedView(StandingDetector())
    counts = [len(scores) for _, scores, _ in view.detect(frames)]
    assert counts == [0, 1, 0, 2]
    assert [len(view.detect([frame])[0][1]) for frame in frames] == counts


@pytest.mark.parametrize(
    ("upright", "looks", "expected"),
    [
        pytest.param([], [(LYING, 0.8)], [(LYING, 0.8)], id="only the turned look sees somebody"),
        pytest.param([(LYING, 0.8)], [], [(LYING, 0.8)], id="only the upright look does"),
        pytest.param([(LYING, 0.7)], [(LYING, 0.7)], [(LYING, 0.7)], id="both, equally sure"),
        pytest.param([(LYING, 0.9)], [(LYING, 0.6)], [(LYING, 0.9)], id="the upright one is surer"),
        pytest.param([(LYING, 0.2)], [(LYING, 0.6)], [(LYING, 0.6)], id="the turned one is surer"),
        pytest.param(
            [((20, 60, 50, 85), 0.3)],
            [(LYING, 0.6)],
            [(LYING, 0.6)],
            id="half a person is the same",
        ),
        pytest.param(
            [(STANDING, 0.9)],
            [(LYING, 0.6)],
            [(STANDING, 0.9), (LYING, 0.6)],
            id="two people are two",
        ),
        pytest.param(
            [((10, 60, 90, 85), 0.6)],
            [((10, 60, 48, 85), 0.9), ((52, 60, 90, 85), 0.5)],
            [((10, 60, 48, 85), 0.9), ((52, 60, 90, 85), 0.5)],
            id="one box over two people, the surer of whom takes its place",
        ),
        pytest.param(
            [((10, 60, 90, 85), 0.95)],
            [((10, 60, 48, 85), 0.9), ((52, 60, 90, 85), 0.5)],
            [((10, 60, 90, 85), 0.95)],
            id="one sure box over two",
        ),
    ],
)
def test_two_looks_are_one_opinion(upright, looks, expected) -> None:
    merged = turned.merge(
        person(*((3, box, score) for box, score in upright)),
        person(*((3, box, score) for box, score in looks)),
    )
    assert merged.frames.tolist() == [3] * len(expected)
    np.testing.assert_allclose(merged.boxes, [box for box, _ in expected])
    np.testing.assert_allclose(merged.scores, [score for _, score in expected], rtol=1e-6)


def test_a_bed_is_not_the_person_who_lies_in_it() -> None:
    bed = arrays.detections(
        frames=[3], boxes=[LYING], scores=[0.9], classes=[1], length=10, fps=10.0,
        names=("person", "bed"),
    )  # fmt: skip
    man = arrays.detections(
        frames=[3], boxes=[LYING], scores=[0.6], classes=[0], length=10, fps=10.0,
        names=("person", "bed"),
    )  # fmt: skip
    assert sorted(turned.merge(bed, man).classes.tolist()) == [0, 1]


def test_between_two_looks_that_see_somebody_he_is_there() -> None:
    sparse = person((2, LYING, 0.6), (8, LYING, 0.8), length=30)
    filled = turned.fill_between(sparse)
    assert filled.frames.tolist() == list(range(2, 9))
    np.testing.assert_allclose(filled.scores[[0, 3, 6]], [0.6, 0.7, 0.8], rtol=1e-5)
    apart = person((2, LYING, 0.6), (28, LYING, 0.8), length=30)
    assert turned.fill_between(apart).frames.tolist() == [2, 28]


def nobody(length: int = 12) -> Detections:
    return Detections.empty(length, 10.0, ("person",))


def test_a_clip_is_looked_at_densely_beside_looks_that_see_somebody() -> None:
    detector = StandingDetector()
    frames = [room(LYING) if 3 <= number < 7 else room() for number in range(12)]
    looks = turned.look_in_clip(detector, frames.__getitem__, nobody(), 5)
    assert looks.frames.tolist() == [3, 4, 5, 6]
    assert looks.names == ("person",)
    assert set(looks.classes.tolist()) == {0}
    # On the grid 0, 5, 10 and the last frame 11; then 1 to 9 beside 5. Each look is two pictures.
    assert detector.pictures == 2 * 12


def test_an_empty_clip_is_looked_at_on_the_grid_only() -> None:
    detector = StandingDetector()
    assert not len(turned.look_in_clip(detector, lambda _: room(), nobody(), 5))
    assert detector.pictures == 2 * len({0, 5, 10, 11})


def test_a_clip_whose_people_are_seen_upright_is_looked_at_on_the_grid_only() -> None:
    detector = StandingDetector()
    upright = person(*((number, LYING, 0.9) for number in range(12)), length=12)
    turned.look_in_clip(detector, lambda _: room(LYING), upright, 5)
    assert detector.pictures == 2 * len({0, 5, 10, 11})


@pytest.mark.parametrize("length", [0, 1, 2])
def test_the_shortest_clips_are_looked_at_once_a_frame(length: int) -> None:
    detector = StandingDetector()
    looks = turned.look_in_clip(detector, lambda _: room(LYING), nobody(length), 5)
    assert looks.frames.tolist() == list(range(length))
    assert detector.pictures == 2 * length


def test_a_bed_that_is_seen_upright_hides_nobody_who_lies_in_it() -> None:
    detector = StandingDetector()
    beds = arrays.detections(
        frames=range(12),
        boxes=[(10, 50, 100, 95)] * 12,
        scores=[0.9] * 12,
        classes=[1] * 12,
        length=12,
        fps=10.0,
        names=("person", "bed"),
    )
    looks = turned.look_in_clip(detector, lambda _: room(LYING), beds, 5)
    assert looks.frames.tolist() == list(range(12))
    assert {looks.names[index] for index in looks.classes} == {"person"}
    turned.look_in_clip(detector, lambda _: room(LYING), replace(beds, classes=beds.classes * 0), 5)
    assert detector.pictures == 2 * (12 + len({0, 5, 10, 11}))
