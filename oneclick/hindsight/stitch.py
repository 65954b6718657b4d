"""Stitching: which tracklet continues which, decided for the whole clip at once.

Both sides of a hole predict the other: the end of the earlier tracklet forwards, the start of the
later one backwards. An online tracker has the first prediction only.
"""

from __future__ import annotations

import numpy as np
import scipy  # loads its parts when they are used

from oneclick.core import association
from oneclick.hindsight.options import HindsightOptions
from oneclick.hindsight.track_states import FloatArray, IndexArray, TrackStates

JITTER_SECONDS = 0.15
"""Velocities are shrunk as if the track had stood still for this long as well."""


def stitch(
    tracks: TrackStates, gap_seconds: float, fps: float, options: HindsightOptions
) -> TrackStates:
    """Join tracks across holes of at most `gap_seconds`."""
    for _ in range(options.stitch_rounds):
        earlier, later = find_joins(tracks, gap_seconds, fps, options)
        if not len(earlier):
            break
        ids = np.arange(len(tracks.starts))
        order = np.argsort(tracks.frames[tracks.starts[later]], kind="stable")
        for a, b in zip(earlier[order].tolist(), later[order].tolist(), strict=True):
            ids[b] = ids[a]
        tracks = tracks.relabel(ids)
    return tracks


def find_joins(
    tracks: TrackStates, gap_seconds: float, fps: float, options: HindsightOptions
) -> tuple[IndexArray, IndexArray]:
    """Return the positions of the tracks to join, `(k,)` each: the earlier and the later ones."""
    first, last = tracks.frames[tracks.starts], tracks.frames[tracks.stops - 1]
    i, j = _candidates(first, last, int(gap_seconds * fps) + 1)
    classes = tracks.classes[tracks.starts]
    same_class = classes[i] == classes[j]
    i, j = i[same_class], j[same_class]
    weight = 1 - join_cost(tracks, i, j, fps, options)
    possible = weight > 0
    i, j, weight = i[possible], j[possible], weight[possible]
    pairs = _assign_by_component(i, j, weight, len(first))
    return i[pairs], j[pairs]


def join_cost(
    tracks: TrackStates, i: IndexArray, j: IndexArray, fps: float, options: HindsightOptions
) -> FloatArray:
    """Return the cost of joining track i to track j, `(k,)`; 1 is the limit.

    The mean error of the two predictions across the hole, plus the change of the longer side.
    """
    end, end_velocity = _motion(tracks, tracks.frames[tracks.stops - 1], fps, options)
    start, start_velocity = _motion(tracks, tracks.frames[tracks.starts], fps, options)
    hole = tracks.frames[tracks.starts[j]] - tracks.frames[tracks.stops[i] - 1]
    before, after = (np.maximum(states[:, 2:].max(1), 1) for states in (end[i], start[j]))
    step = hole[:, None]
    forward = np.linalg.norm(end[i, :2] + end_velocity[i] * step - start[j, :2], axis=1)
    backward = np.linalg.norm(start[j, :2] - start_velocity[j] * step - end[i, :2], axis=1)
    allowed = options.stitch_near + options.stitch_drift * hole / fps
    size = np.sqrt(before * after)
    ratio = np.abs(np.log(before / after))
    cost: FloatArray = (forward + backward) / (2 * size * allowed) + ratio / options.stitch_size
    return cost


def _candidates(
    first: IndexArray, last: IndexArray, max_frames: int
) -> tuple[IndexArray, IndexArray]:
    """Return pairs of tracks where the second starts up to `max_frames` after the first ended."""
    order = np.argsort(first, kind="stable")
    low = np.searchsorted(first[order], last, "right")
    count = np.searchsorted(first[order], last + max_frames, "right") - low
    begin = np.repeat(low - (np.cumsum(count) - count), count)
    return np.repeat(np.arange(len(first)), count), order[begin + np.arange(len(begin))]


def _motion(
    tracks: TrackStates, at: IndexArray, fps: float, options: HindsightOptions
) -> tuple[FloatArray, FloatArray]:
    """Return state `(m, 4)` and velocity `(m, 2)`, px a frame, of each track at its frame `at`.

    A line is fitted with weights that fall with the distance in time.
    """
    step = tracks.frames - at[tracks.track_index]
    weight = np.exp(-0.5 * (step / (options.state_seconds * fps / 2)) ** 2)
    total = np.add.reduceat(weight, tracks.starts)
    centre = np.add.reduceat(weight * step, tracks.starts) / total
    mean = np.add.reduceat(weight[:, None] * tracks.states, tracks.starts) / total[:, None]
    deviation = weight * (step - centre[tracks.track_index])
    spread = np.add.reduceat(deviation * step, tracks.starts) + (JITTER_SECONDS * fps) ** 2
    moments = np.add.reduceat(deviation[:, None] * tracks.states[:, :2], tracks.starts)
    slope = moments / spread[:, None]
    mean[:, :2] -= slope * centre[:, None]
    return mean, slope


def _assign_by_component(
    i: IndexArray, j: IndexArray, weight: FloatArray, tracks: int
) -> IndexArray:
    """Return the one-to-one pairs of largest total weight, solved per connected component."""
    if not len(i):
        return i
    links = scipy.sparse.coo_array(
        (np.ones(len(i)), (i, j + tracks)), shape=(2 * tracks, 2 * tracks)
    )
    component = scipy.sparse.csgraph.connected_components(links, directed=False)[1][i]
    order = np.argsort(component, kind="stable")
    pairs = i[order], j[order], weight[order].astype(np.float32), component[order]
    return order[association.assign(*pairs)]
