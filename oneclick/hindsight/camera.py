"""Detection of camera motion from the tracks alone."""

from __future__ import annotations

import numpy as np

from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

LAG_SECONDS = 0.3
MIN_MOTIONS = 20
"""Least number of simultaneous motions; with fewer the camera counts as static, as most are."""
MAX_MOTION = 0.5
"""Motions are clipped to this many box heights, so that a wrong link cannot outvote the others."""


def is_moving(tracks: TrackStates, fps: float, options: HindsightOptions) -> bool:
    """Check whether the camera moves: whether the tracks move up and down together.

    People walk left or right together, but only a camera moves all of them up and down. Measured
    agreement: at most .11 on static cameras (4 sequences, 11 detector files), .17 to .50 on moving
    ones.
    """
    return vertical_agreement(tracks, fps) > options.moving_agreement


def vertical_agreement(tracks: TrackStates, fps: float) -> float:
    """Return the correlation, -1 … 1, of each track's vertical motion with the mean of the others.

    0 where there are fewer than MIN_MOTIONS simultaneous motions.
    """
    frames, motion = vertical_motion(tracks, max(1, round(LAG_SECONDS * fps)))
    count = np.bincount(frames)[frames] if len(frames) else np.zeros(0)
    shared = count >= 2
    if shared.sum() < MIN_MOTIONS:
        return 0.0
    total = np.bincount(frames, motion)[frames]
    x = motion[shared]
    y = ((total - motion) / np.maximum(count - 1, 1))[shared]
    norm = np.sqrt((x**2).sum() * (y**2).sum())
    return float((x * y).sum() / norm) if norm > 0 else 0.0


def vertical_motion(tracks: TrackStates, lag: int) -> tuple[IndexArray, FloatArray]:
    """Return frame and motion of the centre over `lag` frames, in box heights.

    Only where the track has a box in every frame between.
    """
    same_track = tracks.tracks[lag:] == tracks.tracks[:-lag]
    unbroken = same_track & (tracks.frames[lag:] - tracks.frames[:-lag] == lag)
    rows = np.flatnonzero(unbroken)
    height = np.maximum(tracks.states[rows, 3], 1)
    motion = (tracks.states[rows + lag, 1] - tracks.states[rows, 1]) / height
    return tracks.frames[rows], np.clip(motion, -MAX_MOTION, MAX_MOTION)
