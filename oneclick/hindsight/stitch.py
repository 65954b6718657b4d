"""Stitching: which tracklet is the continuation of which, decided for the whole clip at once.

Both sides of a hole predict the other: the end of the earlier tracklet forwards, the start of the
later one backwards. An online tracker has the first prediction only.
"""

from __future__ import annotations

import numpy as np
import scipy  # loads its parts when they are used

from oneclick.core import association
from oneclick.hindsight.options import Options
from oneclick.hindsight.paths import Numbers, Paths, Rows

JITTER_SECONDS = 0.15
"""Velocities are calmed as if the track had stood still for this long as well."""


def stitch(paths: Paths, gap_seconds: float, fps: float, options: Options) -> Paths:
    """Paths whose tracks are joined across holes of at most `gap_seconds`."""
    for _ in range(options.stitch_rounds):
        before, after = _joins(paths, gap_seconds, fps, options)
        if not len(before):
            break
        paths = paths.renamed(_chains(paths, before, after))
    return paths


def _joins(paths: Paths, gap_seconds: float, fps: float, options: Options) -> tuple[Rows, Rows]:
    """Positions of the tracks to join: the earlier and the later ones."""
    first, last = paths.frames[paths.starts], paths.frames[paths.stops - 1]
    i, j = _candidates(first, last, int(gap_seconds * fps) + 1)
    kinds = paths.classes[paths.starts]
    same = kinds[i] == kinds[j]
    i, j = i[same], j[same]
    worth = 1 - _cost(paths, i, j, fps, options)
    good = worth > 0
    chosen = _best(i[good], j[good], worth[good], len(first))
    return i[good][chosen], j[good][chosen]


def _candidates(first: Rows, last: Rows, most: int) -> tuple[Rows, Rows]:
    """Pairs of tracks where the second starts at most `most` frames after the first ended."""
    order = np.argsort(first, kind="stable")
    low = np.searchsorted(first[order], last, "right")
    count = np.searchsorted(first[order], last + most, "right") - low
    begin = np.repeat(low - (np.cumsum(count) - count), count)
    return np.repeat(np.arange(len(first)), count), order[begin + np.arange(len(begin))]


def _cost(paths: Paths, i: Rows, j: Rows, fps: float, options: Options) -> Numbers:
    """How badly each pair fits; 1 is the limit."""
    end, leaving = _motion(paths, paths.frames[paths.stops - 1], fps, options)
    start, arriving = _motion(paths, paths.frames[paths.starts], fps, options)
    hole = paths.frames[paths.starts[j]] - paths.frames[paths.stops[i] - 1]
    tall = np.maximum(np.sqrt(np.maximum(end[i, 3], 1) * np.maximum(start[j, 3], 1)), 1)
    step = hole[:, None]
    forth = np.linalg.norm(end[i, :2] + leaving[i] * step - start[j, :2], axis=1)
    back = np.linalg.norm(start[j, :2] - arriving[j] * step - end[i, :2], axis=1)
    allowed = options.stitch_near + options.stitch_drift * hole / fps
    ratio = np.abs(np.log(np.maximum(end[i, 3], 1) / np.maximum(start[j, 3], 1)))
    cost: Numbers = (forth + back) / (2 * tall * allowed) + ratio / options.stitch_size
    return cost


def _motion(paths: Paths, at: Rows, fps: float, options: Options) -> tuple[Numbers, Numbers]:
    """State `(m, 4)` and velocity `(m, 2)`, px a frame, of each track at its frame `at`.

    A line is fitted with weights that fall with the distance in time.
    """
    step = paths.frames - at[paths.track_of]
    weight = np.exp(-0.5 * (step / (options.state_seconds * fps / 2)) ** 2)
    total = np.add.reduceat(weight, paths.starts)
    centre = np.add.reduceat(weight * step, paths.starts) / total
    mean = np.add.reduceat(weight[:, None] * paths.states, paths.starts) / total[:, None]
    apart = weight * (step - centre[paths.track_of])
    spread = np.add.reduceat(apart * step, paths.starts) + (JITTER_SECONDS * fps) ** 2
    slope = np.add.reduceat(apart[:, None] * paths.states[:, :2], paths.starts) / spread[:, None]
    mean[:, :2] -= slope * centre[:, None]
    return mean, slope


def _best(i: Rows, j: Rows, worth: Numbers, tracks: int) -> Rows:
    """The one-to-one choice of largest total worth, solved apart for pairs that never compete."""
    if not len(i):
        return i
    links = scipy.sparse.coo_array(
        (np.ones(len(i)), (i, j + tracks)), shape=(2 * tracks, 2 * tracks)
    )
    group = scipy.sparse.csgraph.connected_components(links, directed=False)[1][i]
    order = np.argsort(group, kind="stable")
    pairs = i[order], j[order], worth[order].astype(np.float32), group[order]
    return order[association.assign(*pairs)]


def _chains(paths: Paths, before: Rows, after: Rows) -> Rows:
    """Name of each track: the position of the first in its chain."""
    names = np.arange(len(paths.starts))
    order = np.argsort(paths.frames[paths.starts[after]], kind="stable")
    for a, b in zip(before[order].tolist(), after[order].tolist(), strict=True):
        names[b] = names[a]
    return names
