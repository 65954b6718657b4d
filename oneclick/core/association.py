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

IndexArray = NDArray[np.intp]
FloatArray = NDArray[np.float32]

PAIRS_AT_ONCE = 1 << 17
"""Pairs compared at a time: the arrays stay in the cache, and memory stays flat in a crowd."""
MOTION_SECONDS = 0.4
"""Past over which a velocity is measured; one frame's difference would be mostly jitter."""
MOTION_ROUNDS = 8
"""Most rounds of matching and measuring velocity; people in lanes of their own need two."""


def match(
    a: boxes.FloatArray, b: boxes.FloatArray, min_iou: float
) -> tuple[IndexArray, IndexArray]:
    """Match boxes one to one for the largest total IoU (Hungarian algorithm).

    Args:
        a: `(n, 4)` px.
        b: `(m, 4)` px.
        min_iou: least IoU of a matched pair.

    Returns:
        Rows of `a` and rows of `b`, `(k,)` each.
    """
    overlap = boxes.iou(a, b)
    i, j = scipy.optimize.linear_sum_assignment(-np.where(overlap >= min_iou, overlap, 0))
    valid = overlap[i, j] >= min_iou
    return i[valid], j[valid]


def match_frames(a: Detections, b: Detections, min_iou: float) -> tuple[IndexArray, IndexArray]:
    """Apply `match` in every frame of two Detections of one video; only equal class names pair.

    Returns:
        Rows of `a` and rows of `b`, `(k,)` each.
    """
    i, j, overlap = overlaps(a, b, min_iou)
    same_class = is_same_class(a, b, i, j)
    i, j = i[same_class], j[same_class]
    pairs = assign(i, j, overlap[same_class], a.frames[i])
    return i[pairs], j[pairs]


def is_same_class(a: Detections, b: Detections, i: IndexArray, j: IndexArray) -> NDArray[np.bool_]:
    """Check which pairs of rows, `i` of `a` and `j` of `b`, have equal class names, `(k,)`."""
    index = np.array([b.names.index(name) if name in b.names else -1 for name in a.names])
    return np.asarray(index[a.classes[i]] == b.classes[j], np.bool_)


def overlaps(
    a: Detections, b: Detections, min_iou: float
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Find all pairs of boxes of one frame with an IoU of at least `min_iou`.

    Returns:
        Rows of `a`, rows of `b` and the IoU, `(k,)` each, ordered by rows of `a`, then of `b`.
    """
    return _overlaps(a.frames, _columns(a.boxes), b.frames, _columns(b.boxes), min_iou)


def same_pairs(
    a: Detections, b: Detections, min_iou: float, min_share: float
) -> tuple[IndexArray, IndexArray]:
    """Find the pairs of boxes of one frame that overlap enough to show the same object.

    Args:
        a: detections.
        b: of the same video.
        min_iou: least IoU.
        min_share: or least share of the smaller box that lies inside the larger one.

    Returns:
        Rows of `a` and rows of `b`, `(k,)` each, ordered by rows of `a`, then of `b`.
    """
    i, j, overlap = overlaps(a, b, 1e-3)
    area_a, area_b = boxes.area(a.boxes[i]), boxes.area(b.boxes[j])
    common = overlap / (1 + overlap) * (area_a + area_b)
    share = common / np.maximum(np.minimum(area_a, area_b), 1e-6)
    same = (overlap >= min_iou) | (share >= min_share)
    return i[same], j[same]


def beaten(winners: IndexArray, losers: IndexArray, count: int) -> NDArray[np.bool_]:
    """Check which of `count` boxes give way to another that stays, `(count,)`.

    A box that gives way itself pushes nobody out: of two people who overlap one doubtful box, both
    stay where the surer one has taken its place.

    Args:
        winners: `(k,)` row of the stronger box of each pair of rivals; no chain of pairs may lead
            back to where it began.
        losers: `(k,)` row of the weaker one.
        count: of boxes.
    """
    is_beaten = np.zeros(count, np.bool_)
    while len(winners):
        is_beaten[losers[~np.isin(winners, losers)]] = True
        is_open = ~is_beaten[winners] & ~is_beaten[losers]
        winners, losers = winners[is_open], losers[is_open]
    return is_beaten


def link(
    detections: Detections, min_iou: float = 0.2, max_hole_seconds: float = 0.5
) -> NDArray[np.int32]:
    """Assign a track number to each row, `(n,)`, counted from 0 by first appearance.

    Boxes of neighbouring frames are matched by IoU where the velocity of their track puts them. A
    track that lost its object is extrapolated at its velocity for at most `max_hole_seconds`; boxes
    go to the most recently matched track first. All boxes of a track have one class. The outcome is
    that of an online tracker with a matching cascade (DeepSORT, arXiv:1703.07402, listing 1),
    computed age by age over the whole video: the links of a frame never depend on a later frame.
    """
    linker = _Linker(detections, max(min_iou, 1e-6))
    linker.link_neighbours()
    for age in range(2, min(round(max_hole_seconds * detections.fps), detections.length) + 2):
        linker.link_across(age)
    return number_chains(linker.previous)


def assign(
    i: IndexArray, j: IndexArray, weight: FloatArray, group: NDArray[np.integer]
) -> IndexArray:
    """Select the candidate pairs that form the one-to-one matching of largest total weight.

    A pair that weighs at least as much as the best other pair of its one end and of its other end
    together belongs to a best matching: swapping it in loses at most those two. Taking such pairs
    until none is left solves all but dense groups; only those go to the Hungarian algorithm.

    Args:
        i: `(n,)` first row of each candidate pair; a row belongs to one group only.
        j: `(n,)` second row of each candidate pair.
        weight: `(n,)` positive weight of each pair.
        group: `(n,)` group of each pair (its frame), sorted.

    Returns:
        `(k,)` positions of the selected pairs, sorted.
    """
    unique = (_count(i)[i] == 1) & (_count(j)[j] == 1)
    selected = [np.flatnonzero(unique)]
    rest = np.flatnonzero(~unique)
    while rest.size:
        best_of_i, next_of_i = _best(i[rest], weight[rest])
        best_of_j, next_of_j = _best(j[rest], weight[rest])
        certain = rest[best_of_i & best_of_j & (weight[rest] >= next_of_i + next_of_j)]
        if not certain.size:
            break
        selected.append(certain)
        rest = rest[~np.isin(i[rest], i[certain]) & ~np.isin(j[rest], j[certain])]
    else:
        return np.sort(np.concatenate(selected))
    breaks = np.flatnonzero(np.diff(group[rest])) + 1
    selected += [_hungarian(pairs, i, j, weight) for pairs in np.split(rest, breaks)]
    return np.sort(np.concatenate(selected))


def number_chains(previous: IndexArray) -> NDArray[np.int32]:
    """Assign a number to each chain of linked rows by first appearance, `(n,)`.

    Args:
        previous: `(n,)` row before each row in its chain, or -1 at its start.
    """
    rows = np.arange(len(previous))
    root = np.where(previous < 0, rows, previous)
    # Pointer jumping: each round doubles the distance, 20 rounds reach a million boxes.
    while not np.array_equal(further := root[root], root):
        root = further
    numbers = np.cumsum(root == rows) - 1
    return numbers[root].astype(np.int32)


def _count(rows: IndexArray) -> IndexArray:
    return np.bincount(rows) if rows.size else np.zeros(0, np.intp)


def _best(node: IndexArray, weight: FloatArray) -> tuple[NDArray[np.bool_], FloatArray]:
    """Mark the heaviest pair of each node (the first of equals), and return the next weight."""
    order = np.lexsort((-weight, node))
    follows = node[order][1:] == node[order][:-1]
    best = np.empty(len(node), np.bool_)
    best[order] = np.append(True, ~follows)
    next_weight = np.empty_like(weight)
    next_weight[order] = np.append(np.where(follows, weight[order][1:], 0), np.float32(0))
    return best, next_weight


def _hungarian(pairs: IndexArray, i: IndexArray, j: IndexArray, weight: FloatArray) -> IndexArray:
    """Select pairs of one group by the Hungarian algorithm on their dense weight matrix."""
    nodes_i, row = np.unique(i[pairs], return_inverse=True)
    nodes_j, column = np.unique(j[pairs], return_inverse=True)
    weights = np.zeros((len(nodes_i), len(nodes_j)), np.float32)
    pair_of = np.full(weights.shape, -1)
    weights[row, column] = weight[pairs]
    pair_of[row, column] = pairs
    selected = pair_of[scipy.optimize.linear_sum_assignment(-weights)]
    return selected[selected >= 0]


def _same_frame(
    a: NDArray[np.int32], b: NDArray[np.int32]
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield row pairs of equal frame in blocks of about PAIRS_AT_ONCE; `a` and `b` are sorted."""
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
    for block in np.split(np.arange(len(a)), cuts):
        size = counts[block]
        first = np.repeat(low[block] - (np.cumsum(size) - size), size)
        yield np.repeat(block, size), first + np.arange(len(first))


def _columns(boxes: FloatArray) -> FloatArray:
    """Return boxes `(n, 4)` as contiguous columns `(4, n)`, one per side."""
    return np.ascontiguousarray(boxes.T)


def _overlaps(
    frames_a: NDArray[np.int32],
    a: FloatArray,
    frames_b: NDArray[np.int32],
    b: FloatArray,
    min_iou: float,
) -> tuple[IndexArray, IndexArray, FloatArray]:
    """Find pairs of equal frame as `overlaps` does, with boxes as columns `(4, n)`."""
    blocks: list[tuple[IndexArray, IndexArray, FloatArray]] = []
    for i, j in _same_frame(frames_a, frames_b):
        if min_iou > 0:  # most pairs stand side by side: two columns are enough to drop them
            beside = a[0][i] >= b[2][j]
            beside |= b[0][j] >= a[2][i]
            near = np.flatnonzero(~beside)
            i, j = i[near], j[near]
        overlap = boxes.iou_columns(np.take(a, i, axis=1), np.take(b, j, axis=1))
        valid = np.flatnonzero(overlap >= min_iou)
        blocks.append((i[valid], j[valid], overlap[valid]))
    if not blocks:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32)
    if len(blocks) == 1:
        return blocks[0]
    i, j, overlap = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return i, j, overlap


class _Linker:
    """Links from each box to the previous one of its track, found age by age over a whole video."""

    def __init__(self, detections: Detections, min_iou: float) -> None:
        self.previous = np.full(len(detections), -1, np.intp)
        """Row before each row on its track, or -1."""
        self.detections, self.min_iou = detections, min_iou
        self.columns = _columns(detections.boxes)
        self.velocity = np.zeros((2, len(detections)), np.float32)
        self.motion_frames = max(1, round(MOTION_SECONDS * detections.fps))

    def link_neighbours(self) -> None:
        """Link boxes of neighbouring frames.

        Links decide velocities, and velocities decide links: each round matches again the frames
        whose velocities the last one changed, so a frame is right once all frames before it are.
        """
        detections, rows = self.detections, np.arange(len(self.detections))
        self.match(rows, rows, 1)
        for _ in range(MOTION_ROUNDS):
            old, self.velocity = self.velocity, self.measure_velocity()
            changed = np.zeros(detections.length + 1, np.bool_)
            changed[detections.frames[(self.velocity != old).any(0)]] = True
            if not changed.any():
                break
            ends = np.flatnonzero(changed[detections.frames])
            starts = np.flatnonzero(changed[detections.frames - 1])
            links = self.previous[starts]
            self.previous[starts] = -1
            self.match(ends, starts, 1)
            if np.array_equal(links, self.previous[starts]):  # so the velocities are the same, too
                break

    def link_across(self, age: int) -> None:
        """Link tracks that were last matched `age` frames ago to boxes without a track."""
        free = self.previous < 0
        last = np.ones(len(free), np.bool_)
        last[self.previous[~free]] = False
        self.match(np.flatnonzero(last), np.flatnonzero(free), age)

    def match(self, ends: IndexArray, starts: IndexArray, age: int) -> None:
        """Match the rows `ends`, extrapolated by `age` frames, with the rows `starts`."""
        detections, predicted = self.detections, np.take(self.columns, ends, axis=1)
        shift = np.take(self.velocity, ends, axis=1) * np.float32(age)
        predicted[:2] += shift
        predicted[2:] += shift
        frames = detections.frames[ends] + np.int32(age)
        i, j, overlap = _overlaps(
            frames,
            predicted,
            detections.frames[starts],
            np.take(self.columns, starts, axis=1),
            self.min_iou,
        )
        if len(detections.names) > 1:
            same_class = detections.classes[ends[i]] == detections.classes[starts[j]]
            i, j, overlap = i[same_class], j[same_class], overlap[same_class]
        pairs = assign(i, j, overlap, frames[i])
        self.previous[starts[j[pairs]]] = ends[i[pairs]]

    def measure_velocity(self) -> FloatArray:
        """Return the mean motion `(2, n)` of each centre over the last MOTION_SECONDS, px/frame.

        Only the unbroken run of frames before a box counts.
        """
        first = np.arange(len(self.previous))
        steps = np.zeros(len(first), np.int32)
        for _ in range(self.motion_frames):
            earlier = self.previous[first]
            exists = earlier >= 0
            if not exists.any():
                break
            first = np.where(exists, earlier, first)
            steps += exists
        centres = (self.columns[:2] + self.columns[2:]) / 2
        displacement = centres - np.take(centres, first, axis=1)
        return (displacement / np.maximum(steps, 1)).astype(np.float32)
