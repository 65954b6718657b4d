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
from oneclick.hindsight.skills import Fusion, Skill, TeamSkills

FloatArray = NDArray[np.float64]

SAMPLE_WEIGHT = 0.3
"""Below 1, for boxes of neighbouring frames are not independent."""
SAME_OBJECT = 0.5
"""IoU from which on a box is right."""
WAYS: tuple[Fusion, ...] = ("weights", "votes", "best")
CLEAR_GAIN = 0.02
"""F1 by which another way than the learned weights must be better: less is overturned on other
cameras (tests/bench/ensemble.py)."""
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
    """Learn the skills of one team, and which way of labelling is best.

    A way is judged in clips that it has not learned from, where there are several. Where the
    weights do clearly worse there than the best member, alone or with votes, that one leads.

    Raises:
        ValueError: if there is no example, or they are of teams of different size.
    """
    if len({len(example.parts) for example in examples}) != 1:
        raise ValueError("examples: expected at least one, all of one team")
    team = replace(fit_members(examples, options), fusion=choose_fusion(examples, options))
    return replace(team, confidence=fit_confidence(team, examples, options))


def fit_members(examples: Sequence[LabellerExample], options: HindsightOptions) -> TeamSkills:
    """Fit the members of a team and their weights."""
    models = [
        [
            fuse.prepare_detections(example.parts[m], example.thresholds[m], options)
            for example in examples
        ]
        for m in range(len(examples[0].parts))
    ]
    truths = [example.truth for example in examples]
    each = tuple(fit_skill(detections, truths, len(models)) for detections in models)
    team = replace(skills.untrained_team(len(models)), each=each, boxes=sum(map(len, truths)))
    return fit_weights(team, list(zip(*models, strict=True)), truths)


def choose_fusion(examples: Sequence[LabellerExample], options: HindsightOptions) -> Fusion:
    """Return the way of labelling with the best F1, judged by halves of the clips."""
    if len(examples[0].parts) == 1:
        return "weights"
    halves = examples[::2], examples[1::2] or examples
    counts = {fusion: np.zeros(3) for fusion in WAYS}
    for taught, judged in (halves, halves[::-1]):
        team = fit_members(taught, options)
        for fusion in WAYS:
            way = replace(team, fusion=fusion)
            for example in judged:
                labels = hindsight.build_tracks(example.parts, example.thresholds, options, way)
                counts[fusion] += count_matches(labels.detections, example.truth)
    best = max(WAYS, key=lambda fusion: f1_of(counts[fusion]))
    is_clear = f1_of(counts[best]) > f1_of(counts["weights"]) + CLEAR_GAIN
    return best if is_clear else "weights"


def count_matches(detections: Detections, truth: Detections) -> FloatArray:
    """Return the number of right boxes, of all boxes and of true ones, `(3,)`."""
    right = len(association.match_frames(detections, truth, SAME_OBJECT)[0])
    return np.array([right, len(detections), len(truth)], np.float64)


def f1_of(counts: FloatArray) -> float:
    """Return F1 of what `count_matches` counted; 0 where there is nothing."""
    right, boxes_of_model, true_boxes = counts.tolist()
    return float(2 * right / max(boxes_of_model + true_boxes, 1))


def fit_skill(detections: Sequence[Detections], truths: Sequence[Detections], models: int) -> Skill:
    """Fit the calibration, F1 and box error of one model; its weight is a share of the prior.

    Args:
        detections: boxes of the model in each clip, with strengths as scores.
        truths: ground truth of each clip.
        models: size of the team.
    """
    targets, strengths, errors = [], [], []
    counts = np.zeros(3)
    for boxes_of_clip, truth in zip(detections, truths, strict=True):
        rows, true_rows = association.match_frames(boxes_of_clip, truth, SAME_OBJECT)
        counts += count_matches(boxes_of_clip.above(1), truth)
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
        f1=f1_of(counts) if counts[2] else None,
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
