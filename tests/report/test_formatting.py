"""Numbers in few characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from oneclick.report import formatting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (7200, "2h"),
        (200_000, "2d"),
    ],
)
def test_ages_are_cut_to_one_unit(seconds: float, text: str) -> None:
    noon = datetime(2026, 3, 1, tzinfo=UTC)
    assert formatting.age(noon - timedelta(seconds=seconds), noon) == text


@pytest.mark.parametrize(
    ("hours", "text"), [(0, "at 20:30"), (3, "at 23:30"), (4, "not today"), (24, "not today")]
)
def test_what_comes_after_midnight_is_not_today(hours: float, text: str) -> None:
    noon, zone = datetime(2026, 1, 5, 18, 30, tzinfo=UTC), timezone(timedelta(hours=2))
    assert formatting.today(noon + timedelta(hours=hours), noon, zone) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (-999, "-999"),
        (1000, "1k"),
        (5912, "5.91k"),
        (160_400, "160k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_700_000, "1.7M"),
        (10_000_000, "10M"),
    ],
)
def test_counts_have_three_digits(number: int, text: str) -> None:
    assert formatting.count(number) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0%"), (0.001, "0.10%"), (0.0314, "3.1%"), (0.465, "46%"), (1, "100%")]
)
def test_shares_have_two_digits(value: float, text: str) -> None:
    assert formatting.share(value) == text
