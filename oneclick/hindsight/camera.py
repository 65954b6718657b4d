"""Detection of camera motion from the tracks alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

LAG_SECONDS = 0.3
MIN_MOTIONS = 20
"""Least number of simultaneous motions; with fewer the camera counts as static, as most are."""
MAX_MOTION = 0.5
"""Motions are clipped to this many box heights, so that a wrong link cannot outvote the others."""

SPEED_QUANTILE = 0.8
"""A camera that stops and goes moves in a part of the time only."""
GROUPS = 20
"""Of tracks; each is left out once to see how far the agreement hangs on a few people."""
SURE = 2.0
"""Standard errors by which the agreement has to lie above none."""


def is_moving(tracks: TrackStates, fps: float, options: HindsightOptions) -> bool:
    """Check whether the camera moves: whether the tracks move together as people do not.

    People walk left or right together, but only a camera moves all of them up and down, or sideways
    faster than they walk. Measured agreement of vertical motion over whole sequences: at most .11
    on static cameras (4 sequences, 11 detector files), .17 to .50 on moving ones. In a clip a few
    people who walk alike reach .5: what hangs on them does not count.
    """
    vertical = motion_agreement(tracks, fps, vertical=True)
    if vertical.correlation > max(options.moving_agreement, SURE * vertical.error):
        return True
    sideways = motion_agreement(tracks, fps, vertical=False)
    if sideways.speed > options.moving_speed:
        return True
    return fastest_second(tracks, fps) > options.burst_speed


def fastest_second(tracks: TrackStates, fps: float) -> float:
    """Return the median speed sideways that motions share in the second with most of it.

    In box heights a second; 0 where no second has MIN_MOTIONS simultaneous motions. A camera that
    is turned once, to another view, is one at rest in the mean over a clip.
    """
    lag = max(1, round(LAG_SECONDS * fps))
    motions = Motions.of_tracks(tracks, lag, 0, np.inf)
    own, others = motions.pairs()
    frames, fastest = motions.shared_frames(), 0.0
    for start in range(0, int(frames.max(initial=0)) + 1, max(1, round(fps / 2))):
        inside = (frames >= start) & (frames < start + max(1, round(fps)))
        if inside.sum() >= MIN_MOTIONS:
            shared = max(float(np.median(own[inside] * others[inside])), 0.0)
            fastest = max(fastest, float(np.sqrt(shared)) * fps / lag)
    return fastest


@dataclass(frozen=True)
class MotionAgreement:
    """How far tracks move together."""

    correlation: float = 0.0
    """Of each track's motion with the mean of the others, -1 … 1."""
    error: float = 0.0
    """Standard error of the correlation: jackknife over groups of tracks."""
    speed: float = 0.0
    """Of what they have in common while they move fastest, box heights a second."""


@dataclass(frozen=True, eq=False)
class Motions:
    """Motions of tracks along one axis, `(n,)` each."""

    frames: IndexArray
    tracks: IndexArray
    """Number of the track, from 0."""
    steps: FloatArray
    """Box heights."""

    @classmethod
    def of_tracks(cls, tracks: TrackStates, lag: int, axis: int, most: float) -> Motions:
        """Return the motion of centres over `lag` frames.

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
        steps = (tracks.states[rows + lag, axis] - tracks.states[rows, axis]) / height
        return cls(tracks.frames[rows], tracks.track_index[rows], np.clip(steps, -most, most))

    def where(self, mask: NDArray[np.bool_]) -> Motions:
        """Return the motions that a mask selects."""
        return Motions(self.frames[mask], self.tracks[mask], self.steps[mask])

    def shared_frames(self) -> IndexArray:
        """Return the frame of each motion that is not alone in it, in the order of `pairs`."""
        count = np.bincount(self.frames)[self.frames] if len(self.frames) else self.frames
        return self.frames[count >= 2]

    def pairs(self) -> tuple[FloatArray, FloatArray]:
        """Return each motion, and the mean of all others of its frame; none that is alone."""
        count = np.bincount(self.frames)[self.frames] if len(self.frames) else np.zeros(0)
        shared = count >= 2
        total = np.bincount(self.frames, self.steps)[self.frames] if shared.any() else self.steps
        others = (total - self.steps) / np.maximum(count - 1, 1)
        return self.steps[shared], others[shared]

    def correlation(self) -> float:
        """Return the correlation of each motion with the mean of the others, -1 … 1."""
        own, others = self.pairs()
        norm = np.sqrt((own**2).sum() * (others**2).sum())
        return float((own * others).sum() / norm) if norm > 0 else 0.0


def motion_agreement(tracks: TrackStates, fps: float, *, vertical: bool) -> MotionAgreement:
    """Return how far the tracks move together along one axis.

    Not at all where there are fewer than MIN_MOTIONS simultaneous motions.
    """
    lag = max(1, round(LAG_SECONDS * fps))
    motions = Motions.of_tracks(tracks, lag, int(vertical), MAX_MOTION if vertical else np.inf)
    own, others = motions.pairs()
    if len(own) < MIN_MOTIONS:
        return MotionAgreement()
    groups = np.unique(motions.tracks, return_inverse=True)[1] % GROUPS
    left_out = [motions.where(groups != group).correlation() for group in np.unique(groups)]
    return MotionAgreement(
        correlation=motions.correlation(),
        error=float(np.std(left_out) * np.sqrt(len(left_out) - 1)),
        speed=float(np.sqrt(max(np.quantile(own * others, SPEED_QUANTILE), 0))) * fps / lag,
    )
