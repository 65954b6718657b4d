"""Detection of camera motion from the tracks alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

LAG_SECONDS = 0.3
MIN_MOTIONS = 20
"""Least number of simultaneous motions; with fewer the camera counts as static, as most are."""
MAX_MOTION = 0.5
"""Motions are clipped to this many box heights, so that a wrong link cannot outvote the others."""

SPEED_QUANTILE = 0.8
"""A camera that stops and goes moves in a part of the time only."""


def is_moving(tracks: TrackStates, fps: float, options: HindsightOptions) -> bool:
    """Check whether the camera moves: whether the tracks move together as people do not.

    People walk left or right together, but only a camera moves all of them up and down, or sideways
    faster than they walk. Measured agreement of vertical motion: at most .11 on static cameras (4
    sequences, 11 detector files), .17 to .50 on moving ones.
    """
    if motion_agreement(tracks, fps, vertical=True).correlation > options.moving_agreement:
        return True
    sideways = motion_agreement(tracks, fps, vertical=False)
    return sideways.speed > options.moving_speed


@dataclass(frozen=True)
class MotionAgreement:
    """How far tracks move together."""

    correlation: float = 0.0
    """Of each track's motion with the mean of the others, -1 … 1."""
    speed: float = 0.0
    """Of what they have in common while they move fastest, box heights a second."""


def motion_agreement(tracks: TrackStates, fps: float, *, vertical: bool) -> MotionAgreement:
    """Return how far the tracks move together along one axis.

    Not at all where there are fewer than MIN_MOTIONS simultaneous motions.
    """
    lag = max(1, round(LAG_SECONDS * fps))
    most = MAX_MOTION if vertical else np.inf
    frames, motion = motions(tracks, lag, int(vertical), most)
    count = np.bincount(frames)[frames] if len(frames) else np.zeros(0)
    shared = count >= 2
    if shared.sum() < MIN_MOTIONS:
        return MotionAgreement()
    total = np.bincount(frames, motion)[frames]
    x = motion[shared]
    y = ((total - motion) / np.maximum(count - 1, 1))[shared]
    norm = np.sqrt((x**2).sum() * (y**2).sum())
    common = float(np.sqrt(max(np.quantile(x * y, SPEED_QUANTILE), 0))) * fps / lag
    return MotionAgreement(float((x * y).sum() / norm) if norm > 0 else 0.0, common)


def motions(tracks: TrackStates, lag: int, axis: int, most: float) -> tuple[IndexArray, FloatArray]:
    """Return frame and motion of the centre over `lag` frames, in box heights.

    Only where the track has a box in every frame between.

    Args:
        tracks: the tracks.
        lag: frames.
        axis: 0 for horizontal motion, 1 for vertical.
        most: larger motions are clipped to this.
    """
    same_track = tracks.tracks[lag:] == tracks.tracks[:-lag]
    unbroken = same_track & (tracks.frames[lag:] - tracks.frames[:-lag] == lag)
    rows = np.flatnonzero(unbroken)
    height = np.maximum(tracks.states[rows, 3], 1)
    motion = (tracks.states[rows + lag, axis] - tracks.states[rows, axis]) / height
    return tracks.frames[rows], np.clip(motion, -most, most)
