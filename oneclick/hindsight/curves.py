"""Curves through key boxes: what lies between them, and how to lay them along given boxes.

A cubic Hermite curve whose slope at a key is that of the chord between its two neighbours (Catmull
and Rom, "A class of local interpolating splines", 1974, with unequal steps). It runs through its
keys, is linear in them, and each key bends the two stretches before and after it and no others.
Slopes by parabola, mean slopes and tighter or looser curves all need more keys (measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import boxes

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]

SUPPORT = 4
"""Keys on which a box between two keys depends: two before it and two after."""
MARGIN = 0.97
"""Boxes that go too far are drawn back to this share of what is allowed."""
GROW, FADE, LEAST, MOST = 2.0, 0.9, 0.02, 200.0
"""The weight of a box doubles while it is too far, fades while it is not, and is never nothing."""


@dataclass(frozen=True, eq=False)
class Knots:
    """Where the keys of many curves lie; the curves lie end to end and never touch."""

    frames: Rows
    """(k,) rising along each curve."""
    first: Rows
    """(k,) the first key of each key's own curve."""
    last: Rows
    """(k,) the last key of each key's own curve."""

    def support(self, keys: Rows) -> Rows:
        """(n, 4) the keys on which the stretch after each of `keys` depends; ends repeat."""
        around = keys[:, None] + np.arange(-1, SUPPORT - 1)
        clipped: Rows = np.clip(around, self.first[keys, None], self.last[keys, None])
        return clipped

    def shares(self, keys: Rows, frames: Rows) -> Numbers:
        """How far the boxes at `frames` have gone along the three steps around them, `(n, 3)`.

        `keys` are the keys at or before them. The steps lead from the key before `keys` to the one
        at the end of the curve's support. Frames beyond the ends of a curve stand still there.
        """
        ahead = np.minimum(keys + 1, self.last[keys])
        opens, closes = keys == self.first[keys], ahead == self.last[keys]
        here, there = self.frames[keys], self.frames[ahead]
        step = np.maximum(there - here, 1)
        behind = self.frames[np.maximum(keys - 1, 0)]
        beyond = self.frames[np.minimum(ahead + 1, len(self.frames) - 1)]
        a = np.where(opens, 0.0, step / np.where(opens, 1, there - behind))
        b = np.where(closes, 0.0, step / np.where(closes, 1, beyond - here))
        u = np.clip((frames - here) / step, 0, 1)
        return _shares(u, a, b, opens, closes)


def _shares(u: Numbers, a: Numbers, b: Numbers, opens: Mask, closes: Mask) -> Numbers:
    """Hermite's blend; `a`, `b` are a stretch's shares of the chords at its two keys.

    At a free end the curve does not bend: its slope is 1.5 of the stretch's less .5 of the other's.
    """
    rise, leave, arrive = u * u * (3 - 2 * u), u * (1 - u) ** 2, u * u * (u - 1)
    free = np.where(opens & closes, 1.0, 1.5)
    before = leave * a - arrive * np.where(closes, a / 2, 0)
    after = arrive * b - leave * np.where(opens, b / 2, 0)
    own = (
        rise + leave * np.where(opens, free - b / 2, a) + arrive * np.where(closes, free - a / 2, b)
    )
    return np.stack([before, own, after], 1)


def trace(values: Numbers, keys: Rows, shares: Numbers) -> Numbers:
    """Boxes of the curves through `values`, `(k, 4)`; exact at a key, and where nothing moves."""
    steps = np.diff(values, axis=0, append=values[-1:])
    made: Numbers = values.take(keys, axis=0)
    for k, place in enumerate((keys - 1, keys, np.minimum(keys + 1, len(values) - 1))):
        made += shares[:, k, None] * steps.take(place, axis=0)
    return made


@dataclass(frozen=True, eq=False)
class Target:
    """Boxes that curves should follow, and how closely."""

    boxes: Numbers
    """(n, 4) px, x1 y1 x2 y2."""
    bound: float
    """Least IoU, above 0."""

    @cached_property
    def sides(self) -> Numbers:
        """(n, 4) px: width, height, width, height; at least a thousandth."""
        return np.tile(np.maximum(self.boxes[:, 2:] - self.boxes[:, :2], 1e-3), 2)

    def where(self, rows: Rows) -> Target:
        """The boxes of some rows."""
        return Target(self.boxes.take(rows, axis=0), self.bound)

    def strain(self, made: Numbers) -> tuple[Numbers, Numbers]:
        """How far `made` is off, in sides of the box, `(n, 4)`, and what that costs, `(n,)`.

        The cost is log IoU in units of what is allowed: 1 is the limit. What is surely below
        costs 0.
        """
        shift = (self.boxes - made) / self.sides
        # Shifts that add up to s leave an IoU of at least 1 - s: most need no second look.
        near = np.flatnonzero(np.abs(shift).sum(1) > 1 - self.bound)
        overlap = boxes.iou_pairs(made.take(near, axis=0), self.boxes.take(near, axis=0))
        cost = np.zeros(len(made))
        cost[near] = np.log(np.maximum(overlap, 1e-12)) / np.log(min(self.bound, 1 - 1e-9))
        return shift, cost


def lay(
    knots: Knots,
    values: Numbers,
    free: Mask,
    keys: Rows,
    frames: Rows,
    target: Target,
    turns: int,
    fresh: bool = True,
) -> tuple[Numbers, Numbers]:
    """Values of the `free` keys that keep every box within the bound, if such are found.

    Least squares first. Then what goes too far is drawn back to what is allowed, with a weight that
    grows until it stays there: so the curve may use all of the tolerance in every frame.

    Args:
        knots: the curves.
        values: (k, 4) px; those of keys that are not free stay.
        free: (k,) which may change.
        keys: (n,) the key at or before each row, rising.
        frames: (n,) frame of each row.
        target: what the rows should be.
        turns: most corrections.
        fresh: whether to begin with least squares, or to go on from `values`.

    Returns:
        Values `(k, 4)`, and the cost of each row, above 1 where it is out of bounds.
    """
    shares = knots.shares(keys, frames)
    system, values = _System(keys, shares, free), values.copy()
    weights, far = np.ones(len(keys)), np.arange(len(keys))
    for turn in range(turns):
        shift, cost = target.strain(trace(values, keys, shares))
        if not (cost > 1).any():
            break
        if turn or not fresh:
            far = np.flatnonzero(cost > 1)
            weights = _heavier(weights if turn > fresh else np.full(len(keys), LEAST), far)
            shift = _excess(shift.take(far, axis=0), cost[far])
        values += system.solve(weights, far, shift * target.sides.take(far, axis=0))
    return values, target.strain(trace(values, keys, shares))[1]


def _heavier(weights: Numbers, far: Rows) -> Numbers:
    """Weights after a turn in which the rows `far` were out of bounds."""
    made = np.maximum(weights * FADE, LEAST)
    made[far] = np.clip(weights[far] * GROW, 1, MOST)
    return made


def _excess(shift: Numbers, cost: Numbers) -> Numbers:
    """What to take off each shift so that their sum is allowed, with the least change.

    Projection onto the ball of the sum of absolute values, whose radius is where the cost is 1:
    Duchi et al., "Efficient projections onto the l1-ball", 2008.
    """
    size = np.abs(shift)
    radius = MARGIN * size.sum(1) / cost
    falling = -np.sort(-size, axis=1)
    level = (np.cumsum(falling, axis=1) - radius[:, None]) / np.arange(1, 5)
    kept: Numbers = np.sign(shift) * np.minimum(size, level.max(1)[:, None])
    return kept


class _System:
    """Weighted least squares over keys: each row touches four, so the matrix is a narrow band."""

    def __init__(self, keys: Rows, shares: Numbers, free: Mask) -> None:
        self.keys, self.shares, self.free = keys, shares, free
        none = np.zeros((len(keys), 1))
        self.weights = np.concatenate([none, shares], 1) - np.concatenate([shares, none], 1)
        self.weights[:, 1] += 1
        self.pairs = [(i, j) for i in range(SUPPORT) for j in range(i, SUPPORT)]
        self.products = np.stack([self.weights[:, i] * self.weights[:, j] for i, j in self.pairs])
        self.starts = np.flatnonzero(np.diff(keys, prepend=-1))

    def solve(self, weights: Numbers, rows: Rows, wanted: Numbers) -> Numbers:
        """Change of the free keys `(k, 4)` that brings `rows` nearest to the `wanted` change.

        All other rows want to stay where they are.
        """
        band, pull = self._band(weights), self._pull(weights[rows], rows, wanted)
        factor = scipy.linalg.cholesky_banded(
            band, lower=True, overwrite_ab=True, check_finite=False
        )
        made: Numbers = scipy.linalg.cho_solve_banded((factor, True), pull, check_finite=False)
        return made

    def _band(self, weights: Numbers) -> Numbers:
        """Lower diagonals `(4, k)`; keys that stay have a row of their own."""
        sums = np.add.reduceat(self.products * weights, self.starts, axis=1)
        at = self.keys[self.starts]
        may = np.concatenate([[False], self.free, [False] * (SUPPORT - 2)])
        band = np.zeros((SUPPORT, len(may)))
        for (i, j), values in zip(self.pairs, sums, strict=True):
            band[j - i, at + i] += values * (may[at + i] & may[at + j])
        band[0] += np.where(may, 1e-9, 1)
        return np.ascontiguousarray(band[:, 1 : len(self.free) + 1])

    def _pull(self, weights: Numbers, rows: Rows, wanted: Numbers) -> Numbers:
        keys = self.keys[rows]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        shares = self.weights.take(rows, axis=0) * weights[:, None]
        moved = (shares[:, :, None] * wanted[:, None, :]).reshape(len(rows), -1)
        sums = np.add.reduceat(moved, starts, axis=0).reshape(-1, SUPPORT, 4)
        pull = np.zeros((len(self.free) + SUPPORT - 1, 4))
        for i in range(SUPPORT):
            pull[keys[starts] + i] += sums[:, i]
        return pull[1 : len(self.free) + 1] * self.free[:, None]
