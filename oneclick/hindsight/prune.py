"""Removal of false positives with the whole clip in view: weak tracks and duplicate boxes."""

from __future__ import annotations

import numpy as np

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, TrackStates


def drop_weak_tracks(
    tracks: TrackStates, fps: float, options: HindsightOptions, unit_probability: float = 0.0
) -> TrackStates:
    """Drop tracks that are too short, have too few detections or a low mean strength.

    Args:
        tracks: without interpolated boxes.
        fps: frames per second.
        options: the limits.
        unit_probability: as in FusedDetections.
    """
    if not len(tracks):
        return tracks
    counts = tracks.stops - tracks.starts
    seconds = (tracks.frames[tracks.stops - 1] - tracks.frames[tracks.starts] + 1) / fps
    if unit_probability:
        min_strength = options.min_track_probability / unit_probability
    else:
        median = float(np.median(tracks.strengths))
        min_strength = 1 + options.min_relative_strength * (median - 1)
    # A mean of equal numbers may come out a rounding error below them.
    strong = tracks.mean_per_track(tracks.strengths) >= min_strength - 1e-6
    keep = strong & (counts >= options.min_boxes) & (seconds >= options.min_seconds)
    return tracks.where(keep[tracks.track_index])


def drop_duplicate_boxes(
    tracks: TrackStates, clip: Detections, options: HindsightOptions
) -> TrackStates:
    """Drop boxes that overlap a box of a stronger track in the same frame.

    Args:
        tracks: the strength of a track is the sum over its boxes.
        clip: detections of the clip, for its length, fps and class names.
        options: the least IoU of duplicates.
    """
    total: FloatArray = tracks.mean_per_track(tracks.strengths) * (tracks.stops - tracks.starts)
    detections, row = tracks.to_detections(total[tracks.track_index], clip)
    i, j, _ = association.overlaps(detections, detections, options.same_iou)
    a, b = row[i], row[j]
    duplicate = (a != b) & (tracks.classes[a] == tracks.classes[b])
    a, b = a[duplicate], b[duplicate]
    rank = np.argsort(np.lexsort((np.arange(len(total)), -total)))[tracks.track_index]
    keep = np.ones(len(tracks), np.bool_)
    keep[b[rank[a] < rank[b]]] = False
    return tracks.where(keep)
