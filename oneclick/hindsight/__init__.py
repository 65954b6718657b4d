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
from oneclick.hindsight import camera, drop, fill, fuse, paths, smooth, stitch
from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Numbers, Paths

__all__ = ["Options", "label"]

DEFAULT = Options()
TRUST = {INTERPOLATED: 0.3, RECOVERED: 0.6}
"""Weight of filled boxes in the smoothing; seen ones weigh 1."""
FILLED = 0.75
"""Confidence of a filled box beside a seen one of the same strength."""


def label(
    parts: Sequence[Detections], thresholds: Sequence[float], options: Options = DEFAULT
) -> Tracks:
    """Tracks of a whole clip.

    Args:
        parts: one Detections a model over the same frames, best model first; it leads, the others
            vote. All scores, also the doubtful ones: they fill holes.
        thresholds: operating point of each model; not finite means that every box counts as seen.
        options: one set for everything.

    Scores are confidences in 0 … 1 from all the evidence for a box. Equal input gives equal output.

    Raises:
        ValueError: if there are no parts, not one threshold a part, or the parts disagree on
            length, fps or names.
    """
    _check(parts, thresholds)
    lead = parts[0]
    evidence = fuse.fuse(parts, thresholds, options)
    links = association.link(evidence.seen, options.link_iou, options.link_seconds)
    found = paths.from_detections(evidence.seen, links, evidence.origins)
    still = not camera.moves(found, lead.fps, options)
    gap = options.gap_seconds if still else options.gap_seconds_moving
    found = stitch.stitch(found, gap, lead.fps, options)
    found = drop.weak(found, lead.fps, options)
    found = fill.fill(found, evidence.doubts, gap, options)
    found = replace(found, states=smooth.smooth(found, _trust(found), lead.fps, options))
    found = drop.duplicates(found, lead, options)
    return paths.to_tracks(found, _confidence(found), lead)


def _check(parts: Sequence[Detections], thresholds: Sequence[float]) -> None:
    if not parts or len(parts) != len(thresholds):
        raise ValueError(
            f"parts: expected one threshold a part, got {len(parts)} and {len(thresholds)}"
        )
    if len({(part.length, part.fps, part.names) for part in parts}) > 1:
        raise ValueError("parts: length, fps and names must agree")


def _trust(found: Paths) -> Numbers:
    weights = np.ones(len(found))
    for origin, weight in TRUST.items():
        weights[found.origins == origin] = weight
    return weights


def _confidence(found: Paths) -> Numbers:
    """Mean of the box's own and its track's; a strength of 1 is worth .86.

    A second witness halves the doubt.
    """
    own = 1 - np.exp(-2 * found.strengths)
    own[np.isin(found.origins, list(TRUST))] *= FILLED
    own[found.origins == UNITED] = 1 - (1 - own[found.origins == UNITED]) / 2
    both: Numbers = (own + found.mean(own)[found.track_of]) / 2
    return both
