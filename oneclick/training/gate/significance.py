"""Confidence of gains on slices, with few clips and all slices tested at once.

Images of one clip are alike, so clips are the units of evidence. They are drawn a thousand times
with replacement, the same for both models and for every slice (paired cluster bootstrap; Efron
1979, Field and Welsh 2007). Each draw gives a gain in mAP for every slice together, which keeps
what slices share.

A bootstrap over m clips gives too narrow intervals: its variance lacks the factor m / (m - 1), and
its tails are those of a normal distribution where Student's with m - 1 degrees of freedom are due
(Hesterberg 2015). Both are corrected here; where a few clips hold most of the true boxes, m is
Kish's effective number of clips, (sum b)² / sum b².

Over fifteen slices of two equal models the worst looks bad by chance. `worse` reports a regression
only where it is beyond what the worst of all slices would be by chance: the draws, shifted to a
gain of zero, give the distribution of the largest of all studentised losses (max-T with steps down,
Romano and Wolf 2005). The family-wise error, to report any slice of two equal models, is the level.
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
MIN_SPREAD = 1e-6
"""Spread of gains below which two models are the same."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GainEstimates:
    """Gains in mAP of a candidate on several slices, and their uncertainty."""

    champion: Numbers
    """(k,) mAP; NaN without true boxes."""
    candidate: Numbers
    """(k,)."""
    error: Numbers
    """(k,) standard error of the gain."""
    freedom: Numbers
    """(k,) degrees of freedom of that error."""
    draws: Numbers
    """(n, k) gain of each draw beyond that of the test set, in standard errors."""
    largest: float = 1.0
    """Largest gain or loss that can be."""

    @property
    def gain(self) -> Numbers:
        """Return the gain in mAP, (k,)."""
        return self.candidate - self.champion

    def bounds(self, level: float) -> tuple[Numbers, Numbers]:
        """Return lower and upper bounds of the gain (k,), each one-sided at confidence `level`."""
        distance = scipy.special.stdtrit(self.freedom, level) * self.error
        low = np.maximum(self.gain - distance, -self.largest)
        return low, np.minimum(self.gain + distance, self.largest)

    def confidence(self, margin: float) -> Numbers:
        """Return the confidence (k,) that the gain is more than `margin`."""
        studentised = (self.gain - margin) / np.maximum(self.error, MIN_SPREAD)
        return np.asarray(scipy.special.stdtr(self.freedom, studentised))

    def worse(self, level: float, rows: Sequence[int]) -> NDArray[np.bool_]:
        """Return which slices (k,) among `rows` are shown to lose, with steps down.

        Args:
            level: family-wise confidence.
        """
        worse = np.zeros(len(self.gain), bool)
        # The loss as a normal quantile, whatever its degrees of freedom.
        loss = -scipy.special.ndtri(np.maximum(self.confidence(0), 1e-300))
        remaining = list(rows)
        while remaining:
            largest = np.quantile((-self.draws[:, remaining]).max(1), level)
            significant = [k for k in remaining if loss[k] > largest and self.gain[k] < 0]
            if not significant:
                break
            worse[significant] = True
            remaining = [k for k in remaining if k not in significant]
        return worse


def estimate_gains(
    pairs: Sequence[tuple[Matches, Matches]], maps: Numbers, draws: int, seed: int = 0
) -> GainEstimates:
    """Compare candidate and champion on slices of one test set.

    Args:
        pairs: matches of candidate and champion on each slice; clips are numbered alike in all.
        maps: (k, 2) mAP of both on each slice; NaN without true boxes.
        draws: of the bootstrap.
    """
    clip_draws = bootstrap.draw_clips(len(pairs[0][0].truth_counts), draws, seed)
    deviations = np.stack([gain_deviations(*pair, clip_draws) for pair in pairs], 1)
    clips = np.array([effective_clips(candidate) for candidate, _ in pairs])
    return from_deviations(maps[:, 0], maps[:, 1], deviations, clips)


def from_deviations(
    candidate: Numbers,
    champion: Numbers,
    deviations: Numbers,
    clips: Numbers,
    largest: float = 1.0,
) -> GainEstimates:
    """Return the estimates that belong to bootstrap draws.

    Args:
        candidate, champion: (k,) on each slice.
        deviations: (draws, k) gain of each draw less the mean gain.
        clips: (k,) effective number of the units that were drawn.
        largest: largest gain or loss that can be.
    """
    spread = deviations.std(0)
    # One clip says nothing of how clips differ.
    error = np.where(clips > 1 + 1e-9, spread * np.sqrt(clips / np.maximum(clips - 1, 0.5)), np.inf)
    return GainEstimates(
        champion=champion,
        candidate=candidate,
        error=error,
        freedom=np.maximum(clips - 1, 0.5),
        draws=deviations / np.maximum(spread, MIN_SPREAD),
        largest=largest,
    )


def gain_deviations(
    candidate: Matches, champion: Matches, clip_draws: NDArray[np.float32]
) -> Numbers:
    """Return the gain of each draw less the mean gain, (draws,); 0 where no true box was drawn."""
    gains = bootstrap.mean_average_precision(candidate, clip_draws)
    gains = gains - bootstrap.mean_average_precision(champion, clip_draws)
    if np.isnan(gains).all():
        return np.zeros(len(gains))
    return np.nan_to_num(gains - np.nanmean(gains))


def effective_clips(matches: Matches) -> float:
    """Return Kish's effective number of clips, weighted by their true boxes."""
    boxes = matches.truth_counts.sum(1).astype(float)
    return float(boxes.sum() ** 2 / max(float(boxes @ boxes), 1e-9))
