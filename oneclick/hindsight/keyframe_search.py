"""Which boxes of tracks become keys: as few as the search finds.

Keys are cut finely enough first; then neighbours are replaced by one fewer, at random places all at
once, as long as a curve through what is left stays within the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core.tracks import Tracks
from oneclick.hindsight import curves
from oneclick.hindsight.curves import Knots, Mask, Numbers, Rows, Target

TIGHT = (0.6, 0.8, 0.9, 1.0)
"""Shares of the tolerance in which keys are taken away, so that the cheapest go first."""
COARSE = 32
"""Boxes from key to key at first."""
WORTH = 0.005
"""Sweeps end when one takes away a smaller share of the keys."""
SWEEPS, WORK = 8, 100_000
"""Most sweeps with all of the tolerance, and most boxes swept: long clips get fewer."""
SINGLE, SEVERAL = (1,), (2, 1, 3)
"""Neighbours replaced by one fewer: with a part of the tolerance, and with all of it."""
SAMPLES = 16
"""Boxes of a stretch that steer a fit; all are looked at in the end."""
FEW, MANY = 4, 8
"""Corrections of a fit, and how many more it gets where it is still in doubt."""
HOPE = 2.0
"""Cost after the first corrections above which more do not help."""
REACH = 2
"""Keys to each side that give way where keys are taken away."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Boxes in order of (track, frame)."""

    frames: Rows
    heads: Mask
    """(n,) the first boxes of tracks."""
    fixed: Mask
    """(n,) boxes that must stay keys: the ends of tracks and changes of class."""
    target: Target

    def knots(self, rows: Rows) -> Knots:
        """Curves with their keys at `rows`."""
        return knots_of(self.frames[rows], self.heads[rows])

    def keys(self, rows: Rows) -> Rows:
        """(n,) the key at or before each box."""
        marks = np.zeros(len(self.frames), np.intp)
        marks[rows] = 1
        return np.cumsum(marks) - 1


def clip_of(tracks: Tracks, bound: float) -> Clip:
    order = tracks.by_track
    heads = firsts(tracks.tracks[order])
    fixed = heads | np.append(heads[1:], True)[: len(heads)] | firsts(tracks.classes[order])
    target = Target(tracks.boxes[order].astype(np.float64), bound)
    return Clip(tracks.frames[order].astype(np.intp), heads, fixed, target)


def search(clip: Clip) -> tuple[Rows, Numbers]:
    """Keys, as rows, and their boxes: cut finely enough first, then taken away again."""
    rng = np.random.default_rng(0)
    bounds = [clip.target.bound**share for share in TIGHT]
    rows, values = _split(_bound(clip, bounds[0]))
    for bound in bounds:
        rows, values = _sweep(_bound(clip, bound), rows, values, rng, SINGLE)
    for _ in range(max(1, min(SWEEPS, WORK // len(clip.frames)))):
        count = len(rows)
        rows, values = _sweep(clip, rows, values, rng, SEVERAL)
        if len(rows) > (1 - WORTH) * count:
            break
    return rows, values


def _bound(clip: Clip, bound: float) -> Clip:
    return replace(clip, target=replace(clip.target, bound=bound))


def _split(clip: Clip) -> tuple[Rows, Numbers]:
    """Keys at even steps, halved wherever the curve cannot follow."""
    head = np.maximum.accumulate(np.where(clip.heads, np.arange(len(clip.heads)), 0))
    chosen = clip.fixed | ((np.arange(len(head)) - head) % COARSE == 0)
    while True:
        rows = np.flatnonzero(chosen)
        free, keys = np.ones(len(rows), np.bool_), clip.keys(rows)
        given = clip.target.boxes.take(rows, axis=0)
        values, cost = curves.lay(
            clip.knots(rows), given, free, keys, clip.frames, clip.target, MANY
        )
        poor = np.unique(keys[cost > 1])
        middle = (rows[poor] + rows[np.minimum(poor + 1, len(rows) - 1)]) // 2
        if chosen[middle].all():
            return rows, values
        chosen[middle] = True


def _sweep(
    clip: Clip, rows: Rows, values: Numbers, rng: np.random.Generator, runs_of: tuple[int, ...]
) -> tuple[Rows, Numbers]:
    """Tries everywhere to put one key fewer in place of so many neighbours."""
    for many in runs_of:
        for phase in range(many + 2 * REACH + curves.SUPPORT - 1):
            shift = rng.uniform(-0.4, 0.4)
            rows, values = _merge(clip, rows, values, many, phase, shift)
    return rows, values


def _merge(
    clip: Clip, rows: Rows, values: Numbers, many: int, phase: int, shift: float
) -> tuple[Rows, Numbers]:
    """One key fewer wherever the curve still fits with `many` neighbours replaced by one fewer.

    Places are tried all at once, so far apart that none touches the curve of another.
    """
    begin, new = _places_to_try(clip, rows, many, phase, shift)
    if not len(begin):
        return rows, values
    gone, zone = _zones(clip.knots(rows), begin, many)
    trial, order = in_order(np.concatenate([rows[~gone], new.ravel()]))
    zones = np.concatenate([zone[~gone], np.repeat(np.arange(len(begin)), many - 1)])[order]
    start = np.concatenate([values[~gone], clip.target.boxes[new.ravel()]])[order]
    made, good = _fit(clip, trial, start, zones, len(begin))
    stay, take = ~good[zone], good[zones]
    rows, order = in_order(np.concatenate([rows[stay], trial[take]]))
    return rows, np.concatenate([values[stay], made[take]])[order]


def _places_to_try(
    clip: Clip, rows: Rows, many: int, phase: int, shift: float
) -> tuple[Rows, Rows]:
    """The first keys to replace, `(w,)`, and the rows of the new keys, `(w, many - 1)`."""
    begin = np.arange(phase, len(rows) - many, many + 2 * REACH + curves.SUPPORT - 1)
    inside = begin[:, None] + np.arange(many)
    begin = begin[~clip.fixed[rows[inside]].any(1)]
    # As dense as the old ones were: at even steps of the count of keys, not of time.
    step = np.arange(1, many) * (many + 1) / many + shift
    low = begin[:, None] - 1 + np.floor(step).astype(np.intp)
    new = rows[low] + np.rint((step % 1) * (rows[low + 1] - rows[low])).astype(np.intp)
    line = np.concatenate([rows[begin - 1, None], new, rows[begin + many, None]], 1)
    rising = (np.diff(line, axis=1) > 0).all(1)
    return begin[rising], new[rising]


def _zones(knots: Knots, begin: Rows, many: int) -> tuple[Mask, Rows]:
    """Keys that are taken away, and which attempt each key serves, -1 for none."""
    gone, zone = np.zeros(len(knots.frames), np.bool_), np.full(len(knots.frames), -1)
    for offset in range(-REACH, many + REACH):
        key = np.clip(begin + offset, knots.first[begin], knots.last[begin])
        zone[key] = np.arange(len(begin))
        gone[key] |= 0 <= offset < many
    return gone, zone


def _fit(clip: Clip, rows: Rows, values: Numbers, zones: Rows, count: int) -> tuple[Numbers, Mask]:
    """Values of all keys after a fit of those in zones, and which zones succeeded.

    One zone more than there are stands for none and never succeeds.
    """
    trial = _Trial(clip, clip.knots(rows), clip.keys(rows), zones)
    worst = np.append(np.full(count, HOPE), 0)
    few = np.flatnonzero(_sampled(rows, trial.keys))
    for turns in (FEW, MANY):
        # Most places succeed or are hopeless at once: only the others are worth more.
        doubt = (worst > 1) & (worst <= HOPE)
        values, cost = trial.lay(values, doubt, few, turns)
        worst[doubt] = cost[doubt]
    good = (worst <= 1) & (np.arange(count + 1) < count)
    all_rows = np.arange(len(trial.keys))
    return values, good & (trial.lay(values, good, all_rows, 0)[1] <= 1)


@dataclass(frozen=True, eq=False)
class _Trial:
    """Keys of which some may move, in zones that have nothing to do with each other."""

    clip: Clip
    knots: Knots
    keys: Rows
    """(n,) the key at or before each row."""
    zones: Rows
    """(k,) zone of each key, -1 for none."""

    @cached_property
    def zone_of(self) -> Rows:
        """(n,) zone whose keys move each row, -1 for none."""
        support = self.knots.support(np.arange(len(self.zones)))
        return np.asarray(self.zones[support].max(1)[self.keys])

    def lay(self, values: Numbers, those: Mask, rows: Rows, turns: int) -> tuple[Numbers, Numbers]:
        """Values after a fit of `those` zones to the `rows`, and the largest cost in each zone."""
        worst = np.zeros(len(those))
        rows = rows[those[self.zone_of[rows]]]
        if len(rows):
            values, cost = curves.lay(
                self.knots,
                values,
                those[self.zones],
                self.keys[rows],
                self.clip.frames[rows],
                self.clip.target.where(rows),
                turns,
                turns == FEW,
            )
            np.maximum.at(worst, self.zone_of[rows], cost)
        return values, worst


def _sampled(rows: Rows, keys: Rows) -> Mask:
    """True for boxes at even steps of each stretch, the key's own among them."""
    every = np.maximum(np.diff(rows, append=rows[-1]) // SAMPLES, 1)
    even: Mask = (np.arange(len(keys)) - rows[keys]) % every[keys] == 0
    return even


def firsts(values: NDArray[np.generic]) -> Mask:
    """True where a value differs from the one before it."""
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]


def knots_of(frames: Rows, heads: Mask) -> Knots:
    """Keys at `frames`; `heads` are the first of their curves."""
    first = np.flatnonzero(heads)
    count = np.diff(np.append(first, len(frames)))
    return Knots(frames, np.repeat(first, count), np.repeat(first + count - 1, count))


def in_order(rows: Rows) -> tuple[Rows, Rows]:
    order = np.argsort(rows)
    return rows[order], order
