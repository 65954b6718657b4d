"""Which boxes of a track tools need as key frames, if they interpolate linearly between them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelTrack

SLACK = 0.01 + 1e-6
"""px by which interpolation between two key frames may miss a box: the last decimal."""


def find_rows(
    track: LabelTrack,
    boxes: NDArray[np.float64],
    attributes: Sequence[Mapping[str, str]] = (),
) -> list[int]:
    """Return the rows of `boxes` that must be key frames, ascending.

    They are the key frames of the track, the ends of every run, the boxes that interpolation misses
    by more than SLACK, and those at which the attributes change, where these are given.

    Splitting a run at the box that interpolation misses most is the algorithm of Douglas and
    Peucker (1973).
    """
    frames = track.frames
    is_key = np.isin(frames, track.keyframes)
    gaps = np.diff(frames) > 1
    is_key[:1] = is_key[-1:] = True
    is_key[1:] |= gaps
    is_key[:-1] |= gaps
    if attributes:
        is_key[1:] |= np.array([a != b for a, b in itertools.pairwise(attributes)], np.bool_)
    lines = list(itertools.pairwise(np.flatnonzero(is_key).tolist()))
    while lines:
        low, high = lines.pop()
        farthest = farthest_row(frames[low : high + 1], boxes[low : high + 1])
        if farthest:
            is_key[low + farthest] = True
            lines += [(low, low + farthest), (low + farthest, high)]
    rows: list[int] = np.flatnonzero(is_key).tolist()
    return rows


def farthest_row(frames: NDArray[np.int32], boxes: NDArray[np.float64]) -> int:
    """Return the box that interpolation from first to last misses most; 0 if none by SLACK."""
    share = ((frames - frames[0]) / max(1, frames[-1] - frames[0]))[:, None]
    interpolated = boxes[0] + share * (boxes[-1] - boxes[0])
    errors = np.abs(boxes - interpolated).max(1)
    row = int(errors.argmax())
    return row if errors[row] > SLACK else 0
