import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from oneclick.core import statistics


def clips(seed: int, count: int, rate: float, alike: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors and boxes of some clips; the boxes of a clip share their luck."""
    r = np.random.default_rng(seed)
    wholes = r.integers(20, 120, count)
    lucks = r.beta(rate / alike, (1 - rate) / alike, count)
    return r.binomial(wholes, lucks), wholes


@pytest.mark.parametrize(
    ("count", "rate", "alike"),
    [(20, 0.2, 0.2), (60, 0.1, 0.3), (200, 0.05, 0.3), (40, 0.5, 1.0), (40, 0.9, 0.5)],
    ids=["few", "some", "many and rare", "all or nothing", "mostly"],
)
def test_the_interval_covers_the_truth_about_as_often_as_it_says(
    count: int, rate: float, alike: float
) -> None:
    estimates = [statistics.ratio(*clips(seed, count, rate, alike)) for seed in range(400)]
    covered = np.mean([estimate.low <= rate <= estimate.high for estimate in estimates if estimate])
    assert 0.92 <= covered <= 1


def test_boxes_that_are_alike_do_not_count_as_many() -> None:
    parts, wholes = clips(0, 30, 0.3, 0.5)
    estimate = statistics.ratio(parts, wholes)
    assert estimate
    as_if = stats.binomtest(int(parts.sum()), int(wholes.sum())).proportion_ci()
    assert estimate.high - estimate.low > 2 * (as_if.high - as_if.low)


def test_independent_boxes_give_the_exact_binomial_interval_or_a_wider_one() -> None:
    r = np.random.default_rng(3)
    parts = r.binomial(1, 0.3, 80)
    estimate = statistics.ratio(parts, np.ones(80))
    exact = stats.binomtest(int(parts.sum()), 80).proportion_ci()
    assert estimate
    assert (estimate.low, estimate.high) == pytest.approx((exact.low, exact.high), abs=0.01)


@pytest.mark.parametrize(
    ("parts", "wholes", "expected"),
    [
        ([], [], None),
        ([0, 0], [0, 0], None),
        ([0], [50], (0.0, 0.0, 0.975)),
        ([50], [50], (1.0, 0.025, 1.0)),
        ([0] * 20, [50] * 20, (0.0, 0.0, 0.168)),
        ([50] * 20, [50] * 20, (1.0, 0.832, 1.0)),
    ],
    ids=["no clip", "nothing to count", "one good", "one bad", "twenty good", "twenty bad"],
)
def test_clips_that_agree_count_once_each(
    parts: list[int], wholes: list[int], expected: tuple[float, float, float] | None
) -> None:
    estimate = statistics.ratio(parts, wholes)
    if expected is None:
        assert estimate is None
    else:
        assert estimate
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(expected, abs=1e-3)
        assert estimate.clips == len(parts)


def test_a_clip_that_stands_for_more_weighs_more() -> None:
    estimate = statistics.ratio([10, 0], [10, 10], [3, 1])
    assert estimate
    assert estimate.value == pytest.approx(0.75)


def test_a_part_larger_than_its_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than its whole"):
        statistics.ratio([3], [2])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=30))
def test_limits_are_shares_around_the_value(pairs: list[tuple[int, int]]) -> None:
    estimate = statistics.ratio([min(a, b) for a, b in pairs], [max(a, b) for a, b in pairs])
    if estimate:
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
