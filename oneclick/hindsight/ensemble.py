"""Ensemble of labellers over one clip, each weighted by what reviewed clips taught about it.

Boxes of different models that show one object are pooled, with a merged box and a probability: the
probabilities of the models, combined with learned weights. A model without a box adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, logistic
from oneclick.core.detections import Detections, concat
from oneclick.core.tracks import DETECTED, UNITED
from oneclick.hindsight.fuse import FusedDetections
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.skills import TeamSkills

IndexArray = NDArray[np.intp]
FloatArray = NDArray[np.float64]

SAME_OBJECT = 0.5
"""IoU from which on boxes of two models, or a box and the ground truth, are one object."""
CLIP_SAMPLE_WEIGHT, PRIOR_PRECISION = 0.3, 10.0
"""Weight of a box of the clip itself, and precision of the weights learned from reviews."""


@dataclass(frozen=True, eq=False)
class PooledDetections:
    """Boxes of all models in one clip, by object and frame."""

    objects: Detections
    """(n) merged boxes."""
    features: FloatArray
    """(n, 1 + models) ones, then the probability that each model gives; 0 where it has no box."""
    model_counts: IndexArray
    """(n,) models at or above their threshold."""

    def match_truth(self, truth: Detections) -> NDArray[np.bool_]:
        """Check which objects are matched one to one by a box of `truth`, `(n,)`."""
        matches = np.zeros(len(self.objects), np.bool_)
        matches[association.match_frames(self.objects, truth, SAME_OBJECT)[0]] = True
        return matches

    def refit(self, weights: FloatArray, labels: Detections) -> FloatArray:
        """Return the weights fitted to the labels of this clip, with `weights` as the prior.

        Which model is most reliable differs from camera to camera; the tracks show it without a
        reviewer.
        """
        return logistic.fit(
            self.features, self.match_truth(labels), weights, PRIOR_PRECISION, CLIP_SAMPLE_WEIGHT
        )

    def fuse(self, weights: FloatArray, options: HindsightOptions) -> FusedDetections:
        """Combine the models with `weights`; a strength of 1 is `options.min_probability`."""
        probabilities = logistic.probability(self.features, weights)
        strengths = (probabilities / options.min_probability).astype(np.float32)
        objects = replace(self.objects, scores=strengths)
        is_high = objects.scores >= 1
        high_score = objects.where(is_high)
        origins = np.where(self.model_counts[is_high] > 1, UNITED, DETECTED)
        low_score = objects.where(~is_high).above(options.min_strength)
        return FusedDetections(
            high_score, origins, high_score.boxes, low_score, options.min_probability
        )


def pool_detections(detections: Sequence[Detections], team: TeamSkills) -> PooledDetections:
    """Merge the boxes of all models to one row per object and frame.

    Args:
        detections: of each model as `fuse.prepare_detections` returns them, in the order of the
            team. The outcome does not depend on that order.
        team: skills of the models.
    """
    first = detections[0]
    objects = Detections.empty(first.length, first.fps, first.names)
    members = np.zeros((0, len(detections)), np.intp)
    best_first = sorted(range(len(detections)), key=lambda m: team.each[m].rank, reverse=True)
    for model in best_first:
        objects, members = add_model(objects, members, detections[model], model)
    features = np.ones((len(objects), 1 + len(detections)))
    model_counts = np.zeros(len(objects), np.intp)
    for m, (boxes, skill) in enumerate(zip(detections, team.each, strict=True)):
        has_box, strengths = _take_members(boxes.scores, members[:, m])
        features[:, 1 + m] = np.where(has_box, skill.probability(strengths), 0)
        model_counts += has_box & (strengths >= 1)
    merged = replace(objects, boxes=merge_boxes(detections, members, team))
    return PooledDetections(merged, features, model_counts)


def add_model(
    objects: Detections, members: IndexArray, detections: Detections, model: int
) -> tuple[Detections, IndexArray]:
    """Add the boxes of one more model to the objects that they show, or as new objects.

    Args:
        objects: one box per object and frame, `n` rows.
        members: `(n, models)` row of each model's box, or -1 where it has none.
        detections: boxes of the model.
        model: its column in `members`.

    Returns:
        The objects and their members.
    """
    i, j = association.match_frames(objects, detections, SAME_OBJECT)
    members[i, model] = j
    is_new = np.ones(len(detections), np.bool_)
    is_new[j] = False
    new_members = np.full((int(is_new.sum()), members.shape[1]), -1)
    new_members[:, model] = np.flatnonzero(is_new)
    # Detections sorts its rows by frame in the same way.
    order = np.argsort(np.concatenate([objects.frames, detections.frames[is_new]]), kind="stable")
    all_members = np.concatenate([members, new_members])[order]
    return concat([objects, detections.where(is_new)]), all_members


def merge_boxes(
    detections: Sequence[Detections], members: IndexArray, team: TeamSkills
) -> NDArray[np.float32]:
    """Return the mean box of each object, weighted by the precision of each model, `(n, 4)` px.

    Args:
        detections: of each model.
        members: `(n, models)` row of each model's box, or -1 where it has none.
        team: skills of the models.
    """
    total, total_weight = np.zeros((len(members), 4)), np.zeros(len(members))
    for m, (boxes, skill) in enumerate(zip(detections, team.each, strict=True)):
        has_box, sides = _take_members(boxes.boxes, members[:, m])
        weight = np.where(has_box, skill.spread**-2, 0)
        total += weight[:, None] * skill.remove_bias(sides)
        total_weight += weight
    return (total / np.maximum(total_weight, 1e-12)[:, None]).astype(np.float32)


def _take_members(
    values: NDArray[np.float32], rows: IndexArray
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which objects have a box of a model, and its values; zeros where they have none."""
    padded = np.concatenate([values, np.zeros_like(values[:1], shape=(1, *values.shape[1:]))])
    return rows >= 0, padded.take(rows, axis=0)
