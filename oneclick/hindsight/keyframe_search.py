"""Search for the key boxes of tracks: as few as it finds.

The search starts with keys at a fine step; then neighbouring keys are replaced by one fewer, at
random places all at once, as long as the curve through the keys stays within the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core.tracks import Tracks
from oneclick.hindsight import curves
from oneclick.hindsight.curves import CurveTarget, FloatArray, IndexArray, Knots, Mask

TIGHT = (0.6, 0.8, 0.9, 1.0)
"""Shares of the tolerance in which keys are removed, so that the cheapest go first."""
INITIAL_STEP = 32
"""Boxes from key to key at first."""
MIN_GAIN = 0.005
"""Sweeps end when one removes a smaller share of the keys."""
MAX_SWEEPS, MAX_SWEPT_BOXES = 8, 100_000
"""Most sweeps with all of the tolerance, and most boxes swept: long clips get fewer sweeps."""
SINGLE, SEVERAL = (1,), (2, 1, 3)
"""Neighbours replaced by one fewer: with a part of the tolerance, and with all of it."""
SAMPLES = 16
"""Boxes of a stretch that a fit uses; all are checked in the end."""
FEW_ROUNDS, MANY_ROUNDS = 4, 8
"""Corrections of a fit, and how many more it gets where its outcome is open."""
MAX_HOPEFUL_COST = 2.0
"""Cost after the first corrections above which more do not help."""
REACH = 2
"""Keys to each side that move where keys are removed."""


@dataclass(frozen=True, eq=False)
class KeyframeProblem:
    """Boxes that the curves have to follow, in order of (track, frame)."""

    frames: IndexArray
    """(n,) 0-based."""
    heads: Mask
    """(n,) the first boxes of tracks."""
    fixed: Mask
    """(n,) boxes that must stay keys: the ends of tracks and changes of class."""
    target: CurveTarget
    """The boxes and the least IoU."""

    @classmethod
    def from_tracks(cls, tracks: Tracks, bound: float) -> KeyframeProblem:
        """Create the problem of `tracks` with a least IoU of `bound`."""
        order = tracks.by_track
        heads = is_first(tracks.tracks[order])
        tails = np.append(heads[1:], True)[: len(heads)]
        target = CurveTarget(tracks.boxes[order].astype(np.float64), bound)
        fixed = heads | tails | is_first(tracks.classes[order])
        return cls(tracks.frames[order].astype(np.intp), heads, fixed, target)

    def with_bound(self, bound: float) -> KeyframeProblem:
        """Return the same problem with another least IoU."""
        return replace(self, target=replace(self.target, bound=bound))

    def knots(self, rows: IndexArray) -> Knots:
        """Return curves with their keys at `rows`."""
        return build_knots(self.frames[rows], self.heads[rows])

    def keys(self, rows: IndexArray) -> IndexArray:
        """Return the key at or before each box, `(n,)`, where keys are at `rows`."""
        marks = np.zeros(len(self.frames), np.intp)
        marks[rows] = 1
        return np.cumsum(marks) - 1


def search(problem: KeyframeProblem) -> tuple[IndexArray, FloatArray]:
    """Find few keys whose curve is within the bound.

    Returns:
        Rows of the keys, `(k,)`, and their boxes, `(k, 4)` px.
    """
    rng = np.random.default_rng(0)
    bounds = [problem.target.bound**share for share in TIGHT]
    rows, values = initial_keys(problem.with_bound(bounds[0]))
    for bound in bounds:
        rows, values = _sweep(problem.with_bound(bound), rows, values, rng, SINGLE)
    for _ in range(max(1, min(MAX_SWEEPS, MAX_SWEPT_BOXES // len(problem.frames)))):
        count = len(rows)
        rows, values = _sweep(problem, rows, values, rng, SEVERAL)
        if len(rows) > (1 - MIN_GAIN) * count:
            break
    return rows, values


def initial_keys(problem: KeyframeProblem) -> tuple[IndexArray, FloatArray]:
    """Return keys at even steps, halved wherever the curve cannot follow."""
    rows = np.arange(len(problem.heads))
    head = np.maximum.accumulate(np.where(problem.heads, rows, 0))
    is_key = problem.fixed | ((rows - head) % INITIAL_STEP == 0)
    while True:
        rows = np.flatnonzero(is_key)
        keys = problem.keys(rows)
        values, cost = curves.fit_curves(
            problem.knots(rows),
            problem.target.boxes.take(rows, axis=0),
            np.ones(len(rows), np.bool_),
            keys,
            problem.frames,
            problem.target,
            rounds=MANY_ROUNDS,
        )
        poor = np.unique(keys[cost > 1])
        middle = (rows[poor] + rows[np.minimum(poor + 1, len(rows) - 1)]) // 2
        if is_key[middle].all():
            return rows, values
        is_key[middle] = True


def _sweep(
    problem: KeyframeProblem,
    rows: IndexArray,
    values: FloatArray,
    rng: np.random.Generator,
    run_lengths: tuple[int, ...],
) -> tuple[IndexArray, FloatArray]:
    """Try everywhere to replace runs of neighbouring keys by one key fewer."""
    for count in run_lengths:
        for phase in range(count + 2 * REACH + curves.SUPPORT - 1):
            shift = rng.uniform(-0.4, 0.4)
            rows, values = remove_keys(problem, rows, values, count, phase, shift)
    return rows, values


def remove_keys(
    problem: KeyframeProblem,
    rows: IndexArray,
    values: FloatArray,
    count: int,
    phase: int,
    shift: float,
) -> tuple[IndexArray, FloatArray]:
    """Replace runs of keys by one key fewer wherever the curve stays within the bound.

    All runs are tried at once, so far apart that none touches the curve of another.

    Args:
        problem: the boxes.
        rows: `(k,)` rows of the keys.
        values: `(k, 4)` px, their boxes.
        count: keys of a run.
        phase: first key of the first run.
        shift: offset of the new keys, in steps from key to key.

    Returns:
        Rows and boxes of the keys after the replacement.
    """
    begin, new = propose_replacements(problem, rows, count, phase, shift)
    if not len(begin):
        return rows, values
    is_removed, zone = _mark_zones(problem.knots(rows), begin, count)
    stay = ~is_removed
    trial_rows, order = in_order(np.concatenate([rows[stay], new.ravel()]))
    zones = np.concatenate([zone[stay], np.repeat(np.arange(len(begin)), count - 1)])[order]
    start = np.concatenate([values[stay], problem.target.boxes[new.ravel()]])[order]
    trial_values, is_good = _fit_zones(problem, trial_rows, start, zones, len(begin))
    old, fitted = ~is_good[zone], is_good[zones]
    rows, order = in_order(np.concatenate([rows[old], trial_rows[fitted]]))
    return rows, np.concatenate([values[old], trial_values[fitted]])[order]


def propose_replacements(
    problem: KeyframeProblem, rows: IndexArray, count: int, phase: int, shift: float
) -> tuple[IndexArray, IndexArray]:
    """Select runs of keys to replace, and new keys for them.

    Args:
        problem: the boxes.
        rows: `(k,)` rows of the keys.
        count: keys of a run.
        phase: first key of the first run.
        shift: offset of the new keys, in steps from key to key.

    Returns:
        The first key of each run, `(w,)`, and rows of the new keys, `(w, count - 1)`.
    """
    begin = np.arange(phase, len(rows) - count, count + 2 * REACH + curves.SUPPORT - 1)
    inside = begin[:, None] + np.arange(count)
    begin = begin[~problem.fixed[rows[inside]].any(1)]
    # As dense as the old ones were: at even steps of the count of keys, not of time.
    step = np.arange(1, count) * (count + 1) / count + shift
    low = begin[:, None] - 1 + np.floor(step).astype(np.intp)
    new = rows[low] + np.rint((step % 1) * (rows[low + 1] - rows[low])).astype(np.intp)
    line = np.concatenate([rows[begin - 1, None], new, rows[begin + count, None]], 1)
    is_rising = (np.diff(line, axis=1) > 0).all(1)
    return begin[is_rising], new[is_rising]


def _mark_zones(knots: Knots, begin: IndexArray, count: int) -> tuple[Mask, IndexArray]:
    """Return which keys are removed, and the attempt that each key belongs to, -1 for none."""
    is_removed, zone = np.zeros(len(knots.frames), np.bool_), np.full(len(knots.frames), -1)
    for offset in range(-REACH, count + REACH):
        key = np.clip(begin + offset, knots.first[begin], knots.last[begin])
        zone[key] = np.arange(len(begin))
        is_removed[key] |= 0 <= offset < count
    return is_removed, zone


def _fit_zones(
    problem: KeyframeProblem, rows: IndexArray, values: FloatArray, zones: IndexArray, count: int
) -> tuple[FloatArray, Mask]:
    """Fit the keys in zones, and return all values and which zones are within the bound.

    The last zone, number `count`, stands for keys without a zone and is never within the bound.
    """
    trial = _Trial(problem, problem.knots(rows), problem.keys(rows), zones)
    worst = np.append(np.full(count, MAX_HOPEFUL_COST), 0)
    # Boxes at even steps of each stretch, the key's own among them.
    step = np.maximum(np.diff(rows, append=rows[-1]) // SAMPLES, 1)[trial.keys]
    samples = np.flatnonzero((np.arange(len(trial.keys)) - rows[trial.keys]) % step == 0)
    for rounds in (FEW_ROUNDS, MANY_ROUNDS):
        # Most zones succeed or are hopeless at once: only the others are worth more corrections.
        is_open = (worst > 1) & (worst <= MAX_HOPEFUL_COST)
        values, cost = trial.fit(values, is_open, samples, rounds)
        worst[is_open] = cost[is_open]
    is_good = (worst <= 1) & (np.arange(count + 1) < count)
    all_rows = np.arange(len(trial.keys))
    return values, is_good & (trial.fit(values, is_good, all_rows, 0)[1] <= 1)


@dataclass(frozen=True, eq=False)
class _Trial:
    """Keys of which some may move, in zones that are independent of each other."""

    problem: KeyframeProblem
    knots: Knots
    keys: IndexArray
    """(n,) the key at or before each row."""
    zones: IndexArray
    """(k,) zone of each key, -1 for none."""

    @cached_property
    def zone_of_row(self) -> IndexArray:
        """Return the zone whose keys move each row, `(n,)`, -1 for none."""
        support = self.knots.support(np.arange(len(self.zones)))
        return np.asarray(self.zones[support].max(1)[self.keys])

    def fit(
        self, values: FloatArray, is_free: Mask, rows: IndexArray, rounds: int
    ) -> tuple[FloatArray, FloatArray]:
        """Fit the keys of the free zones to `rows`; return values and the largest cost per zone."""
        worst = np.zeros(len(is_free))
        rows = rows[is_free[self.zone_of_row[rows]]]
        if len(rows):
            values, cost = curves.fit_curves(
                self.knots,
                values,
                is_free[self.zones],
                self.keys[rows],
                self.problem.frames[rows],
                self.problem.target.where(rows),
                rounds=rounds,
                restart=rounds == FEW_ROUNDS,
            )
            np.maximum.at(worst, self.zone_of_row[rows], cost)
        return values, worst


def is_first(values: NDArray[np.generic]) -> Mask:
    """Check where a value differs from the one before it, `(n,)`; true for the first."""
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]


def build_knots(frames: IndexArray, heads: Mask) -> Knots:
    """Create knots with keys at `frames`; `heads` marks the first key of each curve."""
    first = np.flatnonzero(heads)
    count = np.diff(np.append(first, len(frames)))
    return Knots(frames, np.repeat(first, count), np.repeat(first + count - 1, count))


def in_order(rows: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return the sorted rows and the order that sorts them."""
    order = np.argsort(rows)
    return rows[order], order
