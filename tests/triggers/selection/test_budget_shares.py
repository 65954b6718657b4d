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
    shares = budget_shares.shares_after_weeks(NAMES, [paid])
    assert shares["flicker"] > 1 / 3 > shares["jump"]
    later = budget_shares.shares_after_weeks(NAMES, [paid] * 8)
    assert later["flicker"] > shares["flicker"]
    assert later["jump"] < shares["jump"]


def test_what_was_not_tried_is_taken_for_average() -> None:
    shares = budget_shares.shares_after_weeks(
        NAMES, [{"flicker": ReviewYield(90, 30), "jump": ReviewYield(3, 30)}]
    )
    assert shares["jump"] < shares["blip"] < shares["flicker"]


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
    shares = budget_shares.shares_after_weeks(NAMES, weeks)
    assert shares["jump"] == pytest.approx(MIN_SHARE, abs=0.01)
    assert shares["jump"] >= MIN_SHARE


paid = st.builds(ReviewYield, st.floats(0, 1e4), st.floats(0.01, 1e4))


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), paid), max_size=6))
def test_shares_are_a_whole_above_the_floor(weeks: list[dict[str, ReviewYield]]) -> None:
    shares = budget_shares.shares_after_weeks(NAMES, weeks)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= MIN_SHARE - 1e-9
