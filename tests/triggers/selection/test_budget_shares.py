import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.triggers.selection import budget_shares
from oneclick.triggers.selection.budget_shares import MIN_SHARE, ReviewYield

NAMES = ("blip", "flicker", "jump")


def test_without_reviews_all_are_equal() -> None:
    assert budget_shares.shares_after_weeks(NAMES, []) == dict.fromkeys(NAMES, pytest.approx(1 / 3))
    assert budget_shares.shares_after_weeks([], []) == {}


def test_a_week_moves_shares_towards_what_pays() -> None:
    paid = {"flicker": ReviewYield(90, 30), "jump": ReviewYield(3, 30)}
    now = budget_shares.shares_after_weeks(NAMES, [paid])
    assert now["flicker"] > 1 / 3 > now["jump"]
    later = budget_shares.shares_after_weeks(NAMES, [paid] * 8)
    assert later["flicker"] > now["flicker"]
    assert later["jump"] < now["jump"]


def test_what_was_not_tried_is_taken_for_average() -> None:
    now = budget_shares.shares_after_weeks(
        NAMES, [{"flicker": ReviewYield(90, 30), "jump": ReviewYield(3, 30)}]
    )
    assert now["jump"] < now["blip"] < now["flicker"]


def test_a_week_without_errors_moves_nothing() -> None:
    before = budget_shares.shares_after_weeks(NAMES, [{"flicker": ReviewYield(90, 30)}])
    assert budget_shares.update_shares(before, {"flicker": ReviewYield(0, 600)}) == pytest.approx(
        before
    )


def test_a_trigger_that_never_pays_keeps_the_floor() -> None:
    weeks = [
        {
            "flicker": ReviewYield(9000, 3000),
            "jump": ReviewYield(0, 3000),
            "blip": ReviewYield(0, 3000),
        }
    ] * 60
    now = budget_shares.shares_after_weeks(NAMES, weeks)
    assert now["jump"] == pytest.approx(MIN_SHARE, abs=0.01)
    assert now["jump"] >= MIN_SHARE


paid = st.builds(ReviewYield, st.floats(0, 1e4), st.floats(0.01, 1e4))


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), paid), max_size=6))
def test_shares_are_a_whole_above_the_floor(weeks: list[dict[str, ReviewYield]]) -> None:
    now = budget_shares.shares_after_weeks(NAMES, weeks)
    assert sum(now.values()) == pytest.approx(1)
    assert min(now.values()) >= MIN_SHARE - 1e-9
