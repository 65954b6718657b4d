"""Planted novelties are where the truth says, and nothing else of the shift changes."""

import numpy as np
import pytest

from oneclick import ward
from oneclick.core.spans import Span
from oneclick.ward import novelties
from oneclick.ward.novelties import PlantedNovelty

SHIFT = ward.Shift(camera=3, seed=4, seconds=6, fps=1, width=240, height=144)
SPAN = Span(2, 4)


@pytest.fixture(scope="module")
def ordinary() -> list[np.ndarray]:
    return [picture for picture, _ in novelties.ordinary(SHIFT)]


@pytest.mark.parametrize("kind", novelties.KINDS)
def test_a_novelty_is_in_the_frames_of_its_span_and_nowhere_else(
    kind: str, ordinary: list[np.ndarray]
) -> None:
    for number, planted in enumerate(novelties.frames(SHIFT, [PlantedNovelty(kind, SPAN)])):
        other = np.abs(planted.picture.astype(int) - ordinary[number]).max(2) > 12
        if number not in SPAN:
            assert not planted.mask.any()
            assert np.array_equal(planted.picture, ordinary[number])
            continue
        assert planted.mask.sum() > (0.6 * other.size if kind == "covered" else 150)
        assert other[planted.mask].mean() > 0.75
        near = np.argwhere(planted.mask)
        y, x = np.clip([near.min(0) - 12, near.max(0) + 12], 0, None).T
        outside = other.copy()
        outside[y[0] : y[1], x[0] : x[1]] = False
        assert outside.mean() < 0.02


def test_equal_calls_give_equal_frames() -> None:
    plan = [PlantedNovelty(kind, Span(k, k + 1)) for k, kind in enumerate(novelties.KINDS)]
    short = ward.Shift(camera=3, seed=4, seconds=3, fps=1, width=240, height=144)
    first, again = (list(novelties.frames(short, plan)) for _ in range(2))
    for a, other in zip(first, again, strict=True):
        assert np.array_equal(a.picture, other.picture)
        assert np.array_equal(a.mask, other.mask)
        assert a.mask.any()


def test_who_has_fallen_is_seen_and_on_an_ordinary_shift_nobody_falls() -> None:
    planted = list(novelties.frames(SHIFT, [PlantedNovelty("fallen", SPAN)]))
    fallen = ["fallen" in [person.posture for person in frame.people] for frame in planted]
    assert fallen == [number in SPAN for number in range(SHIFT.frames)]
    for seed in range(8):
        shift = ward.Shift(camera=0, seed=seed, seconds=40, fps=0.5, width=60, height=36)
        for _, people in novelties.ordinary(shift):
            assert "fallen" not in [person.posture for person in people]


def test_a_kind_or_a_span_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="'ghost' is none of fallen, object, covered"):
        PlantedNovelty("ghost", SPAN)
    with pytest.raises(ValueError, match="ends after the 6 frames"):
        next(novelties.frames(SHIFT, [PlantedNovelty("object", Span(2, 9))]))
