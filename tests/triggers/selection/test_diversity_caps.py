from dataclasses import replace

import numpy as np
import pytest

from oneclick.triggers.selection.diversity_caps import CandidateWindow, DiversityCaps


def window(
    x: float = 0, camera: str = "a", day: str = "1", side: str = "train", trigger: str = "blip"
) -> CandidateWindow:
    return CandidateWindow(
        camera=camera,
        day=day,
        side=side,
        trigger=trigger,
        boxes=np.array([[x, 0, x + 40, 100]], np.float32),
        expected_errors=np.ones(1),
    )


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({}, 4),
        ({"cameras": {"a": 2}}, 2),
        ({"cameras": {"b": 2}}, 4),
        ({"days": {"1": 3}}, 3),
        ({"triggers": {"blip": 1}}, 1),
        ({"triggers": {"flicker": 1}}, 4),
        ({"cameras": {"a": 2}, "triggers": {"blip": 3}}, 2),
    ],
    ids=str,
)
def test_a_cap_holds_for_what_it_names(limits: dict[str, dict[str, int]], allowed: int) -> None:
    some = DiversityCaps(**limits)  # type: ignore[arg-type]
    assert sum(some.accept(window(100.0 * k)) for k in range(4)) == allowed


def test_beyond_its_share_a_trigger_may_take_what_nobody_else_wants() -> None:
    some = DiversityCaps(triggers={"blip": 1}, cameras={"a": 3})
    assert [some.accept(window(100.0 * k)) for k in range(2)] == [True, False]
    assert [some.accept(window(100.0 * k), True) for k in range(2, 5)] == [True, True, False]


@pytest.mark.parametrize(
    ("second", "again"),
    [
        (window(0), True),
        (window(4), True),
        (window(8), False),
        (window(0, camera="b"), False),
        (window(0, side="test"), False),
        (window(0, trigger="flicker"), False),
        (window(0, day="2"), True),
    ],
    ids=["same", "nearly", "beside", "camera", "side", "trigger", "day"],
)
def test_the_same_trouble_in_the_same_place_is_not_taken_again(
    second: CandidateWindow, again: bool
) -> None:
    some = DiversityCaps()
    assert some.accept(window(0))
    assert some.accept(second) is not again


def test_a_window_with_something_new_is_not_the_same_again() -> None:
    some, places = DiversityCaps(), np.array([[0, 0, 40, 100], [200, 0, 240, 100]], np.float32)
    assert some.accept(window(0))
    both = replace(window(), boxes=places, expected_errors=np.array([1.0, 1.0]))
    mostly = replace(both, expected_errors=np.array([1.0, 0.2]))
    assert not some.accept(mostly)
    assert some.accept(both)


def test_what_was_seen_lately_is_remembered_and_hits_without_boxes_are_always_new() -> None:
    some = DiversityCaps()
    some.remember("a", "train", "blip", window(0).boxes)
    assert not some.accept(window(0))
    nowhere = replace(window(), boxes=np.zeros((0, 4), np.float32), expected_errors=np.zeros(0))
    assert some.accept(nowhere)
    assert some.accept(nowhere)


def test_places_may_be_alike_as_far_as_one_says() -> None:
    some = DiversityCaps(alike=1.1)
    assert some.accept(window(0))
    assert some.accept(window(0))
