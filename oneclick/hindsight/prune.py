"""Removal of false positives with the whole clip in view: weak tracks and duplicate boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

FULL_FPS = 7.0
"""Frames a second from which on a track needs `min_boxes` detections; below, in proportion: five
boxes a second apart would be five seconds."""
LONGEST_SHARE = 0.5
"""Share of the clip from which on no track is short: in a clip of six frames everybody would be.
In clips of 1 to 10 frames, from twelve files, labels then have the mean F1 of the raw detections,
at most 0.007 less and up to 0.01 more; without it 0 to 0.58."""


def drop_weak_tracks(
    tracks: TrackStates,
    clip: Detections,
    options: HindsightOptions,
    unit_probability: float = 0.0,
) -> TrackStates:
    """Drop tracks that are too short, have too few detections or a low mean strength.

    Args:
        tracks: without interpolated boxes.
        clip: detections of the clip, for its length and fps.
        options: the limits.
        unit_probability: as in FusedDetections.
    """
    if not len(tracks):
        return tracks
    counts = tracks.stops - tracks.starts
    seconds = (tracks.frames[tracks.stops - 1] - tracks.frames[tracks.starts] + 1) / clip.fps
    if unit_probability:
        min_strength = options.min_track_probability / unit_probability
    else:
        median = float(np.median(tracks.strengths))
        min_strength = 1 + options.min_relative_strength * (median - 1)
    # A mean of equal numbers may come out a rounding error below them.
    strong = tracks.mean_per_track(tracks.strengths) >= min_strength - 1e-6
    min_boxes, min_seconds = shortest_track(clip, options)
    least = max(min_boxes, int(np.ceil(min_seconds * clip.fps)))
    long_enough = (counts >= min_boxes) & (seconds >= min_seconds)
    ends = tracks.frames[tracks.stops - 1] < clip.length - 1
    if probability_short_is_right(counts, long_enough, ends, least) >= options.short_probability:
        long_enough[:] = True
    keep = strong & long_enough
    return tracks.where(keep[tracks.track_index])


def shortest_track(clip: Detections, options: HindsightOptions) -> tuple[int, float]:
    """Return the fewest boxes and the least seconds of a track that is not short.

    Args:
        clip: detections of the clip, for its length and fps.
        options: the limits at usual rates, in clips that are long enough for them.
    """
    boxes = options.min_boxes * min(1.0, clip.fps / FULL_FPS)
    frames = LONGEST_SHARE * clip.length
    return int(np.ceil(min(boxes, frames))), min(options.min_seconds, frames / clip.fps)


def probability_short_is_right(
    counts: IndexArray, long_enough: NDArray[np.bool_], ends: NDArray[np.bool_], least: int
) -> float:
    """Return the probability, 0 … 1, that a box of a short track shows somebody.

    Tracks of people break by chance; at the rate at which the long ones of the clip end, some
    remain short. Where there are more short ones than that, the rest are false positives.

    Args:
        counts: `(m,)` boxes of each track.
        long_enough: `(m,)` tracks that are no false positives by their length.
        ends: `(m,)` tracks that end before the clip does.
        least: boxes of the shortest long track.
    """
    short_boxes, long_boxes = counts[~long_enough].sum(), counts[long_enough].sum()
    if not short_boxes or not long_boxes:
        return 0.0
    steps = np.maximum(counts[long_enough] - least + 1, 1).sum()
    end_rate = min(1.0, (long_enough & ends).sum() / steps)
    share_long = (1 - end_rate) ** (least - 1) * (1 + (least - 1) * end_rate)
    expected = long_boxes * (1 - share_long) / max(share_long, 1e-9)
    return float(min(1.0, expected / short_boxes))


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
