"""Parameters of the hindsight pass: one set for every camera and detector."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class HindsightOptions:
    """Parameters of all steps.

    Times are seconds, distances box heights, overlaps IoU, strengths multiples of the operating
    threshold of the model. Chosen once, by the mean over all development sequences
    (tests/bench/hindsight.py); `link_iou` and `min_relative_strength` matter most.
    """

    min_strength: float = 0.3
    """Weaker boxes are ignored."""
    same_iou: float = 0.6
    """Two boxes of one frame that overlap more are one object."""
    vote_iou: float = 0.5
    """A model votes for a box if one of its boxes overlaps it this much."""
    vote_strength: float = 0.3
    """Strength that one vote adds."""
    mean_iou: float = 0.65
    """Boxes of two models that overlap this much are averaged; at 1 none are."""
    unlike_jitter: float = 0.65
    """Ratio of the jitters of two models below which boxes that overlap by `vote_iou` are, too."""
    min_probability: float = 0.4
    """Probability from which a box of a team with learned skills counts as detected; false
    positives are dropped later with their tracks."""
    min_track_probability: float = 0.6
    """Least mean probability of the tracks of such a team."""
    link_iou: float = 0.4
    """IoU from frame to frame inside a tracklet; strict, because stitching repairs breaks."""
    link_seconds: float = 0.3
    """Longest hole inside a tracklet."""
    gap_seconds: float = 2.0
    """Longest hole that is stitched and filled on a static camera."""
    gap_seconds_moving: float = 1.0
    """The same on a moving camera, where linear interpolation soon fails."""
    stitch_near: float = 0.28
    """Allowed error of the prediction across a hole of no length."""
    stitch_drift: float = 0.17
    """Additional allowed error per second of the hole."""
    stitch_size: float = 0.35
    """Allowed log ratio of heights across a hole, where the position fits exactly."""
    stitch_rounds: int = 2
    """Rounds of stitching: stitched tracks have better velocities, which allow more stitches."""
    state_seconds: float = 0.8
    """Time at the end of a track from which its position and velocity are estimated."""
    min_seconds: float = 0.4
    """Shorter tracks are false positives."""
    min_boxes: int = 5
    """Tracks with fewer detections are false positives."""
    short_probability: float = 0.1
    """Probability that short tracks are people whose tracks broke, from which on they stay."""
    min_relative_strength: float = 0.45
    """Tracks are false positives if their mean strength lies below this share of the way from the
    threshold to the median of the clip: scores of different models spread differently."""
    recover_iou: float = 0.6
    """A low-score box replaces an interpolated one that it overlaps this much."""
    sigma_centre: float = 0.24
    """Width of the smoothing kernel for positions."""
    sigma_size: float = 0.4
    """Width of the smoothing kernel for sizes, which change more slowly."""
    sigma_centre_moving: float = 0.2
    """Width for positions on a moving camera, where paths are more curved."""
    outlier_distance: float = 0.36
    """Boxes this far from the smooth path get almost no weight."""
    moving_agreement: float = 0.14
    """Correlation of vertical motions above which the camera is moving."""
    moving_speed: float = 1.0
    """Common speed sideways, in box heights a second, above which it is: people walk at 0.8."""
    sure_links: float = 0.93
    """Share of linked boxes from which on links are not looked for along the camera's motion."""
    link_gain: float = 0.05
    """Additional share of boxes that is linked along a common motion, if the camera moves."""
    burst_gain: float = 0.25
    """The same within a second, beyond the share of boxes that the whole clip leaves unlinked."""
    burst_speed: float = 0.95
    """Median common speed sideways within a second, box heights a second, above which the camera is
    moving; at most 0.7 on static cameras."""
    width_loss: float = 1.05
    """Error of predicting a box from its neighbours, as a multiple of that of the best kernel
    width, up to which a wider kernel is preferred on a moving camera."""

    def on_moving_camera(self) -> HindsightOptions:
        """Return the options for a moving camera.

        Shorter holes are filled, with less smoothing, and no track is dropped for being short.
        """
        return replace(
            self,
            gap_seconds=self.gap_seconds_moving,
            sigma_centre=self.sigma_centre_moving,
            short_probability=0.0,
        )
