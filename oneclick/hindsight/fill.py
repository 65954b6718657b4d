"""Filling of holes in tracks: by a low-score box where one fits, else by linear interpolation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.tracks import INTERPOLATED, RECOVERED
from oneclick.hindsight import smooth
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import TrackStates, boxes_to_states

FADE_SECONDS = 1.0
"""Time from the nearest detected box in which the strength of a filled one falls to 1/e."""


def fill(
    tracks: TrackStates, low_score: Detections, gap_seconds: float, options: HindsightOptions
) -> TrackStates:
    """Fill the holes of at most `gap_seconds` with a box in every frame.

    Interpolation goes between smoothed ends, because the last box before an occlusion is often
    partly hidden itself. A low-score box fills at most one track.

    Args:
        tracks: the tracks.
        low_score: boxes below the operating threshold that may replace interpolated ones.
        gap_seconds: longest hole that is filled.
        options: of smoothing and recovery.
    """
    smoothed = smooth.smooth(tracks, np.ones(len(tracks)), low_score.fps, options)
    added = interpolate_holes(replace(tracks, states=smoothed), gap_seconds, low_score.fps)
    return TrackStates.concat([tracks, recover_boxes(added, low_score, options)])


def interpolate_holes(tracks: TrackStates, gap_seconds: float, fps: float) -> TrackStates:
    """Return the boxes missing in holes of at most `gap_seconds`, linearly interpolated."""
    step = np.diff(tracks.frames)
    is_hole = (np.diff(tracks.tracks) == 0) & (step > 1) & (step <= gap_seconds * fps + 1)
    holes = np.flatnonzero(is_hole)
    sizes = step[holes] - 1
    row = np.repeat(holes, sizes)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    share = (offset / step[row])[:, None]
    nearest = np.minimum(offset, step[row] - offset) / fps
    weaker = np.minimum(tracks.strengths[row], tracks.strengths[row + 1])
    return TrackStates(
        frames=tracks.frames[row] + offset,
        tracks=tracks.tracks[row],
        states=tracks.states[row] * (1 - share) + tracks.states[row + 1] * share,
        shifts=np.zeros((len(row), 4)),
        strengths=weaker * np.exp(-nearest / FADE_SECONDS),
        classes=tracks.classes[row],
        origins=np.full(len(row), INTERPOLATED),
    )


def recover_boxes(
    interpolated: TrackStates, low_score: Detections, options: HindsightOptions
) -> TrackStates:
    """Replace interpolated boxes by low-score detections that overlap them, one to one."""
    detections, row = interpolated.to_detections(interpolated.strengths, low_score)
    i, j = association.match_frames(detections, low_score, options.recover_iou)
    states, origins = interpolated.states.copy(), interpolated.origins.copy()
    strengths = interpolated.strengths.copy()
    states[row[i]] = boxes_to_states(low_score.boxes[j])
    strengths[row[i]] = np.maximum(strengths[row[i]], low_score.scores[j])
    origins[row[i]] = RECOVERED
    return replace(interpolated, states=states, origins=origins, strengths=strengths)
