"""Matching of boxes: between two sets, between two models, and from frame to frame.

Everything works on all frames at once: a video of 100,000 frames costs a few dozen numpy calls.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.detections import Detections

Rows = NDArray[np.intp]
Numbers = NDArray[np.float32]

PAIRS_AT_ONCE = 1 << 17
"""Pairs compared at a time: the arrays stay in the cache, and memory stays flat in a crowd."""
MOTION_SECONDS = 0.4
"""Past over which a velocity is measured; one frame's difference would be mostly jitter."""
MOTION_ROUNDS = 8
"""Most rounds of matching and measuring velocity; people in lanes of their own need two."""


def match(a: boxes.FloatArray, b: boxes.FloatArray, min_iou: float) -> tuple[Rows, Rows]:
    """One-to-one pairs (rows of a, rows of b) of largest total IoU, each at least `min_iou`."""
    overlap = boxes.iou(a, b)
    i, j = scipy.optimize.linear_sum_assignment(-np.where(overlap >= min_iou, overlap, 0))
    good = overlap[i, j] >= min_iou
    return i[good], j[good]


def match_frames(a: Detections, b: Detections, min_iou: float) -> tuple[Rows, Rows]:
    """`match` in every frame of two Detections of one video; only equal class names pair."""
    i, j, overlap = overlaps(a, b, min_iou)
    names = np.array([b.names.index(name) if name in b.names else -1 for name in a.names])
    same = names[a.classes[i]] == b.classes[j]
    i, j = i[same], j[same]
    chosen = assign(i, j, overlap[same], a.frames[i])
    return i[chosen], j[chosen]


def overlaps(a: Detections, b: Detections, min_iou: float) -> tuple[Rows, Rows, Numbers]:
    """Rows of a, rows of b and IoU of all pairs of one frame with at least `min_iou`."""
    return _overlaps(a.frames, _columns(a.boxes), b.frames, _columns(b.boxes), min_iou)


def link(
    detections: Detections, min_iou: float = 0.2, max_hole_seconds: float = 0.5
) -> NDArray[np.int32]:
    """Track of each row, `(n,)`, numbered from 0 by first appearance; one class a track.

    Boxes of neighbouring frames are matched by IoU where the velocity of their track puts them. A
    track that lost its object is carried on at its velocity for at most `max_hole_seconds`; fresh
    tracks choose before stale ones. This is what an online tracker with a matching cascade
    (DeepSORT, arXiv:1703.07402, listing 1) decides, computed age by age over the whole video: the
    links of a frame never depend on a later frame.
    """
    lowest = max(min_iou, 1e-6)
    links = _Links(detections, lowest)
    links.neighbours()
    for age in range(2, min(round(max_hole_seconds * detections.fps), detections.length) + 2):
        links.bridge(age)
    return _chains(links.before)


def assign(i: Rows, j: Rows, weight: Numbers, group: NDArray[np.integer]) -> Rows:
    """Which candidate pairs form the one-to-one matching of largest total weight.

    Args:
        i, j: the two ends of each candidate pair; a row belongs to one group only.
        weight: positive worth of each pair.
        group: group of each pair (its frame), sorted.

    A pair that weighs at least as much as the best other pair of its one end and of its other end
    together belongs to a best matching: swapping it in loses at most those two. Taking such pairs
    until none is left solves all but dense knots; only those go to the Hungarian algorithm.
    """
    alone = (_count(i)[i] == 1) & (_count(j)[j] == 1)
    chosen = [np.flatnonzero(alone)]
    rest = np.flatnonzero(~alone)
    while rest.size:
        first_i, other_i = _best(i[rest], weight[rest])
        first_j, other_j = _best(j[rest], weight[rest])
        sure = rest[first_i & first_j & (weight[rest] >= other_i + other_j)]
        if not sure.size:
            break
        chosen.append(sure)
        rest = rest[~np.isin(i[rest], i[sure]) & ~np.isin(j[rest], j[sure])]
    else:
        return np.sort(np.concatenate(chosen))
    breaks = np.flatnonzero(np.diff(group[rest])) + 1
    chosen += [_hungarian(knot, i, j, weight) for knot in np.split(rest, breaks)]
    return np.sort(np.concatenate(chosen))


def _count(rows: Rows) -> Rows:
    return np.bincount(rows) if rows.size else np.zeros(0, np.intp)


def _best(node: Rows, weight: Numbers) -> tuple[NDArray[np.bool_], Numbers]:
    """Per pair: is it the best of its node (of equals the first), and the next weight after it."""
    order = np.lexsort((-weight, node))
    follows = node[order][1:] == node[order][:-1]
    best = np.empty(len(node), np.bool_)
    best[order] = np.append(True, ~follows)
    after = np.empty_like(weight)
    after[order] = np.append(np.where(follows, weight[order][1:], 0), np.float32(0))
    return best, after


def _hungarian(pairs: Rows, i: Rows, j: Rows, weight: Numbers) -> Rows:
    left, row = np.unique(i[pairs], return_inverse=True)
    right, column = np.unique(j[pairs], return_inverse=True)
    table = np.zeros((len(left), len(right)), np.float32)
    which = np.full(table.shape, -1)
    table[row, column] = weight[pairs]
    which[row, column] = pairs
    found = which[scipy.optimize.linear_sum_assignment(-table)]
    return found[found >= 0]


def _same_frame(a: NDArray[np.int32], b: NDArray[np.int32]) -> Iterator[tuple[Rows, Rows]]:
    """Row pairs of equal frame, in blocks; both sorted."""
    if not (a.size and b.size):
        return
    # Counting is several times faster than searching, for frames lie close together.
    base = min(int(a[0]), int(b[0]))
    of_b = np.bincount(b - base, minlength=int(a[-1]) - base + 1)
    counts = of_b[a - base]
    low = (np.cumsum(of_b) - of_b)[a - base]
    ends = np.cumsum(counts)
    total = int(ends[-1]) if ends.size else 0
    cuts = np.searchsorted(ends, np.arange(PAIRS_AT_ONCE, total, PAIRS_AT_ONCE))
    for part in np.split(np.arange(len(a)), cuts):
        size = counts[part]
        first = np.repeat(low[part] - (np.cumsum(size) - size), size)
        yield np.repeat(part, size), first + np.arange(len(first))


def _columns(boxes: Numbers) -> Numbers:
    """Boxes `(n, 4)` as `(4, n)`: one side of all of them lies together."""
    return np.ascontiguousarray(boxes.T)


def _overlaps(
    frames_a: NDArray[np.int32],
    a: Numbers,
    frames_b: NDArray[np.int32],
    b: Numbers,
    min_iou: float,
) -> tuple[Rows, Rows, Numbers]:
    """Pairs of equal frame with at least `min_iou`, ordered by rows of a, then of b.

    Args:
        a, b: columns, `(4, n)`.
    """
    found: list[tuple[Rows, Rows, Numbers]] = []
    for i, j in _same_frame(frames_a, frames_b):
        if min_iou > 0:  # most pairs stand side by side: two columns tell
            beside = a[0][i] >= b[2][j]
            beside |= b[0][j] >= a[2][i]
            close = np.flatnonzero(~beside)
            i, j = i[close], j[close]
        overlap = _iou(np.take(a, i, axis=1), np.take(b, j, axis=1))
        good = np.flatnonzero(overlap >= min_iou)
        found.append((i[good], j[good], overlap[good]))
    if not found:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32)
    if len(found) == 1:
        return found[0]
    i, j, overlap = (np.concatenate(column) for column in zip(*found, strict=True))
    return i, j, overlap


def _iou(a: Numbers, b: Numbers) -> Numbers:
    """`boxes.iou_pairs` on columns, `(4, n)`: four times faster than on rows of four."""
    wide = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    high = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    inter = np.maximum(wide, 0) * np.maximum(high, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    overlap: Numbers = inter / np.maximum(union, np.float32(1e-9))
    return overlap


class _Links:
    """Which box follows which; decided age by age over the whole video."""

    def __init__(self, detections: Detections, min_iou: float) -> None:
        self.before = np.full(len(detections), -1, np.intp)
        """Row before each row, or -1."""
        self._d, self._min_iou = detections, min_iou
        self._sides = _columns(detections.boxes)
        self._velocity = np.zeros((2, len(detections)), np.float32)
        self._back = max(1, round(MOTION_SECONDS * detections.fps))

    def neighbours(self) -> None:
        """Link boxes of neighbouring frames.

        Links decide velocities, and velocities decide links: each round matches again the frames
        whose velocities the last one changed, so a frame is right once all frames before it are.
        """
        d, everyone = self._d, np.arange(len(self._d))
        self._join(everyone, everyone, 1)
        for _ in range(MOTION_ROUNDS):
            old, self._velocity = self._velocity, self._moving()
            changed = np.zeros(d.length + 1, np.bool_)
            changed[d.frames[(self._velocity != old).any(0)]] = True
            if not changed.any():
                break
            ends, starts = np.flatnonzero(changed[d.frames]), np.flatnonzero(changed[d.frames - 1])
            links = self.before[starts]
            self.before[starts] = -1
            self._join(ends, starts, 1)
            if np.array_equal(links, self.before[starts]):  # so the velocities are the same, too
                break

    def bridge(self, age: int) -> None:
        """Link tracks last seen `age` frames ago to boxes that nobody claimed."""
        free = self.before < 0
        last = np.ones(len(free), np.bool_)
        last[self.before[~free]] = False
        self._join(np.flatnonzero(last), np.flatnonzero(free), age)

    def _join(self, ends: Rows, starts: Rows, age: int) -> None:
        """Add the best matching of `ends`, moved on by `age` frames, and `starts`."""
        d, moved = self._d, np.take(self._sides, ends, axis=1)
        ahead = np.take(self._velocity, ends, axis=1) * np.float32(age)
        moved[:2] += ahead
        moved[2:] += ahead
        frames, later = d.frames[ends] + np.int32(age), d.frames[starts]
        there = np.take(self._sides, starts, axis=1)
        i, j, overlap = _overlaps(frames, moved, later, there, self._min_iou)
        if len(d.names) > 1:
            same = d.classes[ends[i]] == d.classes[starts[j]]
            i, j, overlap = i[same], j[same], overlap[same]
        chosen = assign(i, j, overlap, frames[i])
        self.before[starts[j[chosen]]] = ends[i[chosen]]

    def _moving(self) -> Numbers:
        """Mean motion of each centre over the last MOTION_SECONDS of its unbroken run, px/frame."""
        first = np.arange(len(self.before))
        steps = np.zeros(len(first), np.int32)
        for _ in range(self._back):
            further = self.before[first]
            on = further >= 0
            if not on.any():
                break
            first = np.where(on, further, first)
            steps += on
        centres = (self._sides[:2] + self._sides[2:]) / 2
        moved = centres - np.take(centres, first, axis=1)
        return (moved / np.maximum(steps, 1)).astype(np.float32)


def _chains(before: Rows) -> NDArray[np.int32]:
    """Number of each row's chain by first appearance, `(n,)`."""
    rows = np.arange(len(before))
    root = np.where(before < 0, rows, before)
    # Pointer jumping: each round doubles the distance, 20 rounds reach a million boxes.
    while not np.array_equal(further := root[root], root):
        root = further
    numbers = np.cumsum(root == rows) - 1
    return numbers[root].astype(np.int32)
