"""Fusion of several models whose reliability is unknown: the first leads, the others vote.

Averaging all boxes of models with uncalibrated scores is worse than the best of them alone
(measured: equal-weight box fusion of two or three models loses on three of four videos). So a box
stays the leading model's, and each other model that detects it too adds one vote. Only boxes that
agree closely are averaged: their errors are independent, and nobody's box is far off. A model whose
boxes jitter less from frame to frame counts more in that mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections, concat
from oneclick.core.tracks import DETECTED, UNITED
from oneclick.hindsight import jitter
from oneclick.hindsight.options import HindsightOptions


@dataclass(frozen=True, eq=False)
class FusedDetections:
    """Detections of all models; scores are strengths, 1 is the operating threshold."""

    high_score: Detections
    """Boxes at or above the threshold."""
    origins: NDArray[np.str_]
    """(len(high_score),) DETECTED or UNITED."""
    mean_boxes: NDArray[np.float32]
    """(len(high_score), 4) px: labels show these; `high_score` decides what belongs together."""
    low_score: Detections
    """Boxes below the threshold, which may fill holes of tracks."""
    unit_probability: float = 0.0
    """Probability that a strength of 1 stands for; 0 where it is unknown."""


def fuse(
    detections: Sequence[Detections], thresholds: Sequence[float], options: HindsightOptions
) -> FusedDetections:
    """Fuse the detections of several models over the same clip by votes.

    Boxes that more than half of the models detect, but not the leading one, are added.

    Args:
        detections: of each model, best model first.
        thresholds: operating threshold of each model.
        options: of fusion.
    """
    models = [
        prepare_detections(boxes, threshold, options)
        for boxes, threshold in zip(detections, thresholds, strict=True)
    ]
    lead, rivals = models[0], [model.above(1) for model in models[1:]]
    votes = np.zeros(len(lead), np.float32)
    means = average_close_boxes(lead, rivals, options)
    for rival in rivals:
        votes += _vote(rival, lead, options.vote_iou)
    # At most 1: a vote lifts a box to the threshold, but boxes without votes do not become weaker.
    supported = np.minimum(lead.scores + np.float32(options.vote_strength) * votes, 1)
    lead = replace(lead, scores=np.maximum(lead.scores, supported))
    is_high = lead.scores >= 1
    candidates = []
    for rival in rivals:
        is_new = np.ones(len(rival), np.bool_)
        is_new[association.overlaps(rival, lead.where(is_high), options.vote_iou)[0]] = False
        candidates.append(rival.where(is_new))
    empty = Detections.empty(lead.length, lead.fps, lead.names)
    added, others = select_majority(candidates, empty, options.vote_iou)
    united = np.concatenate([votes[is_high] > 0, np.ones(len(added), np.bool_)])
    order = np.argsort(np.concatenate([lead.frames[is_high], added.frames]), kind="stable")
    return FusedDetections(
        concat([lead.where(is_high), added]),
        np.where(united, UNITED, DETECTED)[order],
        np.concatenate([means[is_high], added.boxes])[order],
        concat([lead.where(~is_high), *others]),
    )


def average_close_boxes(
    lead: Detections, rivals: Sequence[Detections], options: HindsightOptions
) -> NDArray[np.float32]:
    """Return the boxes of `lead`, each the mean of itself and the rivals' that agree, `(n, 4)` px.

    Boxes are weighted by their model's jitter. A model that is much steadier than the leading one,
    or much less, need not agree as closely: one of the two boxes hardly counts.

    Args:
        lead: boxes of the leading model.
        rivals: boxes of each other model over the same frames.
        options: of fusion.
    """
    if options.mean_iou >= 1:
        return lead.boxes
    jitters = jitter.of_models([lead, *rivals], options)
    first, *weights = (1 / np.square(jitters)).tolist()
    count = np.full((len(lead), 1), float(first))
    total = count * lead.boxes
    for rival, weight, contrast in zip(rivals, weights, jitters[1:] / jitters[0], strict=True):
        is_unlike = min(contrast, 1 / contrast) < options.unlike_jitter
        min_iou = options.vote_iou if is_unlike else options.mean_iou
        rows, rival_rows = association.match_frames(lead, rival, min_iou)
        total[rows] += weight * rival.boxes[rival_rows]
        count[rows] += weight
    return np.asarray(total / count, np.float32)


def prepare_detections(
    detections: Detections, threshold: float, options: HindsightOptions
) -> Detections:
    """Return the boxes of one model with strengths as scores, without weak and duplicate ones."""
    strong = normalise_scores(detections, threshold).above(options.min_strength)
    return suppress_overlaps(strong, options.same_iou)


def normalise_scores(detections: Detections, threshold: float) -> Detections:
    """Convert scores to multiples of the threshold, or 1 + score - threshold if that is 0 or less.

    A threshold that is not finite stands for the lowest score: every box is above it.
    """
    scores = detections.scores.astype(np.float64)
    if not np.isfinite(threshold):
        threshold = float(scores.min(initial=1))
    # A threshold typed in decimal must not be above the same number in single precision.
    threshold = float(np.float32(threshold))
    strengths = scores / threshold if threshold > 0 else 1 + scores - threshold
    return replace(detections, scores=np.maximum(strengths, 0).astype(np.float32))


def suppress_overlaps(detections: Detections, threshold: float) -> Detections:
    """Apply non-maximum suppression per class and frame at an IoU of `threshold`."""
    i, j, _ = association.overlaps(detections, detections, threshold)
    pairs = (i != j) & (detections.classes[i] == detections.classes[j])
    i, j = i[pairs], j[pairs]
    order = np.lexsort((np.arange(len(detections)), -detections.scores))
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    i, j = i[rank[i] < rank[j]], j[rank[i] < rank[j]]
    suppressed = np.zeros(len(detections), np.bool_)
    for k in np.argsort(rank[i], kind="stable").tolist():
        suppressed[j[k]] |= ~suppressed[i[k]]
    return detections.where(~suppressed)


def select_majority(
    candidates: Sequence[Detections], empty: Detections, min_iou: float
) -> tuple[Detections, list[Detections]]:
    """Select the boxes that more than half of all models detect.

    Args:
        candidates: boxes of each model but the leading one, which has none of them.
        empty: detections of the clip without a box.
        min_iou: IoU from which on boxes of two models are one object.

    Returns:
        The selected boxes without duplicates, and the other boxes of each model.
    """
    majority = (len(candidates) + 1) // 2 + 1
    selected, others = [empty], []
    for detections in candidates:
        votes = np.ones(len(detections), np.float32)
        for rival in candidates:
            if rival is not detections:
                votes += _vote(rival, detections, min_iou)
        is_majority = votes >= majority
        selected.append(detections.where(is_majority))
        others.append(detections.where(~is_majority))
    return suppress_overlaps(concat(selected), min_iou), others


def _vote(rival: Detections, lead: Detections, min_iou: float) -> NDArray[np.float32]:
    """Return 1 for each box of `lead` that is matched one to one by the rival, else 0, `(n,)`."""
    vote = np.zeros(len(lead), np.float32)
    vote[association.match_frames(lead, rival, min_iou)[0]] = 1
    return vote
