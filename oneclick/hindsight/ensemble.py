"""Several labellers over one clip, each believed as far as reviewed clips say.

Boxes of different models that show one object are gathered, with a merged box and a probability:
the chances that the models give, weighed by what each has earned. A silent model adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, logistic
from oneclick.core.detections import Detections, concat
from oneclick.core.tracks import DETECTED, UNITED
from oneclick.hindsight.fuse import Evidence
from oneclick.hindsight.options import Options
from oneclick.hindsight.skills import Skills

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]

SAME_OBJECT = 0.5
"""IoU from which on boxes of two models, or a box and the truth, are one object."""
WORTH, HOLD = 0.3, 10.0
"""How much a box of the clip itself weighs against what reviews taught."""


@dataclass(frozen=True, eq=False)
class Pool:
    """What all models say of one clip, object by object and frame by frame."""

    objects: Detections
    """(n) merged boxes."""
    columns: Numbers
    """(n, 1 + models) ones, then the chance that each model gives; 0 where it is silent."""
    sure: Rows
    """(n,) models at or above their threshold."""

    def right(self, truth: Detections) -> NDArray[np.bool_]:
        """(n,) which of them are in `truth`, one to one."""
        found = np.zeros(len(self.objects), np.bool_)
        found[association.match_frames(self.objects, truth, SAME_OBJECT)[0]] = True
        return found

    def refit(self, weights: Numbers, labels: Detections) -> Numbers:
        """Weights after a look at what hindsight made of this clip.

        Which model is worth most differs from camera to camera; tracks tell without a reviewer.
        """
        return logistic.fit(self.columns, self.right(labels), weights, HOLD, WORTH)

    def evidence(self, weights: Numbers, options: Options) -> Evidence:
        """Boxes that count as seen, and doubts; a strength of 1 is a probability of `sure`."""
        strengths = logistic.chance(self.columns, weights) / options.sure
        believed = replace(self.objects, scores=strengths.astype(np.float32))
        seen = believed.scores >= 1
        origins = np.where(self.sure[seen] > 1, UNITED, DETECTED)
        doubts = believed.where(~seen).above(options.floor)
        return Evidence(believed.where(seen), origins, doubts, options.sure)


def gather(parts: Sequence[Detections], team: Skills) -> Pool:
    """One row per object and frame.

    Args:
        parts: as `fuse.heard` gives them, in the order of the team. What comes out does not depend
            on that order.
    """
    objects = parts[0].where(np.zeros(len(parts[0]), np.bool_))
    members = np.zeros((0, len(parts)), np.intp)
    for model in sorted(range(len(parts)), key=lambda m: _rank(team, m), reverse=True):
        objects, members = _add(objects, members, parts[model], model)
    merged = replace(objects, boxes=_merged(parts, members, team))
    columns, sure = np.ones((len(objects), 1 + len(parts))), np.zeros(len(objects), np.intp)
    for m, (part, skill) in enumerate(zip(parts, team.each, strict=True)):
        has, scores = _of(members[:, m], part.scores)
        columns[:, 1 + m] = np.where(has, skill.chance(scores), 0)
        sure += has & (scores >= 1)
    return Pool(merged, columns, sure)


def _rank(team: Skills, model: int) -> tuple[float, ...]:
    """The model that is worth most is asked first, whatever the order in which they are named."""
    one = team.each[model]
    return one.weight, one.offset, one.slope, -one.spread


def _add(
    objects: Detections, members: Rows, part: Detections, model: int
) -> tuple[Detections, Rows]:
    """Objects with the boxes of one more model; `members` are rows of each model, or -1."""
    i, j = association.match_frames(objects, part, SAME_OBJECT)
    members[i, model] = j
    alone = np.ones(len(part), np.bool_)
    alone[j] = False
    fresh = np.full((int(alone.sum()), members.shape[1]), -1)
    fresh[:, model] = np.flatnonzero(alone)
    order = np.argsort(np.concatenate([objects.frames, part.frames[alone]]), kind="stable")
    # Detections puts rows in order of time in the same way.
    return concat([objects, part.where(alone)]), np.concatenate([members, fresh])[order]


def _merged(parts: Sequence[Detections], members: Rows, team: Skills) -> NDArray[np.float32]:
    """Mean boxes, weighed by how closely each model draws them."""
    total, weight = np.zeros((len(members), 4)), np.zeros(len(members))
    for m, (part, skill) in enumerate(zip(parts, team.each, strict=True)):
        has, sides = _of(members[:, m], part.boxes)
        worth = np.where(has, skill.spread**-2, 0)
        total += worth[:, None] * skill.straighten(sides)
        weight += worth
    return (total / np.maximum(weight, 1e-12)[:, None]).astype(np.float32)


def _of(rows: Rows, values: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Which objects have a box of a model, and its values; zeros where they have none."""
    padded = np.concatenate([values, np.zeros_like(values[:1], shape=(1, *values.shape[1:]))])
    return rows >= 0, padded.take(rows, axis=0)
