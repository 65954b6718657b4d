"""mAP under thousands of draws of the test clips, by adding up counts instead of boxes.

Detections of a class are put into at most 64 bins of falling score, each of which ends with a
hit. What a clip adds to each bin is counted once; a draw of clips is then one row of a product of
matrices. With no more than 64 hits this is exact. Over 200 clips with 2,700 true boxes mAP is
within 0.0024, the gain of one model over another within 0.0005, and the standard error of the gain
within 0.2% of the exact ones (`average` of precision.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.training.evaluation import average_precision
from oneclick.training.evaluation.average_precision import Matches
from oneclick.training.evaluation.matching import IOUS

BINS = 64
BLOCK = 100
"""Draws at a time: their arrays stay in the cache, which halves the time."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What each clip adds, for one class."""

    groups: NDArray[np.intp]
    """(g,) numbers of the clips that add anything."""
    hits: NDArray[np.float32]
    """(g, 10 · bins) hits down to the end of each bin, for each of IOUS."""
    made: NDArray[np.float32]
    """(g, 10 · bins) boxes that count, likewise."""
    truths: NDArray[np.float32]
    """(g,) true boxes."""


def weights(groups: int, draws: int, seed: int) -> NDArray[np.float32]:
    """(draws, groups) how often each clip is drawn when as many as there are are drawn anew."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), draws).astype(np.float32)


def means(matches: Matches, drawn: NDArray[np.float32]) -> NDArray[np.float64]:
    """(draws,) mAP; NaN where no true box was drawn.

    Args:
        drawn: (draws, groups) how often each clip was drawn.
    """
    tallies = [tally(matches, c) for c in np.flatnonzero(matches.truths.any(0)).tolist()]
    if not tallies:
        return np.full(len(drawn), np.nan)
    blocks = (drawn[low : low + BLOCK] for low in range(0, len(drawn), BLOCK))
    found = np.concatenate([np.stack([_average(t, rows) for t in tallies], 1) for rows in blocks])
    seen = ~np.isnan(found)
    total = np.where(seen, found, 0).sum(1)
    return np.where(seen.any(1), total / np.maximum(seen.sum(1), 1), np.nan)


def tally(matches: Matches, cls: int) -> Tally:
    """Count one class of a test set, clip by clip."""
    rows = np.flatnonzero(matches.classes == cls)
    bins, last = _bins(np.asarray(matches.hits[rows].any(1)))
    rows = rows[:last]
    truths = matches.truths[:, cls]
    groups = np.union1d(np.flatnonzero(truths), matches.groups[rows])
    width = int(bins[last - 1]) + 1 if last else 1
    place = np.searchsorted(groups, matches.groups[rows]) * (len(IOUS) * width) + bins[:last]
    cells = place[:, None] + np.arange(len(IOUS)) * width
    shape = (len(groups), len(IOUS), width)
    hits, made = (_added(cells[which[rows]], shape) for which in (matches.hits, matches.counted))
    return Tally(groups, hits, made, truths[groups].astype(np.float32))


def _bins(hit: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Bin of each row, and the rows up to the last hit: what comes after changes nothing."""
    before: NDArray[np.intp] = np.cumsum(hit) - hit
    total = int(hit.sum())
    last = int(np.flatnonzero(hit)[-1]) + 1 if total else 0
    return (before * BINS // total if total > BINS else before), last


def _added(cells: NDArray[np.intp], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    counts = np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape)
    return counts.cumsum(2).reshape(shape[0], -1).astype(np.float32)


def _average(one: Tally, drawn: NDArray[np.float32]) -> NDArray[np.floating]:
    """(draws,) mean over IOUS of the average precision of a class."""
    weight = drawn[:, one.groups]
    shape = (len(weight), len(IOUS), -1)
    hits, made = ((weight @ table).reshape(shape) for table in (one.hits, one.made))
    expected = np.repeat((weight @ one.truths)[:, None], len(IOUS), 1)
    return np.asarray(average_precision.area(hits, made, expected).mean(1))
