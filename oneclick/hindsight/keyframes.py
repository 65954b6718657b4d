"""Few key boxes for many: tracks as the key boxes that a reviewer moves, and back.

The labels of a clip are reduced to the fewest key boxes found whose curve stays within a given IoU
of the label in every frame; the result is checked. On the way back, labels whose keys did not
change are restored bit for bit, and the others follow the curve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.tracks import HUMAN, INTERPOLATED, Tracks
from oneclick.hindsight import curves, keyframe_search
from oneclick.hindsight.curves import FloatArray, IndexArray, Mask
from oneclick.hindsight.keyframe_search import KeyframeProblem

BOUND = 0.9
"""Least IoU of a box of the curve with its label."""
SLACK = 1e-5
"""The search keeps this far from the bound, because keys are stored in single precision."""
SAME = 0.01
"""Keys nearer than this many px on all sides are equal: they may have been rounded as text."""


@dataclass(frozen=True, eq=False)
class KeyBoxes:
    """Tracks as key boxes and the frames in which they have a box.

    Raises:
        ValueError: if a key lies outside the runs of its track, or a run has no key in its track.
    """

    boxes: Tracks
    """The key boxes."""
    runs: NDArray[np.int32]
    """(r, 3) track, start, stop, half-open; sorted, not adjacent."""

    def __post_init__(self) -> None:
        runs = np.asarray(self.runs, np.int32).reshape(-1, 3)
        object.__setattr__(self, "runs", runs[np.lexsort((runs[:, 1], runs[:, 0]))])
        has_no_key = ~np.isin(self.runs[:, 0], self.boxes.tracks)
        if has_no_key.any():
            raise ValueError(f"track {self.runs[has_no_key][0, 0]} has a run, but no key box")
        tracks, starts, stops = self.runs.T
        keys = _sort_keys(self.boxes.tracks, self.boxes.frames)
        run = np.searchsorted(_sort_keys(tracks, starts), keys, "right") - 1
        is_outside = (run < 0) | (keys >= _sort_keys(tracks, stops).take(run, mode="clip"))
        if is_outside.any():
            row = int(np.flatnonzero(is_outside)[0])
            key = f"track {self.boxes.tracks[row]}, frame {self.boxes.frames[row]}"
            raise ValueError(f"{key}: a key box where the track has no run")

    def __len__(self) -> int:
        return len(self.boxes)


def frame_runs(tracks: Tracks) -> NDArray[np.int32]:
    """Return the runs of frames without a hole of each track, `(r, 3)`: track, start, stop."""
    order = tracks.by_track
    ids, frames = tracks.tracks[order], tracks.frames[order]
    first = keyframe_search.is_first(ids) | (np.diff(frames, prepend=-2) != 1)
    last = np.append(first[1:], True)[: len(first)]
    return np.stack([ids[first], frames[first], frames[last] + 1], 1).astype(np.int32)


def thin(tracks: Tracks, bound: float = BOUND) -> KeyBoxes:
    """Reduce tracks to few key boxes whose curve has at least IoU `bound` with every box.

    Keys have the score, class and origin of the box of their frame, but lie where the curve fits
    best. A curve runs through holes and ignores them. A box without area is matched only by an
    equal one. Equal input gives equal output.

    Raises:
        ValueError: if `bound` is not above 0 and at most 1, or a box is not finite or inside out.
    """
    if not 0 < bound <= 1:
        raise ValueError(f"bound: expected an IoU above 0 and at most 1, got {bound}")
    is_valid = (
        np.isfinite(tracks.boxes).all() and (tracks.boxes[:, :2] <= tracks.boxes[:, 2:]).all()
    )
    if not is_valid:
        raise ValueError("boxes: expected finite numbers, x1 <= x2 and y1 <= y2")
    problem = KeyframeProblem.from_tracks(tracks, min(bound + SLACK, 1))
    rows, values = np.zeros(0, np.intp), np.zeros((0, 4))
    if len(tracks):
        rows, values = keyframe_search.search(problem)
    runs, target = frame_runs(tracks), problem.target.boxes
    while True:
        keys = KeyBoxes(_key_tracks(tracks, rows, values), runs)
        curve_boxes = _Curve(keys).boxes
        is_close = boxes.iou_pairs(curve_boxes.astype(np.float64), target) >= bound
        failures = np.flatnonzero(~(is_close | (curve_boxes == target).all(1)))
        if not len(failures):
            return keys
        # Where no curve was found, the boxes themselves become keys: so this ends.
        stay = ~np.isin(rows, failures)
        rows, order = keyframe_search.in_order(np.concatenate([rows[stay], failures]))
        values = np.concatenate([values[stay], target[failures]])[order]


def densify(keys: KeyBoxes) -> Tracks:
    """Return a box in every frame of the runs, on the curve through the keys; inverse of `thin`.

    Boxes between keys are marked as interpolated; their class is that of the key before. Frames of
    a run before the first or after the last key of its track repeat that key.
    """
    curve = _Curve(keys)
    origins = np.where(curve.at_key, keys.boxes.origins[curve.row], INTERPOLATED)
    return curve.to_tracks(curve.boxes, curve.scores, origins)


def restore(parent: Tracks, before: KeyBoxes, after: KeyBoxes) -> Tracks:
    """Return labels from the keys that a reviewer edited.

    Boxes, scores and origins are the parent's wherever no key of the curve changed; elsewhere they
    are the curve's, human at the keys that changed and interpolated between. A key that is moved,
    added or removed changes two stretches to each side. Tracks, frames and classes are those of
    `after`.

    Args:
        parent: the labels that were thinned.
        before: their keys.
        after: the same, edited.
    """
    curve, old_curve = _Curve(after), _Curve(before)
    old_keys = curve.match_keys(old_curve)
    is_new_key = curve.at_key & (old_keys[curve.key] < 0)
    origins = np.where(is_new_key, HUMAN, INTERPOLATED)
    curve_boxes, scores = curve.boxes, curve.scores
    rows, parent_rows = curve.match_rows(parent, curve.unchanged_rows(old_curve, old_keys))
    curve_boxes[rows] = parent.boxes[parent_rows]
    scores[rows] = parent.scores[parent_rows]
    origins[rows] = parent.origins[parent_rows]
    return curve.to_tracks(curve_boxes, scores, origins)


class _Curve:
    """The curve through key boxes, with a row for every frame of the runs.

    Keys and rows are in order of (track, frame).
    """

    def __init__(self, keys: KeyBoxes) -> None:
        order = keys.boxes.by_track
        self.key_tracks = keys.boxes
        self.key_boxes = keys.boxes.boxes.take(order, axis=0)
        tracks, frames = keys.boxes.tracks[order], keys.boxes.frames[order]
        self.key_sort_keys = _sort_keys(tracks, frames)
        self.knots = keyframe_search.build_knots(
            frames.astype(np.intp), keyframe_search.is_first(tracks)
        )
        run_tracks, starts, stops = keys.runs.astype(np.intp).T
        count = stops - starts
        self.tracks = np.repeat(run_tracks, count)
        self.frames = np.arange(count.sum()) + np.repeat(stops - np.cumsum(count), count)
        self.sort_keys = _sort_keys(self.tracks, self.frames)
        before = np.searchsorted(self.key_sort_keys, self.sort_keys, "right") - 1
        before = np.maximum(before, 0)
        self.key = before + (tracks[before] != self.tracks)
        """(n,) the key at or before each row; the first of its track where there is none."""
        self.at_key = self.key_sort_keys[self.key] == self.sort_keys
        """(n,) whether a key lies in the frame of the row."""
        self.row = order[self.key]
        """(n,) row of that key in `key_tracks`."""

    @property
    def boxes(self) -> NDArray[np.float32]:
        """Return the boxes, `(n, 4)` px; one that the curve turns inside out has no area."""
        if not len(self.key):
            return np.zeros((0, 4), np.float32)
        shares = self.knots.shares(self.key, self.frames)
        curve = curves.evaluate_curves(self.key_boxes.astype(np.float64), self.key, shares)
        rows = curve.astype(np.float32)
        rows[:, 2:] = np.maximum(rows[:, :2], rows[:, 2:])
        return rows

    @property
    def scores(self) -> NDArray[np.float32]:
        """Return the scores, `(n,)`, linearly interpolated from key to key."""
        key_scores = self.key_tracks.scores[self.key_tracks.by_track].astype(np.float64)
        if not len(key_scores):
            return key_scores.astype(np.float32)
        offset = float(1 << 32)
        positions = self.knots.first[self.key] * offset + self.frames
        key_positions = self.knots.first * offset + self.knots.frames
        scores: FloatArray = np.interp(positions, key_positions, key_scores)
        return scores.astype(np.float32)

    def to_tracks(
        self,
        row_boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        origins: NDArray[np.str_],
    ) -> Tracks:
        """Return the rows as tracks with these boxes `(n, 4)`, scores `(n,)` and origins `(n,)`."""
        return replace(
            self.key_tracks,
            frames=self.frames.astype(np.int32),
            tracks=self.tracks.astype(np.int32),
            boxes=row_boxes,
            scores=scores,
            classes=self.key_tracks.classes[self.row],
            origins=origins,
        )

    def match_keys(self, before: _Curve) -> IndexArray:
        """Return the number of each key in `before`, `(k,)`, or -1 where it is new or was moved."""
        if not len(before.key_boxes):
            return np.full(len(self.key_boxes), -1)
        position = np.searchsorted(before.key_sort_keys, self.key_sort_keys)
        position = np.minimum(position, len(before.key_boxes) - 1)
        is_equal = before.key_sort_keys[position] == self.key_sort_keys
        is_equal &= (np.abs(before.key_boxes[position] - self.key_boxes) < SAME).all(1)
        return np.where(is_equal, position, -1)

    def unchanged_rows(self, before: _Curve, old_keys: IndexArray) -> Mask:
        """Check which rows lie where they lay on the curve `before`, `(n,)`.

        The box at a key counts as unchanged if one of the two stretches that meet there is.

        Args:
            before: the curve before the edits.
            old_keys: `(k,)` as `match_keys` returns them.
        """
        if not len(before.key_boxes):
            return np.zeros(len(self.key), np.bool_)
        keys = np.arange(len(old_keys))
        new_support, old_support = self.knots.support(keys), before.knots.support(old_keys)
        is_unchanged = (old_keys >= 0) & (old_keys[new_support] == old_support).all(1)
        is_end = np.append(False, is_unchanged[:-1]) & (self.knots.first != keys)
        rows: Mask = is_unchanged[self.key] | (self.at_key & is_end[self.key])
        return rows

    def match_rows(self, parent: Tracks, mask: Mask) -> tuple[IndexArray, IndexArray]:
        """Return the rows in `mask` that have a box in `parent`, and the rows of those boxes."""
        order = parent.by_track
        sort_keys = _sort_keys(parent.tracks[order], parent.frames[order])
        if not len(sort_keys):
            return np.zeros(0, np.intp), order
        position = np.minimum(np.searchsorted(sort_keys, self.sort_keys), len(sort_keys) - 1)
        rows = np.flatnonzero(mask & (sort_keys[position] == self.sort_keys))
        return rows, order[position[rows]]


def _sort_keys(tracks: NDArray[np.integer], frames: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return numbers that sort by (track, frame), `(n,)`."""
    return (tracks.astype(np.int64) << 32) + frames.astype(np.int64)


def _key_tracks(tracks: Tracks, rows: IndexArray, values: FloatArray) -> Tracks:
    """Select rows, counted by (track, frame), and replace their boxes by `values`."""
    order = tracks.by_track[rows]
    columns = {
        name: getattr(tracks, name)[order]
        for name in ("frames", "tracks", "scores", "classes", "origins")
    }
    return replace(tracks, boxes=values.astype(np.float32), **columns)
