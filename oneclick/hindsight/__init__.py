"""Dense labels with the benefit of hindsight: detections of a whole clip in, tracks out.

An online tracker knows the past. Here the future is known as well: false tracks are those that
never come to anything, broken ones are joined from both sides, holes are filled between two known
ends, and every box is smoothed by its neighbours before and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.tracks import INTERPOLATED, RECOVERED, UNITED, Tracks
from oneclick.hindsight import (
    camera,
    confidence,
    ensemble,
    fill,
    fuse,
    paths,
    prune,
    smooth,
    stitch,
)
from oneclick.hindsight.fuse import Evidence
from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Numbers, Paths
from oneclick.hindsight.skills import Skills

__all__ = ["Options", "Skills", "label"]

DEFAULT = Options()
REFITS = 2
"""Looks at a clip's own tracks to see which model is worth most there; more change nothing."""
TRUST = {INTERPOLATED: 0.3, RECOVERED: 0.6}
"""Weight of filled boxes in the smoothing; seen ones weigh 1."""
FILLED = 0.75
"""Confidence of a filled box beside a seen one of the same strength."""


def label(
    parts: Sequence[Detections],
    thresholds: Sequence[float],
    options: Options = DEFAULT,
    team: Skills | None = None,
) -> Tracks:
    """Tracks of a whole clip.

    Args:
        parts: one Detections a model over the same frames. All scores, also the doubtful ones:
            they fill holes.
        thresholds: operating point of each model; not finite means that every box counts as seen.
        options: one set for everything.
        team: what reviewed clips taught about the models, in the order of `parts`. Without it the
            best model stands first: it leads, the others vote.

    Scores are probabilities that the boxes are right, from all the evidence for each. Equal input
    gives equal output.

    Raises:
        ValueError: if there are no parts, not one threshold and skill a part, or the parts disagree
            on length, fps or names.
    """
    beliefs = team.confidence if team else confidence.BELIEFS
    return confidence.judged(tracked(parts, thresholds, options, team), beliefs)


def tracked(
    parts: Sequence[Detections],
    thresholds: Sequence[float],
    options: Options = DEFAULT,
    team: Skills | None = None,
) -> Tracks:
    """`label` with the strength of the detections, in 0 … 1, as scores."""
    _check(parts, thresholds, team)
    if team and len(parts) == 1:
        parts = [replace(parts[0], boxes=team.each[0].straighten(parts[0].boxes))]
    if team is None or len(parts) == 1:
        return _dense(fuse.fuse(parts, thresholds, options), options)
    heard = [fuse.heard(*one, options) for one in zip(parts, thresholds, strict=True)]
    pooled, weights = ensemble.gather(heard, team), team.weights
    for _ in range(REFITS):
        found = _dense(pooled.evidence(weights, options), options)
        weights = pooled.refit(team.weights, found.detections)
    return _dense(pooled.evidence(weights, options), options)


def _dense(evidence: Evidence, options: Options) -> Tracks:
    """Detections of single frames to tracks without holes."""
    like = evidence.seen
    links = association.link(like, options.link_iou, options.link_seconds)
    found = paths.from_detections(like, links, evidence.origins)
    if camera.moves(found, like.fps, options):
        options = options.on_moving_camera()
    gap = options.gap_seconds
    found = stitch.stitch(found, gap, like.fps, options)
    found = prune.weak(found, like.fps, options, evidence.sure)
    found = fill.fill(found, evidence.doubts, gap, options)
    found = replace(found, states=smooth.smooth(found, _trust(found), like.fps, options))
    found = prune.duplicates(found, like, options)
    return paths.to_tracks(found, _strength(found, evidence.sure), like)


def _check(parts: Sequence[Detections], thresholds: Sequence[float], team: Skills | None) -> None:
    if not parts or len(parts) != len(thresholds):
        raise ValueError(
            f"parts: expected one threshold a part, got {len(parts)} and {len(thresholds)}"
        )
    if team and len(team.each) != len(parts):
        raise ValueError(f"team: expected {len(parts)} skills, got {len(team.each)}")
    if len({(part.length, part.fps, part.names) for part in parts}) > 1:
        raise ValueError("parts: length, fps and names must agree")


def _trust(found: Paths) -> Numbers:
    weights = np.ones(len(found))
    for origin, weight in TRUST.items():
        weights[found.origins == origin] = weight
    return weights


def _strength(found: Paths, sure: float) -> Numbers:
    """Mean of the box's own and its track's.

    Args:
        sure: as in Evidence. Where nobody knows what strengths mean, a strength of 1 is worth .86
            and a second witness halves the doubt.
    """
    own = np.minimum(found.strengths * sure, 1) if sure else 1 - np.exp(-2 * found.strengths)
    own[np.isin(found.origins, list(TRUST))] *= FILLED
    if not sure:
        own[found.origins == UNITED] = 1 - (1 - own[found.origins == UNITED]) / 2
    both: Numbers = (own + found.mean(own)[found.track_of]) / 2
    return both
