import numpy as np
import pytest

from oneclick.core import logistic


def rows(seed: int, weights: list[float], count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Columns, and what turned out right by the chances that some weights give."""
    r = np.random.default_rng(seed)
    columns = np.concatenate([np.ones((count, 1)), r.normal(size=(count, len(weights) - 1))], 1)
    return columns, r.random(count) < logistic.probability(columns, np.array(weights))


@pytest.mark.parametrize("weights", [[0.0, 1.0], [-2.0, 3.0, -1.0], [1.5, 0.0, 0.0, 2.0]])
def test_weights_come_back_from_what_they_made(weights: list[float]) -> None:
    columns, right = rows(0, weights)
    weights_fit = logistic.fit(columns, right, np.zeros(len(weights)), prior_precision=0.1)
    np.testing.assert_allclose(weights_fit, weights, atol=0.25)


def test_without_rows_everything_stays_as_believed() -> None:
    weights_fit = logistic.fit(np.zeros((0, 3)), [], [1.0, -2.0, 0.5])
    np.testing.assert_allclose(weights_fit, [1.0, -2.0, 0.5])


def test_the_more_rows_and_the_more_they_are_worth_the_further_from_what_was_believed() -> None:
    columns, right = rows(1, [0.0, 3.0])
    slopes = [
        logistic.fit(columns[:n], right[:n], [0.0, 0.0], sample_weight=weight)[1]
        for n, weight in ((10, 0.1), (10, 1.0), (100, 1.0), (4000, 1.0))
    ]
    assert slopes == sorted(slopes)
    assert slopes[-1] > 2.5


def test_rows_that_are_all_right_leave_finite_weights() -> None:
    weights_fit = logistic.fit(np.ones((50, 1)), np.ones(50), [0.0])
    assert 0 < weights_fit[0] < 10


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(2, 3\), got \(2, 2\)"):
        logistic.fit(np.ones((2, 2)), [True, False], np.zeros(3))
