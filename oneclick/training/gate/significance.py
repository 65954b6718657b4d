"""How sure the gains on slices are, with few clips and all slices tested at once.

The images of a clip are alike, so clips are the witnesses. They are drawn anew a thousand times,
the same for both models and for every slice (paired cluster bootstrap; Efron 1979, Field and Welsh
2007). Each draw gives a gain in mAP for every slice together, which keeps what slices share.

A bootstrap over m clips gives too narrow intervals: its variance lacks the factor m / (m - 1), and
its tails are those of a normal distribution where Student's with m - 1 degrees of freedom are due
(Hesterberg 2015). Both are put right here; where a few clips hold most of the true boxes, m is
Kish's effective number of clips, (sum b)² / sum b².

Over fifteen slices of two equal models the worst looks bad by chance. `worse` names a regression
only where it is beyond what the worst of all slices would be by chance: the draws, moved to a gain
of zero, say how the largest of all studentised losses is distributed (max-T with steps down,
Romano and Wolf 2005). The chance of naming any slice of two equal models is the level, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.training.evaluation.average_precision import Matches
from oneclick.training.gate import bootstrap

Numbers = NDArray[np.float64]
LEAST = 1e-6
"""Spread of gains below which two models are the same."""


@dataclass(frozen=True, eq=False)
class Gains:
    """What a candidate gains in mAP on several slices, and how it varies."""

    champion: Numbers
    """(k,) mAP; NaN where nothing was to be found."""
    candidate: Numbers
    """(k,)."""
    error: Numbers
    """(k,) standard error of the gain."""
    freedom: Numbers
    """(k,) degrees of freedom of that error."""
    draws: Numbers
    """(n, k) gain of each draw beyond that of the test set, in standard errors."""

    @property
    def gain(self) -> Numbers:
        """(k,) mAP."""
        return self.candidate - self.champion

    def bounds(self, level: float) -> tuple[Numbers, Numbers]:
        """(k,) lower and upper bound of the gain, each held with probability `level`."""
        room = scipy.special.stdtrit(self.freedom, level) * self.error
        return np.maximum(self.gain - room, -1), np.minimum(self.gain + room, 1)

    def confidence(self, margin: float) -> Numbers:
        """(k,) confidence with which the gain is more than `margin`."""
        return np.asarray(scipy.special.stdtr(self.freedom, self._scaled(margin)))

    def _scaled(self, margin: float) -> Numbers:
        return (self.gain - margin) / np.maximum(self.error, LEAST)

    def worse(self, level: float, rows: Sequence[int]) -> NDArray[np.bool_]:
        """(k,) slices among `rows` shown to lose; one is named wrongly 1 - `level` often."""
        found = np.zeros(len(self.gain), bool)
        # What normal quantile the loss amounts to, whatever its degrees of freedom.
        loss = -scipy.special.ndtri(
            np.maximum(scipy.special.stdtr(self.freedom, self._scaled(0)), 1e-300)
        )
        left = list(rows)
        while left:
            largest = np.quantile((-self.draws[:, left]).max(1), level)
            fresh = [k for k in left if loss[k] > largest and self.gain[k] < 0]
            if not fresh:
                break
            found[fresh] = True
            left = [k for k in left if k not in fresh]
        return found


def gains(
    pairs: Sequence[tuple[Matches, Matches]], maps: Numbers, draws: int, seed: int = 0
) -> Gains:
    """Compare candidate and champion on slices of one test set; clips are numbered alike in all.

    Args:
        maps: (k, 2) mAP of both on the whole of each slice; NaN where nothing was to be found.
    """
    groups = len(pairs[0][0].truths)
    drawn = bootstrap.weights(groups, draws, seed)
    moved = np.stack([_moved(*pair, drawn) for pair in pairs], 1)
    clips = np.array([_clips(candidate) for candidate, _ in pairs])
    spread = moved.std(0)
    # One clip says nothing of how clips differ.
    error = np.where(clips > 1 + 1e-9, spread * np.sqrt(clips / np.maximum(clips - 1, 0.5)), np.inf)
    scaled = moved / np.maximum(spread, LEAST)
    return Gains(maps[:, 1], maps[:, 0], error, np.maximum(clips - 1, 0.5), scaled)


def _moved(candidate: Matches, champion: Matches, drawn: NDArray[np.float32]) -> Numbers:
    """(draws,) gains about their mean; 0 where a draw holds nothing of the slice."""
    found = bootstrap.means(candidate, drawn) - bootstrap.means(champion, drawn)
    if np.isnan(found).all():
        return np.zeros(len(found))
    return np.nan_to_num(found - np.nanmean(found))


def _clips(matches: Matches) -> float:
    """Effective number of clips, by their true boxes."""
    boxes = matches.truths.sum(1).astype(float)
    return float(boxes.sum() ** 2 / max(float(boxes @ boxes), 1e-9))
