"""Holes of tracks: filled with a doubtful box where one lies, with a straight line elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.tracks import INTERPOLATED, RECOVERED
from oneclick.hindsight import paths as columns
from oneclick.hindsight import smooth
from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Paths

FADE_SECONDS = 1.0
"""Time from the nearest seen box in which the belief in a filled one falls to 1/e."""


def fill(paths: Paths, doubts: Detections, gap_seconds: float, options: Options) -> Paths:
    """Paths with a box in every frame of the holes of at most `gap_seconds`.

    The line goes between smoothed ends, because the last box before an occlusion is often half
    hidden itself. A doubtful box serves at most one track.
    """
    believed = smooth.smooth(paths, np.ones(len(paths)), doubts.fps, options)
    lines = _lines(replace(paths, states=believed), gap_seconds, doubts.fps)
    return columns.concat([paths, _recovered(lines, doubts, options)])


def _lines(paths: Paths, gap_seconds: float, fps: float) -> Paths:
    """The missing boxes alone."""
    step = np.diff(paths.frames)
    hole = (np.diff(paths.tracks) == 0) & (step > 1) & (step <= gap_seconds * fps + 1)
    left = np.flatnonzero(hole)
    missing = step[left] - 1
    row = np.repeat(left, missing)
    after = np.arange(len(row)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    share = (after / step[row])[:, None]
    nearest = np.minimum(after, step[row] - after) / fps
    return Paths(
        paths.frames[row] + after,
        paths.tracks[row],
        paths.states[row] * (1 - share) + paths.states[row + 1] * share,
        np.minimum(paths.strengths[row], paths.strengths[row + 1])
        * np.exp(-nearest / FADE_SECONDS),
        paths.classes[row],
        np.full(len(row), INTERPOLATED),
    )


def _recovered(lines: Paths, doubts: Detections, options: Options) -> Paths:
    """The filled boxes, replaced where a doubtful box agrees."""
    found, row = columns.to_detections(lines, lines.strengths, doubts)
    i, j = association.match_frames(found, doubts, options.recover_iou)
    states, origins = lines.states.copy(), lines.origins.copy()
    strengths = lines.strengths.copy()
    states[row[i]] = columns.states(doubts.boxes[j])
    strengths[row[i]] = np.maximum(strengths[row[i]], doubts.scores[j])
    origins[row[i]] = RECOVERED
    return replace(lines, states=states, origins=origins, strengths=strengths)
