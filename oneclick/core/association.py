"""Matching of boxes: between two sets, between two models, and from frame to frame.

Everything works on all frames at once: a video of 100,000 frames costs a few dozen numpy calls.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

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
    i, j = linear_sum_assignment(-np.where(overlap >= min_iou, overlap, 0))
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
    return _overlaps(a.frames, a.boxes, b.frames, b.boxes, min_iou)


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
    before, velocity = _link_neighbours(detections, lowest)
    holes = min(round(max_hole_seconds * detections.fps), detections.length)
    for age in range(2, holes + 2):
        _bridge(detections, before, velocity, age, lowest)
    return _chains(before)[0]


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
    found = which[linear_sum_assignment(-table)]
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


def _overlaps(
    frames: NDArray[np.int32],
    boxes_a: Numbers,
    frames_b: NDArray[np.int32],
    boxes_b: Numbers,
    min_iou: float,
) -> tuple[Rows, Rows, Numbers]:
    """Pairs of equal frame with at least `min_iou`, ordered by rows of a, then of b."""
    columns_a, columns_b = np.ascontiguousarray(boxes_a.T), np.ascontiguousarray(boxes_b.T)
    found: list[tuple[Rows, Rows, Numbers]] = []
    for i, j in _same_frame(frames, frames_b):
        if min_iou > 0:  # most pairs stand side by side: two columns tell
            beside = columns_a[0][i] >= columns_b[2][j]
            beside |= columns_b[0][j] >= columns_a[2][i]
            close = np.flatnonzero(~beside)
            i, j = i[close], j[close]
        overlap = _iou(columns_a[:, i], columns_b[:, j])
        good = np.flatnonzero(overlap >= min_iou)
        found.append((i[good], j[good], overlap[good]))
    if not found:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32)
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


def _link_neighbours(d: Detections, min_iou: float) -> tuple[Rows, Numbers]:
    """Row before each row in the frame before it, or -1; and the velocity of each row.

    Links decide velocities, and velocities decide links: each round matches again the frames whose
    velocities the last one changed, so a frame is right once all frames before it are.
    """
    before = np.full(len(d), -1, np.intp)
    velocity = np.zeros((len(d), 2), np.float32)
    everyone = np.arange(len(d))
    _join(d, before, velocity, everyone, everyone, 1, min_iou)
    for _ in range(MOTION_ROUNDS):
        old, velocity = velocity, _velocity(d, before)
        changed = np.zeros(d.length + 1, np.bool_)
        changed[d.frames[(velocity != old).any(1)]] = True
        if not changed.any():
            break
        ends, starts = np.flatnonzero(changed[d.frames]), np.flatnonzero(changed[d.frames - 1])
        links = before.copy()
        before[starts] = -1
        _join(d, before, velocity, ends, starts, 1, min_iou)
        if np.array_equal(links, before):  # so the velocities are the same, too
            break
    return before, velocity


def _bridge(d: Detections, before: Rows, velocity: Numbers, age: int, min_iou: float) -> None:
    """Link tracks last seen `age` frames ago to boxes that nobody claimed."""
    starts = before < 0
    ends = np.ones(len(d), np.bool_)
    ends[before[~starts]] = False
    _join(d, before, velocity, np.flatnonzero(ends), np.flatnonzero(starts), age, min_iou)


def _join(
    d: Detections,
    before: Rows,
    velocity: Numbers,
    ends: Rows,
    starts: Rows,
    age: int,
    min_iou: float,
) -> None:
    """Write into `before` the best matching of `ends`, moved on by `age` frames, and `starts`."""
    moved = d.boxes[ends] + np.tile(velocity[ends] * np.float32(age), 2)
    frames = d.frames[ends] + np.int32(age)
    i, j, overlap = _overlaps(frames, moved, d.frames[starts], d.boxes[starts], min_iou)
    same = d.classes[ends[i]] == d.classes[starts[j]]
    i, j = i[same], j[same]
    chosen = assign(i, j, overlap[same], frames[i])
    before[starts[j[chosen]]] = ends[i[chosen]]


def _velocity(d: Detections, before: Rows) -> Numbers:
    """Mean motion of the centre over the last MOTION_SECONDS of the unbroken run, px a frame."""
    runs, place = _chains(before)
    order = np.argsort(runs, kind="stable")
    back = np.minimum(place, max(1, round(MOTION_SECONDS * d.fps)))
    where = np.empty(len(d), np.intp)
    where[order] = np.arange(len(d))
    centres = boxes.centres(d.boxes)
    moved = centres - centres[order[where - back]]
    velocity: Numbers = (moved / np.maximum(back, 1)[:, None]).astype(np.float32)
    return velocity


def _chains(before: Rows) -> tuple[NDArray[np.int32], Rows]:
    """Number of each row's chain by first appearance, and the row's place in it; both `(n,)`."""
    rows = np.arange(len(before))
    root = np.where(before < 0, rows, before)
    place = (before >= 0).astype(np.intp)
    # Pointer jumping: each round doubles the distance, 20 rounds reach a million boxes.
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        place += place[root]
        root = further
    numbers = np.cumsum(root == rows) - 1
    return numbers[root].astype(np.int32), place
