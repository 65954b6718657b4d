"""mAP under thousands of draws of the test clips, by adding up counts instead of boxes.

Detections of a class are put into at most 64 bins of descending score, each of which ends with a
true positive. What a clip adds to each bin is counted once; a draw of clips is then one row of a
product of matrices. With no more than 64 true positives this is exact. Over 200 clips with 2,700
true boxes mAP is within 0.0024, the gain of one model over another within 0.0005, and the standard
error of the gain within 0.2% of the exact ones (`average_precision.average`).
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
class ClipCounts:
    """Counts of one class, clip by clip."""

    groups: NDArray[np.intp]
    """(g,) numbers of the clips that have a true box or a detection."""
    hits: NDArray[np.float32]
    """(g, 10 · bins) true positives down to the end of each bin, for each of IOUS."""
    positives: NDArray[np.float32]
    """(g, 10 · bins) true and false positives, likewise."""
    truths: NDArray[np.float32]
    """(g,) true boxes."""

    def average_precision(self, draws: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the average precision (n,), mean over IOUS.

        Args:
            draws: (n, groups) how often each clip is drawn.
        """
        weights = draws[:, self.groups]
        shape = (len(weights), len(IOUS), -1)
        hits, positives = (weights @ self.hits), (weights @ self.positives)
        truths = np.repeat((weights @ self.truths)[:, None], len(IOUS), 1)
        area = average_precision.interpolated_area(
            hits.reshape(shape), positives.reshape(shape), truths
        )
        return np.asarray(area.mean(1))


def draw_clips(groups: int, draws: int, seed: int) -> NDArray[np.float32]:
    """Draw `groups` clips with replacement, `draws` times: (draws, groups) counts."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(groups, np.full(groups, 1 / groups), draws).astype(np.float32)


def mean_average_precision(matches: Matches, draws: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute mAP (n,) of each draw; NaN where no true box was drawn.

    Args:
        draws: (n, groups) how often each clip is drawn.
    """
    classes = np.flatnonzero(matches.truth_counts.any(0)).tolist()
    if not classes:
        return np.full(len(draws), np.nan)
    counts = [count_by_clip(matches, c) for c in classes]
    blocks = [draws[low : low + BLOCK] for low in range(0, len(draws), BLOCK)]
    precision = np.concatenate(
        [np.stack([c.average_precision(block) for c in counts], 1) for block in blocks]
    )
    valid = ~np.isnan(precision)
    total = np.where(valid, precision, 0).sum(1)
    return np.where(valid.any(1), total / np.maximum(valid.sum(1), 1), np.nan)


def count_by_clip(matches: Matches, cls: int) -> ClipCounts:
    """Count true positives and positives of one class of a test set, clip by clip and binned."""
    rows = np.flatnonzero(matches.classes == cls)
    hit = np.asarray(matches.hits[rows].any(1))
    total = int(hit.sum())
    # What comes after the last true positive changes nothing.
    last = int(np.flatnonzero(hit)[-1]) + 1 if total else 0
    earlier_hits: NDArray[np.intp] = np.cumsum(hit) - hit
    bins = (earlier_hits * BINS // total if total > BINS else earlier_hits)[:last]
    rows, truths = rows[:last], matches.truth_counts[:, cls]
    groups = np.union1d(np.flatnonzero(truths), matches.groups[rows])
    shape = (len(groups), len(IOUS), int(bins[-1]) + 1 if last else 1)
    place = np.searchsorted(groups, matches.groups[rows]) * (len(IOUS) * shape[2]) + bins
    cells = place[:, None] + np.arange(len(IOUS)) * shape[2]
    hits, positives = (
        np.bincount(cells[mask[rows]], minlength=int(np.prod(shape)))
        .reshape(shape)
        .cumsum(2)
        .reshape(len(groups), -1)
        .astype(np.float32)
        for mask in (matches.hits, matches.considered)
    )
    return ClipCounts(groups, hits, positives, truths[groups].astype(np.float32))
