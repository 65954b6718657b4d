"""Drift: large where distributions differ, within chance where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oneclick.core import drift


def week(shares: list[float], videos: int, seed: int) -> np.ndarray:
    """Return histograms of videos whose boxes follow one distribution, alike within a video."""
    random = np.random.default_rng(seed)
    return np.array(
        [random.multinomial(200, random.dirichlet(np.array(shares) * 40)) for _ in range(videos)]
    )


def test_the_index_is_that_of_a_worked_example() -> None:
    plus = drift.LEAST
    old, new = (
        (np.array([30, 70]) + plus) / (100 + 2 * plus),
        (np.array([60, 40]) + plus) / (100 + 2 * plus),
    )
    expected = sum((b - a) * math.log(b / a) for a, b in zip(old, new, strict=True))
    assert drift.stability_index([30, 70], [60, 40]) == pytest.approx(expected)
    assert drift.stability_index([30, 70], [30, 70]) == 0


@pytest.mark.parametrize("seed", range(4))
def test_two_weeks_of_one_distribution_do_not_drift(seed: int) -> None:
    shares = [0.1, 0.2, 0.3, 0.4]
    estimate = drift.estimate_drift(week(shares, 40, seed), week(shares, 40, seed + 100))
    assert estimate is not None
    assert not estimate.is_clear
    assert estimate.value < 0.1


def test_a_changed_distribution_drifts_beyond_chance_and_its_interval_holds_it() -> None:
    estimate = drift.estimate_drift(
        week([0.1, 0.2, 0.3, 0.4], 40, 0), week([0.4, 0.3, 0.2, 0.1], 40, 1)
    )
    assert estimate is not None
    assert estimate.is_clear
    assert estimate.value > 0.25
    assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize(
    ("before", "after"),
    [([], [[1, 2]]), ([[1, 2]], [[1, 2]]), ([[0, 0], [0, 0]], [[1, 2], [2, 1]])],
)
def test_without_two_videos_with_boxes_a_week_there_is_no_estimate(
    before: list[list[int]], after: list[list[int]]
) -> None:
    assert drift.estimate_drift(before, after) is None
