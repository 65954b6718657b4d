"""Logistic regression for a handful of columns, held to what was believed before."""

from __future__ import annotations

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


def chance(columns: Numbers, weights: Numbers) -> Numbers:
    """Probability of each row, `(n,)`; columns `(n, k)`, weights `(k,)`."""
    p: Numbers = scipy.special.expit(columns @ weights)
    return p


def fit(
    columns: Numbers,
    right: ArrayLike,
    before: ArrayLike,
    strength: float = 10.0,
    worth: ArrayLike = 1.0,
) -> Numbers:
    """The most probable weights, `(k,)`, after rows that turned out right or wrong.

    Args:
        columns: `(n, k)`.
        right: `(n,)` true or false.
        before: `(k,)`, mean of the normal distribution believed in before; stays with no rows.
        strength: its precision, for every weight alike.
        worth: how much a row counts, one for all or `(n,)`: below 1 where rows are no independent
            witnesses.

    Raises:
        ValueError: if the shapes do not fit.
    """
    x, y = np.asarray(columns, np.float64), np.asarray(right, np.float64)
    start = np.asarray(before, np.float64)
    if x.shape != (len(y), len(start)):
        raise ValueError(f"columns: expected shape {(len(y), len(start))}, got {x.shape}")
    each = np.broadcast_to(np.asarray(worth, np.float64), y.shape)

    def cost(w: Numbers) -> tuple[float, Numbers]:
        z, away = x @ w, w - start
        loss = each @ np.logaddexp(0, np.where(y > 0, -z, z))
        slope = x.T @ (each * (scipy.special.expit(z) - y)) + strength * away
        return float(loss + strength * away @ away / 2), slope

    found: Numbers = scipy.optimize.minimize(cost, start, jac=True, method="L-BFGS-B").x
    return found
