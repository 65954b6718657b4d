"""Learning of labeller skills from clips that people reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick import hindsight
from oneclick.core import association, boxes, logistic
from oneclick.core.detections import Detections
from oneclick.hindsight import confidence, ensemble, fuse, skills
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.skills import Skill, TeamSkills

FloatArray = NDArray[np.float64]

SAMPLE_WEIGHT = 0.3
"""Below 1, for boxes of neighbouring frames are not independent."""
SAME_OBJECT = 0.5
"""IoU from which on a box is right."""
MIN_SPREAD = 1e-3


@dataclass(frozen=True, eq=False)
class LabellerExample:
    """A reviewed clip: the detections of the labellers, and the ground truth."""

    parts: tuple[Detections, ...]
    """Detections of each labeller."""
    thresholds: tuple[float, ...]
    """Operating threshold of each labeller."""
    truth: Detections
    """Boxes that the reviewer accepted."""


def learn(examples: Sequence[LabellerExample], options: HindsightOptions) -> TeamSkills:
    """Learn the skills of one team.

    Raises:
        ValueError: if there is no example, or they are of teams of different size.
    """
    sizes = {len(example.parts) for example in examples}
    if len(sizes) != 1:
        raise ValueError("examples: expected at least one, all of one team")
    models = [
        [
            fuse.prepare_detections(example.parts[m], example.thresholds[m], options)
            for example in examples
        ]
        for m in range(sizes.pop())
    ]
    truths = [example.truth for example in examples]
    each = tuple(fit_skill(detections, truths, len(models)) for detections in models)
    team = replace(skills.untrained_team(len(models)), each=each, boxes=sum(map(len, truths)))
    team = fit_weights(team, list(zip(*models, strict=True)), truths)
    return replace(team, confidence=fit_confidence(team, examples, options))


def fit_skill(detections: Sequence[Detections], truths: Sequence[Detections], models: int) -> Skill:
    """Fit the calibration and the box error of one model; its weight is a share of the prior.

    Args:
        detections: boxes of the model in each clip, with strengths as scores.
        truths: ground truth of each clip.
        models: size of the team.
    """
    targets, strengths, errors = [], [], []
    for boxes_of_clip, truth in zip(detections, truths, strict=True):
        rows, true_rows = association.match_frames(boxes_of_clip, truth, SAME_OBJECT)
        is_right = np.zeros(len(boxes_of_clip), np.bool_)
        is_right[rows] = True
        targets.append(is_right)
        strengths.append(boxes_of_clip.scores)
        true_boxes = truth.boxes.take(true_rows, axis=0)
        distance = boxes_of_clip.boxes.take(rows, axis=0) - true_boxes
        errors.append(distance / np.maximum(boxes.heights(true_boxes), 1)[:, None])
    offset, slope = logistic.fit(
        skills.calibration_features(np.concatenate(strengths)),
        np.concatenate(targets),
        [skills.PRIOR_OFFSET, skills.PRIOR_SLOPE],
        sample_weight=SAMPLE_WEIGHT,
    )
    bias, spread = box_error(errors)
    return Skill(
        offset=float(offset),
        slope=float(slope),
        weight=skills.PRIOR_TEAM_WEIGHT / models,
        spread=spread,
        lean=bias,
    )


def fit_weights(
    team: TeamSkills, clips: Sequence[tuple[Detections, ...]], truths: Sequence[Detections]
) -> TeamSkills:
    """Fit the bias and the weights of a team whose members are calibrated.

    Args:
        team: the calibrated members.
        clips: detections of each member in each clip, with strengths as scores.
        truths: ground truth of each clip.
    """
    features, targets = [], []
    for detections, truth in zip(clips, truths, strict=True):
        pooled = ensemble.pool_detections(detections, team)
        features.append(pooled.features)
        targets.append(pooled.match_truth(truth))
    bias, *weights = logistic.fit(
        np.concatenate(features),
        np.concatenate(targets),
        team.weights,
        sample_weight=SAMPLE_WEIGHT,
    ).tolist()
    each = tuple(replace(skill, weight=w) for skill, w in zip(team.each, weights, strict=True))
    return replace(team, each=each, bias=bias)


def box_error(
    errors: Sequence[FloatArray],
) -> tuple[tuple[float, float, float, float], float]:
    """Return bias and spread of a model's boxes.

    One clip says little about other cameras, so the bias is shrunk by the number of clips.

    Args:
        errors: `(n, 4)` errors of x1, y1, x2, y2 in box heights, for each clip.
    """
    clips = [clip for clip in errors if len(clip)]
    if not clips:
        return (0.0, 0.0, 0.0, 0.0), skills.PRIOR_SPREAD
    shrinkage = len(clips) / (len(clips) + 1)
    x1, y1, x2, y2 = (shrinkage * np.mean([np.median(clip, 0) for clip in clips], 0)).tolist()
    # No median: a model that is mostly exact and at times far off deserves little weight.
    spread = float(np.mean(np.abs(np.concatenate(clips) - [x1, y1, x2, y2])))
    return (x1, y1, x2, y2), max(spread, MIN_SPREAD)


def fit_confidence(
    team: TeamSkills, examples: Sequence[LabellerExample], options: HindsightOptions
) -> tuple[float, ...]:
    """Fit the log-odds of `confidence.features` to the team's labels and the ground truth."""
    features, targets = [], []
    for example in examples:
        labels = hindsight.build_tracks(example.parts, example.thresholds, options, team)
        is_right = np.zeros(len(labels), np.bool_)
        rows, _ = association.match_frames(labels.detections, example.truth, SAME_OBJECT)
        is_right[rows] = True
        features.append(confidence.features(labels))
        targets.append(is_right)
    weights = logistic.fit(
        np.concatenate(features),
        np.concatenate(targets),
        confidence.PRIOR_WEIGHTS,
        sample_weight=SAMPLE_WEIGHT,
    )
    return tuple(weights.tolist())
