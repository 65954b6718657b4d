"""Dense labels with the benefit of hindsight: detections of a whole clip in, tracks out.

An online tracker knows the past only. Here the future is known as well: false tracks are dropped
because they stay short, broken ones are joined from both sides, holes are interpolated between two
known ends, and every box is smoothed by its neighbours before and after.
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
    ego_motion,
    ensemble,
    fill,
    fuse,
    prune,
    skills,
    smooth,
    stitch,
)
from oneclick.hindsight.ego_motion import CameraPath
from oneclick.hindsight.fuse import FusedDetections
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.skills import TeamSkills
from oneclick.hindsight.track_states import FloatArray, TrackStates

__all__ = ["HindsightOptions", "TeamSkills", "label"]

DEFAULT = HindsightOptions()
LEADING = HindsightOptions(mean_iou=1.0)
"""For labels that a closer look starts from: windows around means of boxes showed less."""
REFITS = 2
"""Times that the weights of the models are refitted to a clip's own tracks; more change nothing."""
SMOOTHING_WEIGHTS = {INTERPOLATED: 0.3, RECOVERED: 0.6}
"""Weight of filled boxes in the smoothing; detected ones have weight 1."""
FILLED_STRENGTH = 0.75
"""Factor on the strength of a filled box."""


def label(
    detections: Sequence[Detections],
    thresholds: Sequence[float],
    options: HindsightOptions = DEFAULT,
    team: TeamSkills | None = None,
) -> Tracks:
    """Label a whole clip: return its tracks, with the probability of each box as its score.

    Equal input gives equal output.

    Args:
        detections: of each model over the same frames, with all scores: low-score boxes fill holes.
        thresholds: operating threshold of each model; one that is not finite accepts every box.
        options: parameters of all steps.
        team: skills of the models, learned from reviewed clips, in the order of `detections`.
            Without them the best model stands first: it leads, the others vote.

    Raises:
        ValueError: if there are no detections, not one threshold and skill a model, or the models
            disagree on length, fps or names.
    """
    weights = team.confidence if team else confidence.PRIOR_WEIGHTS
    return confidence.to_probabilities(build_tracks(detections, thresholds, options, team), weights)


def build_tracks(
    detections: Sequence[Detections],
    thresholds: Sequence[float],
    options: HindsightOptions = DEFAULT,
    team: TeamSkills | None = None,
) -> Tracks:
    """Label a clip as `label` does, with the strength of the detections, 0 … 1, as scores."""
    _check_inputs(detections, thresholds, team)
    if team and (len(detections) == 1 or team.fusion != "weights"):
        order = skills.best_first([skill.f1 for skill in team.each])
        if team.fusion == "best":
            order = order[:1]
        detections = [
            replace(detections[m], boxes=team.each[m].remove_bias(detections[m].boxes))
            for m in order
        ]
        thresholds, team = [thresholds[m] for m in order], None
    if team is None:
        return _track(fuse.fuse(detections, thresholds, options), options)
    strengths = [
        fuse.prepare_detections(boxes, threshold, options)
        for boxes, threshold in zip(detections, thresholds, strict=True)
    ]
    pooled, weights = ensemble.pool_detections(strengths, team), team.weights
    for _ in range(REFITS):
        tracks = _track(pooled.fuse(weights, options), options)
        weights = pooled.refit(team.weights, tracks.detections)
    return _track(pooled.fuse(weights, options), options)


def _track(fused: FusedDetections, options: HindsightOptions) -> Tracks:
    """Link, stitch, prune, fill and smooth the detections of a clip."""
    clip = fused.high_score
    tracks, path = _link(fused, options)
    if path is not None:
        options = options.on_moving_camera()
        fused = replace(fused, low_score=path.stabilise(fused.low_score))
        # At rest the kernels of the options fit; errors of detectors last, and would narrow them.
        options = smooth.fit_widths(tracks, clip.fps, options)
    tracks = stitch.stitch(tracks, options.gap_seconds, clip.fps, options)
    # Only now, so that a mean box shows people better but decides nothing about tracks.
    tracks = prune.drop_weak_tracks(tracks, clip, options, fused.unit_probability).shifted()
    tracks = fill.fill(tracks, fused.low_score, options.gap_seconds, options)
    weights = np.ones(len(tracks))
    for origin, weight in SMOOTHING_WEIGHTS.items():
        weights[tracks.origins == origin] = weight
    tracks = replace(tracks, states=smooth.smooth(tracks, weights, clip.fps, options))
    if path is not None:
        tracks = path.restore(tracks)
    tracks = prune.drop_duplicate_boxes(tracks, clip, options)
    return tracks.to_tracks(_mean_strengths(tracks, fused.unit_probability), clip)


def _link(
    fused: FusedDetections, options: HindsightOptions
) -> tuple[TrackStates, CameraPath | None]:
    """Link the strong boxes of a clip to tracklets.

    Returns:
        The tracklets, and where the camera moves its path; they are then those of a camera at rest.
    """
    clip = fused.high_score

    def link(detections: Detections) -> TrackStates:
        numbers = association.link(detections, options.link_iou, options.link_seconds)
        return TrackStates.from_detections(clip, numbers, fused.origins, fused.mean_boxes)

    tracks = link(clip)
    share, is_moving = ego_motion.linked_share(tracks), False
    least_burst = options.burst_gain + 1 - share
    may_burst = ego_motion.largest_gain(tracks, None, clip.length, clip.fps) > least_burst
    if may_burst or share < options.sure_links:
        voted = link(ego_motion.vote(clip).stabilise(clip))
        burst = ego_motion.largest_gain(tracks, voted, clip.length, clip.fps)
        is_moving = burst > least_burst or (
            share < options.sure_links and ego_motion.gain(tracks, voted) > options.link_gain
        )
        tracks = voted if is_moving else tracks
    if not (is_moving or camera.is_moving(tracks, clip.fps, options)):
        return tracks, None
    path = ego_motion.fit(tracks, clip.length, clip.fps)
    stable = link(path.stabilise(clip))
    if ego_motion.linked_share(stable) >= ego_motion.linked_share(tracks):
        tracks = stable
    return path.stabilise_states(tracks), path


def _check_inputs(
    detections: Sequence[Detections], thresholds: Sequence[float], team: TeamSkills | None
) -> None:
    if not detections or len(detections) != len(thresholds):
        raise ValueError(
            "detections: expected one threshold a model, "
            f"got {len(detections)} and {len(thresholds)}"
        )
    if team and len(team.each) != len(detections):
        raise ValueError(f"team: expected {len(detections)} skills, got {len(team.each)}")
    if len({(boxes.length, boxes.fps, boxes.names) for boxes in detections}) > 1:
        raise ValueError("detections: length, fps and names must agree")


def _mean_strengths(tracks: TrackStates, unit_probability: float) -> FloatArray:
    """Return the mean of each box's strength and that of its track, 0 … 1, `(n,)`.

    Args:
        tracks: the boxes.
        unit_probability: as in FusedDetections. Where it is unknown, a strength of 1 counts as .86,
            and a second model halves the doubt.
    """
    if unit_probability:
        strengths = np.minimum(tracks.strengths * unit_probability, 1)
    else:
        strengths = 1 - np.exp(-2 * tracks.strengths)
    strengths[np.isin(tracks.origins, list(SMOOTHING_WEIGHTS))] *= FILLED_STRENGTH
    if not unit_probability:
        united = tracks.origins == UNITED
        strengths[united] = 1 - (1 - strengths[united]) / 2
    mean: FloatArray = (strengths + tracks.mean_per_track(strengths)[tracks.track_index]) / 2
    return mean
