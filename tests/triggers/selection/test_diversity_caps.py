import numpy as np
import pytest

from oneclick.triggers.selection.diversity_caps import Allowance, Moment


def moment(
    x: float = 0, camera: str = "a", day: str = "1", side: str = "train", trigger: str = "blip"
) -> Moment:
    places = np.array([[x, 0, x + 40, 100]], np.float32)
    return Moment(camera, day, side, trigger, places, np.ones(1))


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
    some = Allowance(**limits)  # type: ignore[arg-type]
    assert sum(some.allows(moment(100.0 * k)) for k in range(4)) == allowed


def test_beyond_its_share_a_trigger_may_take_what_nobody_else_wants() -> None:
    some = Allowance(triggers={"blip": 1}, cameras={"a": 3})
    assert [some.allows(moment(100.0 * k)) for k in range(2)] == [True, False]
    assert [some.allows(moment(100.0 * k), True) for k in range(2, 5)] == [True, True, False]


@pytest.mark.parametrize(
    ("second", "again"),
    [
        (moment(0), True),
        (moment(4), True),
        (moment(8), False),
        (moment(0, camera="b"), False),
        (moment(0, side="test"), False),
        (moment(0, trigger="flicker"), False),
        (moment(0, day="2"), True),
    ],
    ids=["same", "nearly", "beside", "camera", "side", "trigger", "day"],
)
def test_the_same_trouble_in_the_same_place_is_not_taken_again(second: Moment, again: bool) -> None:
    some = Allowance()
    assert some.allows(moment(0))
    assert some.allows(second) is not again


def test_a_moment_with_something_new_is_not_the_same_again() -> None:
    some, places = Allowance(), np.array([[0, 0, 40, 100], [200, 0, 240, 100]], np.float32)
    assert some.allows(moment(0))
    both = Moment("a", "1", "train", "blip", places, np.array([1.0, 1.0]))
    mostly = Moment("a", "1", "train", "blip", places, np.array([1.0, 0.2]))
    assert not some.allows(mostly)
    assert some.allows(both)


def test_what_was_seen_lately_is_remembered_and_hits_without_boxes_are_always_new() -> None:
    some = Allowance()
    some.remember("a", "train", "blip", moment(0).places)
    assert not some.allows(moment(0))
    nowhere = Moment("a", "1", "train", "blip", np.zeros((0, 4), np.float32), np.zeros(0))
    assert some.allows(nowhere)
    assert some.allows(nowhere)


def test_places_may_be_alike_as_far_as_one_says() -> None:
    some = Allowance(alike=1.1)
    assert some.allows(moment(0))
    assert some.allows(moment(0))
