"""Logistic regression with a normal prior on its weights, for a handful of features."""

from __future__ import annotations

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def probability(features: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the probability of each row, `(n,)`; features `(n, k)`, weights `(k,)`."""
    probabilities: FloatArray = scipy.special.expit(features @ weights)
    return probabilities


def fit(
    features: FloatArray,
    targets: ArrayLike,
    prior_mean: ArrayLike,
    prior_precision: float = 10.0,
    sample_weight: ArrayLike = 1.0,
) -> FloatArray:
    """Return the maximum a posteriori weights, `(k,)`.

    Args:
        features: `(n, k)`.
        targets: `(n,)` true or false.
        prior_mean: `(k,)` mean of the normal prior; the answer where there are no rows.
        prior_precision: its precision, the same for every weight.
        sample_weight: weight of each row, one for all or `(n,)`: below 1 where rows are not
            independent.

    Raises:
        ValueError: if the shapes do not fit.
    """
    x, y = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    mean = np.asarray(prior_mean, np.float64)
    if x.shape != (len(y), len(mean)):
        raise ValueError(f"features: expected shape {(len(y), len(mean))}, got {x.shape}")
    row_weights = np.broadcast_to(np.asarray(sample_weight, np.float64), y.shape)

    def negative_log_posterior(weights: FloatArray) -> tuple[float, FloatArray]:
        logits, offset = x @ weights, weights - mean
        loss = row_weights @ np.logaddexp(0, np.where(y > 0, -logits, logits))
        residuals = row_weights * (scipy.special.expit(logits) - y)
        gradient = x.T @ residuals + prior_precision * offset
        return float(loss + prior_precision * offset @ offset / 2), gradient

    weights: FloatArray = scipy.optimize.minimize(
        negative_log_posterior, mean, jac=True, method="L-BFGS-B"
    ).x
    return weights
