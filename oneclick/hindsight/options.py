"""The parameters of the hindsight pass: one set for every camera and detector."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Options:
    """Times are seconds, distances box heights, overlaps IoU, strengths multiples of a threshold.

    A box at the operating threshold of its model has strength 1. Chosen once, by the mean over all
    development sequences (tests/bench/hindsight.py); `link_iou` and `faint` matter most.
    """

    floor: float = 0.3
    """Weaker boxes are evidence of nothing."""
    same_iou: float = 0.6
    """Two boxes of one frame that overlap more are one object."""
    vote_iou: float = 0.5
    """A model votes for a box if one of its boxes overlaps it this much."""
    vote: float = 0.3
    """Strength that one vote adds."""
    sure: float = 0.4
    """Probability from which a box of a team of known skill counts as seen: what is false is
    dropped with its track."""
    believed: float = 0.6
    """Least mean probability of the tracks of such a team."""
    link_iou: float = 0.4
    """Overlap from frame to frame inside a tracklet; strict, because stitching mends breaks."""
    link_seconds: float = 0.3
    """Longest hole inside a tracklet."""
    gap_seconds: float = 2.0
    """Longest hole that is stitched and filled on a static camera."""
    gap_seconds_moving: float = 1.0
    """The same on a moving camera, where a straight line is soon wrong."""
    stitch_near: float = 0.28
    """Allowed error of the prediction across a hole of no length."""
    stitch_drift: float = 0.17
    """Allowed error that each second of hole adds."""
    stitch_size: float = 0.35
    """Allowed log ratio of heights across a hole, where the position fits exactly."""
    stitch_rounds: int = 2
    """Stitched tracks have better velocities, which find a few more stitches."""
    state_seconds: float = 0.8
    """Past (or future) from which position and velocity at the end of a track are read."""
    min_seconds: float = 0.4
    """Shorter tracks are false alarms."""
    min_boxes: int = 5
    """Tracks seen less often are false alarms."""
    faint: float = 0.45
    """Tracks are false alarms if their mean strength lies below this share of the way from the
    threshold to the median of the clip: scores of different models spread differently."""
    recover_iou: float = 0.6
    """A doubtful box replaces a filled one that it overlaps this much."""
    sigma_centre: float = 0.24
    """Width of the smoothing of positions."""
    sigma_size: float = 0.4
    """Width of the smoothing of sizes, which change more slowly."""
    sigma_centre_moving: float = 0.2
    """The same for positions on a moving camera, where paths bend with it."""
    outlier: float = 0.36
    """Boxes this far from the smooth path hardly count."""
    moving_agreement: float = 0.14
    """Agreement of vertical motions above which the camera moves."""

    def on_moving_camera(self) -> Options:
        """The same where the camera moves: shorter holes are filled, and less is smoothed."""
        return replace(
            self, gap_seconds=self.gap_seconds_moving, sigma_centre=self.sigma_centre_moving
        )
