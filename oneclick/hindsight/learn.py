"""Learning the skills of labellers from clips that people reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick import hindsight
from oneclick.core import association, boxes, logistic
from oneclick.core.detections import Detections
from oneclick.hindsight import confidence, ensemble, fuse, skills
from oneclick.hindsight.options import Options
from oneclick.hindsight.skills import Skill, Skills

Numbers = NDArray[np.float64]

WORTH = 0.3
"""Boxes of neighbouring frames are no independent witnesses."""
SAME_OBJECT = 0.5
"""IoU from which on a box is right."""
LEAST_SPREAD = 1e-3


@dataclass(frozen=True, eq=False)
class Lesson:
    """A clip that a person reviewed: what the labellers had said, and what was right."""

    parts: tuple[Detections, ...]
    thresholds: tuple[float, ...]
    truth: Detections


def learn(lessons: Sequence[Lesson], options: Options) -> Skills:
    """Skills of one team.

    Raises:
        ValueError: if there is no lesson, or they are of teams of different size.
    """
    sizes = {len(lesson.parts) for lesson in lessons}
    if len(sizes) != 1:
        raise ValueError("lessons: expected at least one, all of one team")
    models = [
        [fuse.heard(lesson.parts[m], lesson.thresholds[m], options) for lesson in lessons]
        for m in range(sizes.pop())
    ]
    truths = [lesson.truth for lesson in lessons]
    each = tuple(_alone(said, truths, len(models)) for said in models)
    team = replace(skills.unlearned(len(models)), each=each, boxes=sum(map(len, truths)))
    team = _together(team, list(zip(*models, strict=True)), truths)
    return replace(team, confidence=_confidence(team, lessons, options))


def _alone(said: Sequence[Detections], truths: Sequence[Detections], models: int) -> Skill:
    """Scores into chances, and the error of the boxes, of one model."""
    right, scores, errors = [], [], []
    for part, truth in zip(said, truths, strict=True):
        rows, true = association.match_frames(part, truth, SAME_OBJECT)
        hit = np.zeros(len(part), np.bool_)
        hit[rows] = True
        right.append(hit)
        scores.append(part.scores)
        errors.append(_errors(part.boxes.take(rows, axis=0), truth.boxes.take(true, axis=0)))
    known, before = skills.columns(np.concatenate(scores)), [skills.OFFSET, skills.SLOPE]
    offset, slope = logistic.fit(known, np.concatenate(right), before, worth=WORTH)
    lean, spread = _drawing(errors)
    return Skill(float(offset), float(slope), skills.TOGETHER / models, spread, lean)


def _together(
    team: Skills, clips: Sequence[tuple[Detections, ...]], truths: Sequence[Detections]
) -> Skills:
    """The same team with the weights of its members."""
    columns, right = [], []
    for parts, truth in zip(clips, truths, strict=True):
        pooled = ensemble.gather(parts, team)
        columns.append(pooled.columns)
        right.append(pooled.right(truth))
    found = logistic.fit(np.concatenate(columns), np.concatenate(right), team.weights, worth=WORTH)
    bias, *weights = found.tolist()
    each = tuple(replace(one, weight=w) for one, w in zip(team.each, weights, strict=True))
    return replace(team, each=each, bias=bias)


def _drawing(errors: Sequence[Numbers]) -> tuple[tuple[float, float, float, float], float]:
    """How a model draws, from its errors clip by clip: which way it leans, how far it strays.

    One clip says little of other cameras: a lean is believed as far as clips show it again.
    """
    clips = [clip for clip in errors if len(clip)]
    if not clips:
        return (0.0, 0.0, 0.0, 0.0), skills.SPREAD
    shown = len(clips) / (len(clips) + 1)
    x1, y1, x2, y2 = (shown * np.mean([np.median(clip, 0) for clip in clips], 0)).tolist()
    # No median: a model that is mostly exact and at times wild is not to be followed.
    spread = float(np.mean(np.abs(np.concatenate(clips) - [x1, y1, x2, y2])))
    return (x1, y1, x2, y2), max(spread, LEAST_SPREAD)


def _confidence(team: Skills, lessons: Sequence[Lesson], options: Options) -> tuple[float, ...]:
    """What speaks for and against a label, from how the team's labels compare with the truth."""
    columns, right = [], []
    for lesson in lessons:
        made = hindsight.tracked(lesson.parts, lesson.thresholds, options, team)
        hit = np.zeros(len(made), np.bool_)
        hit[association.match_frames(made.detections, lesson.truth, SAME_OBJECT)[0]] = True
        columns.append(confidence.evidence(made))
        right.append(hit)
    before = confidence.BELIEFS
    found = logistic.fit(np.concatenate(columns), np.concatenate(right), before, worth=WORTH)
    return tuple(found.tolist())


def _errors(found: NDArray[np.float32], true: NDArray[np.float32]) -> Numbers:
    """Distance of each side in heights, `(n, 4)`."""
    apart: Numbers = (found - true) / np.maximum(boxes.heights(true), 1)[:, None]
    return apart
