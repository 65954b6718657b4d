"""Several models of which nothing is known over one clip: the first leads, the others vote.

Averaging boxes of models with uncalibrated scores is worse than the best of them alone (measured:
equal-weight box fusion of two or three models loses on three of four videos). So a box stays the
leading model's, and each other model that sees it adds one vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections, concat
from oneclick.core.tracks import DETECTED, UNITED
from oneclick.hindsight.options import Options

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the models saw; scores are strengths, 1 is the operating threshold."""

    seen: Detections
    """Boxes that count as seen."""
    origins: NDArray[np.str_]
    """(len(seen),) detected or united."""
    doubts: Detections
    """Boxes that may fill a hole of a track, but found none."""
    sure: float = 0.0
    """Probability that a strength of 1 stands for; 0 where nobody knows what scores mean."""


def fuse(parts: Sequence[Detections], thresholds: Sequence[float], options: Options) -> Evidence:
    """Evidence from one Detections a model, all over the same clip, best model first."""
    models = [heard(part, least, options) for part, least in zip(parts, thresholds, strict=True)]
    lead, rivals = models[0], [model.above(1) for model in models[1:]]
    votes = np.zeros(len(lead), np.float32)
    for rival in rivals:
        votes += _sees(rival, lead, options.vote_iou)
    # No further: a vote settles a doubt, but does not make those without votes look faint.
    voted = np.minimum(lead.scores + np.float32(options.vote) * votes, 1)
    lead = replace(lead, scores=np.maximum(lead.scores, voted))
    mine = lead.scores >= 1
    alone = [_unseen(rival, lead.where(mine), options.vote_iou) for rival in rivals]
    new, left = _agreed(alone, lead.where(np.zeros(len(lead), np.bool_)), options)
    seen = concat([lead.where(mine), new])
    united = np.concatenate([votes[mine] > 0, np.ones(len(new), np.bool_)])
    order = np.argsort(np.concatenate([lead.frames[mine], new.frames]), kind="stable")
    origins = np.where(united, UNITED, DETECTED)[order]
    return Evidence(seen, origins, concat([lead.where(~mine), *left]))


def heard(detections: Detections, threshold: float, options: Options) -> Detections:
    """Boxes of one model that are evidence of anything, scores as strengths."""
    return distinct(strengths(detections, threshold).above(options.floor), options.same_iou)


def strengths(detections: Detections, threshold: float) -> Detections:
    """Scores as multiples of the threshold; where that is 0 or below, as 1 + distance to it.

    A threshold that is not finite stands for the lowest score: every box counts as seen.
    """
    scores = detections.scores.astype(np.float64)
    if not np.isfinite(threshold):
        threshold = float(scores.min(initial=1))
    # A threshold typed in decimal must not lose to the same number in single precision.
    threshold = float(np.float32(threshold))
    made = scores / threshold if threshold > 0 else 1 + scores - threshold
    return replace(detections, scores=np.maximum(made, 0).astype(np.float32))


def distinct(detections: Detections, at: float) -> Detections:
    """Without the weaker of two boxes of one class and frame that overlap more than `at`."""
    i, j, _ = association.overlaps(detections, detections, at)
    pairs = (i != j) & (detections.classes[i] == detections.classes[j])
    i, j = i[pairs], j[pairs]
    beats = np.lexsort((np.arange(len(detections)), -detections.scores))
    rank = np.empty(len(beats), np.intp)
    rank[beats] = np.arange(len(beats))
    i, j = i[rank[i] < rank[j]], j[rank[i] < rank[j]]
    gone = np.zeros(len(detections), np.bool_)
    for k in np.argsort(rank[i], kind="stable").tolist():
        gone[j[k]] |= ~gone[i[k]]
    return detections.where(~gone)


def _sees(rival: Detections, lead: Detections, at: float) -> NDArray[np.float32]:
    """1 for each box of `lead` that the rival sees, 0 for the others; one-to-one."""
    vote = np.zeros(len(lead), np.float32)
    vote[association.match_frames(lead, rival, at)[0]] = 1
    return vote


def _unseen(rival: Detections, lead: Detections, at: float) -> Detections:
    """The rival's boxes that overlap no box of the lead."""
    alone = np.ones(len(rival), np.bool_)
    alone[association.overlaps(rival, lead, at)[0]] = False
    return rival.where(alone)


def _agreed(
    alone: list[Detections], nothing: Detections, options: Options
) -> tuple[Detections, list[Detections]]:
    """Boxes that more than half of all models see, though not the lead; and each rival's others."""
    most = (len(alone) + 1) // 2 + 1
    shared, left = [nothing], []
    for part in alone:
        votes = np.ones(len(part), np.float32)
        for other in alone:
            if other is not part:
                votes += _sees(other, part, options.vote_iou)
        enough = votes >= most
        shared.append(part.where(enough))
        left.append(part.where(~enough))
    return distinct(concat(shared), options.vote_iou), left
