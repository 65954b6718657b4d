"""Curves through key boxes: evaluation, and fitting to given boxes.

A cubic Hermite curve whose slope at a key is that of the chord between its two neighbours (Catmull
and Rom, "A class of local interpolating splines", 1974, with unequal steps). It runs through its
keys, is linear in them, and each key changes only the two stretches before and after it. Slopes by
parabola, mean slopes and tighter or looser curves all need more keys (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import boxes

IndexArray = NDArray[np.intp]
Mask = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

SUPPORT = 4
"""Keys on which a box between two keys depends: two before it and two after."""
MARGIN = 0.97
"""Boxes out of bounds are drawn back to this share of the allowed error."""
GROW, FADE, MIN_WEIGHT, MAX_WEIGHT = 2.0, 0.9, 0.02, 200.0
"""Factor on the weight of a box while it is out of bounds and while it is not, and its limits."""


@dataclass(frozen=True, eq=False)
class Knots:
    """Frames of the keys of many curves, one curve after the other."""

    frames: IndexArray
    """(k,) rising along each curve."""
    first: IndexArray
    """(k,) the first key of each key's own curve."""
    last: IndexArray
    """(k,) the last key of each key's own curve."""

    def support(self, keys: IndexArray) -> IndexArray:
        """Return the keys that shape the stretch after each of `keys`, `(n, 4)`; ends repeat."""
        neighbours = keys[:, None] + np.arange(-1, SUPPORT - 1)
        clipped: IndexArray = np.clip(neighbours, self.first[keys, None], self.last[keys, None])
        return clipped

    def shares(self, keys: IndexArray, frames: IndexArray) -> FloatArray:
        """Return the share of the three steps around `frames` that the curve has gone, `(n, 3)`.

        The steps lead from the key before `keys` to the last key of the support. The curve is
        constant beyond its ends.

        Args:
            keys: `(n,)` the key at or before each frame.
            frames: `(n,)`.
        """
        following = np.minimum(keys + 1, self.last[keys])
        is_first, is_last = keys == self.first[keys], following == self.last[keys]
        start, stop = self.frames[keys], self.frames[following]
        step = np.maximum(stop - start, 1)
        before = self.frames[np.maximum(keys - 1, 0)]
        after = self.frames[np.minimum(following + 1, len(self.frames) - 1)]
        start_share = np.where(is_first, 0.0, step / np.where(is_first, 1, stop - before))
        stop_share = np.where(is_last, 0.0, step / np.where(is_last, 1, after - start))
        time = np.clip((frames - start) / step, 0, 1)
        return hermite_shares(time, start_share, stop_share, is_first, is_last)


def hermite_shares(
    time: FloatArray, start_share: FloatArray, stop_share: FloatArray, is_first: Mask, is_last: Mask
) -> FloatArray:
    """Return the Hermite weights of the steps before, in and after a stretch, `(n, 3)`.

    The second derivative at a free end is 0: its slope is 1.5 of the stretch's less .5 of the
    other's.

    Args:
        time: `(n,)` position in the stretch, 0 … 1.
        start_share: `(n,)` share of the stretch in the chord at its first key.
        stop_share: `(n,)` share of the stretch in the chord at its second key.
        is_first: `(n,)` whether the curve begins with the stretch.
        is_last: `(n,)` whether the curve ends with the stretch.
    """
    rise = time * time * (3 - 2 * time)
    leave, arrive = time * (1 - time) ** 2, time * time * (time - 1)
    free_slope = np.where(is_first & is_last, 1.0, 1.5)
    before = leave * start_share - arrive * np.where(is_last, start_share / 2, 0)
    after = arrive * stop_share - leave * np.where(is_first, stop_share / 2, 0)
    within = (
        rise
        + leave * np.where(is_first, free_slope - stop_share / 2, start_share)
        + arrive * np.where(is_last, free_slope - start_share / 2, stop_share)
    )
    return np.stack([before, within, after], 1)


def evaluate_curves(values: FloatArray, keys: IndexArray, shares: FloatArray) -> FloatArray:
    """Return the boxes of curves, `(n, 4)` px; exact at a key, and where nothing moves.

    Args:
        values: `(k, 4)` px, the key boxes.
        keys: `(n,)` the key at or before each row.
        shares: `(n, 3)` as Knots.shares returns them.
    """
    steps = np.diff(values, axis=0, append=values[-1:])
    curve: FloatArray = values.take(keys, axis=0)
    for k, step in enumerate((keys - 1, keys, np.minimum(keys + 1, len(values) - 1))):
        curve += shares[:, k, None] * steps.take(step, axis=0)
    return curve


@dataclass(frozen=True, eq=False)
class CurveTarget:
    """Boxes that curves should follow, and how closely."""

    boxes: FloatArray
    """(n, 4) px, x1 y1 x2 y2."""
    bound: float
    """Least IoU, above 0."""

    @cached_property
    def sides(self) -> FloatArray:
        """Return width, height, width, height, `(n, 4)` px; at least a thousandth."""
        return np.tile(np.maximum(self.boxes[:, 2:] - self.boxes[:, :2], 1e-3), 2)

    def where(self, rows: IndexArray) -> CurveTarget:
        """Select rows by an index array."""
        return CurveTarget(self.boxes.take(rows, axis=0), self.bound)

    def residuals(self, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the errors of a curve `(n, 4)` in sides of the box, `(n, 4)`, and costs, `(n,)`.

        The cost is log IoU divided by log `bound`: 1 is the limit. It is 0 where it is surely below
        the limit.
        """
        shift = (self.boxes - curve) / self.sides
        # Shifts that add up to s leave an IoU of at least 1 - s: most need no exact IoU.
        near = np.flatnonzero(np.abs(shift).sum(1) > 1 - self.bound)
        overlap = boxes.iou_pairs(curve.take(near, axis=0), self.boxes.take(near, axis=0))
        cost = np.zeros(len(curve))
        cost[near] = np.log(np.maximum(overlap, 1e-12)) / np.log(min(self.bound, 1 - 1e-9))
        return shift, cost


def fit_curves(
    knots: Knots,
    values: FloatArray,
    is_free: Mask,
    keys: IndexArray,
    frames: IndexArray,
    target: CurveTarget,
    *,
    rounds: int,
    restart: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Fit the free keys so that every box is within the bound, if possible.

    First by least squares. Then boxes out of bounds are drawn back to the allowed error, with a
    weight that grows until they stay there: so the curve may use all of the tolerance in every
    frame.

    Args:
        knots: the curves.
        values: `(k, 4)` px; those of keys that are not free stay.
        is_free: `(k,)` which keys may change.
        keys: `(n,)` the key at or before each row, rising.
        frames: `(n,)` frame of each row.
        target: boxes of the rows.
        rounds: most corrections.
        restart: whether to begin with least squares, or to continue from `values`.

    Returns:
        Values `(k, 4)`, and the cost of each row, above 1 where it is out of bounds.
    """
    shares = knots.shares(keys, frames)
    system, values = _LeastSquares(keys, shares, is_free), values.copy()
    weights, rows = np.ones(len(keys)), np.arange(len(keys))
    for turn in range(rounds):
        shift, cost = target.residuals(evaluate_curves(values, keys, shares))
        if not (cost > 1).any():
            break
        if turn or not restart:
            rows = np.flatnonzero(cost > 1)
            old = weights if turn > restart else np.full(len(keys), MIN_WEIGHT)
            weights = np.maximum(old * FADE, MIN_WEIGHT)
            weights[rows] = np.clip(old[rows] * GROW, 1, MAX_WEIGHT)
            shift = excess(shift.take(rows, axis=0), cost[rows])
        values += system.solve(weights, rows, shift * target.sides.take(rows, axis=0))
    return values, target.residuals(evaluate_curves(values, keys, shares))[1]


def excess(shift: FloatArray, cost: FloatArray) -> FloatArray:
    """Return the least change `(n, 4)` of each shift that makes its sum of sizes allowed.

    Projection onto the l1 ball whose radius is where the cost is 1: Duchi et al., "Efficient
    projections onto the l1-ball", 2008.

    Args:
        shift: `(n, 4)` errors in sides of the box.
        cost: `(n,)` cost of each shift, above 1.
    """
    size = np.abs(shift)
    radius = MARGIN * size.sum(1) / cost
    falling = -np.sort(-size, axis=1)
    level = (np.cumsum(falling, axis=1) - radius[:, None]) / np.arange(1, 5)
    change: FloatArray = np.sign(shift) * np.minimum(size, level.max(1)[:, None])
    return change


class _LeastSquares:
    """Weighted least squares over keys: each row depends on four, so the matrix is banded."""

    def __init__(self, keys: IndexArray, shares: FloatArray, is_free: Mask) -> None:
        self.keys, self.shares, self.is_free = keys, shares, is_free
        zeros = np.zeros((len(keys), 1))
        self.weights = np.concatenate([zeros, shares], 1) - np.concatenate([shares, zeros], 1)
        self.weights[:, 1] += 1
        low, high = np.triu_indices(SUPPORT)
        self.products = np.ascontiguousarray((self.weights[:, low] * self.weights[:, high]).T)
        self.starts = np.flatnonzero(np.diff(keys, prepend=-1))
        key = keys[self.starts]
        self.free = np.concatenate([[False], is_free, [False] * (SUPPORT - 2)])
        self.are_free = self.free[key + low[:, None]] & self.free[key + high[:, None]]
        self.cells = ((high - low)[:, None] * len(self.free) + key + low[:, None]).ravel()

    def solve(self, weights: FloatArray, rows: IndexArray, shift: FloatArray) -> FloatArray:
        """Return the change of the keys `(k, 4)` that shifts `rows` by about `shift`.

        All other rows should stay where they are.

        Args:
            weights: `(n,)` weight of each row.
            rows: `(m,)` rows to shift.
            shift: `(m, 4)` px.
        """
        matrix, moments = self.normal_matrix(weights), self.moments(weights[rows], rows, shift)
        change: FloatArray = scipy.linalg.solveh_banded(
            matrix, moments, lower=True, overwrite_ab=True, overwrite_b=True, check_finite=False
        )
        return change

    def normal_matrix(self, weights: FloatArray) -> FloatArray:
        """Return the lower diagonals of the normal matrix, `(4, k)`; identity for fixed keys."""
        sums = np.add.reduceat(self.products * weights, self.starts, axis=1)
        values, size = (sums * self.are_free).ravel(), SUPPORT * len(self.free)
        band = np.bincount(self.cells, values, size).reshape(SUPPORT, -1)
        band[0] += np.where(self.free, 1e-9, 1)
        return np.ascontiguousarray(band[:, 1 : len(self.is_free) + 1])

    def moments(self, weights: FloatArray, rows: IndexArray, shift: FloatArray) -> FloatArray:
        """Return the right-hand side of the normal equations, `(k, 4)`; 0 for fixed keys."""
        keys = self.keys[rows]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        shares = self.weights.take(rows, axis=0) * weights[:, None]
        products = (shares[:, :, None] * shift[:, None, :]).reshape(len(rows), -1)
        sums = np.add.reduceat(products, starts, axis=0).reshape(-1, SUPPORT, 4)
        moments = np.zeros((len(self.is_free) + SUPPORT - 1, 4))
        for i in range(SUPPORT):
            moments[keys[starts] + i] += sums[:, i]
        return moments[1 : len(self.is_free) + 1] * self.is_free[:, None]
