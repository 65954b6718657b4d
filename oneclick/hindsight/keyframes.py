"""Few key boxes for many: tracks as the key boxes a reviewer moves, and back.

The labels of a clip are thinned to the fewest key boxes found whose curve stays within a stated IoU
of the label in every frame; the code checks that for itself. On the way back, what a human left
alone is the label again, bit for bit, and what a human moved is the curve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.tracks import HUMAN, INTERPOLATED, Tracks
from oneclick.hindsight import curves, keyframe_search
from oneclick.hindsight.curves import Mask, Numbers, Rows

BOUND = 0.9
"""Least IoU of a box of the curve with its label."""
SLACK = 1e-5
"""The search keeps this far from the bound, because keys are stored in single precision."""
SAME = 0.01
"""Keys nearer than this many px on all sides are the same: they may travel as rounded text."""


@dataclass(frozen=True, eq=False)
class Keys:
    """Tracks as key boxes and the frames in which they have a box.

    Raises:
        ValueError: if a key lies outside the runs of its track, or a run has no key in its track.
    """

    boxes: Tracks
    """The key boxes."""
    runs: NDArray[np.int32]
    """(r, 3) track, start, stop, half-open; sorted, apart from each other."""

    def __post_init__(self) -> None:
        runs = np.asarray(self.runs, np.int32).reshape(-1, 3)
        object.__setattr__(self, "runs", runs[np.lexsort((runs[:, 1], runs[:, 0]))])
        lost = ~np.isin(self.runs[:, 0], self.boxes.tracks)
        if lost.any():
            raise ValueError(f"track {self.runs[lost][0, 0]} has a run, but no key box")
        names, starts, stops = self.runs.T
        keys = _places(self.boxes.tracks, self.boxes.frames)
        run = np.searchsorted(_places(names, starts), keys, "right") - 1
        out = (run < 0) | (keys >= _places(names, stops).take(run, mode="clip"))
        if out.any():
            row = int(np.flatnonzero(out)[0])
            where = f"track {self.boxes.tracks[row]}, frame {self.boxes.frames[row]}"
            raise ValueError(f"{where}: a key box where the track has no run")

    def __len__(self) -> int:
        return len(self.boxes)


def runs(tracks: Tracks) -> NDArray[np.int32]:
    """Where each track has boxes without a hole, `(r, 3)`: track, start, stop."""
    order = tracks.by_track
    names, frames = tracks.tracks[order], tracks.frames[order]
    first = keyframe_search.firsts(names) | (np.diff(frames, prepend=-2) != 1)
    last = np.append(first[1:], True)[: len(first)]
    return np.stack([names[first], frames[first], frames[last] + 1], 1).astype(np.int32)


def thin(tracks: Tracks, bound: float = BOUND) -> Keys:
    """Few key boxes whose curve has at least IoU `bound` with every box.

    Keys carry the score, class and origin of the box of their frame, but lie where the curve fits
    best. A curve runs through holes and takes no notice of them. A box without area is met only by
    an equal one. Equal input gives equal output.

    Raises:
        ValueError: if `bound` is not above 0 and at most 1, or a box is not finite or inside out.
    """
    _check(tracks, bound)
    clip = keyframe_search.clip_of(tracks, min(bound + SLACK, 1))
    rows, values = (
        keyframe_search.search(clip) if len(tracks) else (np.zeros(0, np.intp), np.zeros((0, 4)))
    )
    where = runs(tracks)
    while True:
        # Where no curve was found, the boxes themselves are keys: so this ends.
        keys = Keys(_picked(tracks, rows, values), where)
        broken = np.flatnonzero(~_within(_Curve(keys).boxes, clip.target.boxes, bound))
        if not len(broken):
            return keys
        rows, values = _put(rows, values, broken, clip.target.boxes[broken])


def _check(tracks: Tracks, bound: float) -> None:
    if not 0 < bound <= 1:
        raise ValueError(f"bound: expected an IoU above 0 and at most 1, got {bound}")
    low, high = tracks.boxes[:, :2], tracks.boxes[:, 2:]
    if not (np.isfinite(tracks.boxes).all() and (low <= high).all()):
        raise ValueError("boxes: expected finite numbers, x1 <= x2 and y1 <= y2")


def dense(keys: Keys) -> Tracks:
    """A box in every frame of the runs, on the curve through the keys; the inverse of `thin`.

    Boxes between keys are marked as interpolated; their class is that of the key before. Frames of
    a run before the first or after the last key of its track repeat that key.
    """
    curve = _Curve(keys)
    letters = np.where(curve.at_key, curve.like.origins[curve.row], INTERPOLATED)
    return curve.tracks(curve.boxes, curve.scores, letters)


def restore(parent: Tracks, before: Keys, after: Keys) -> Tracks:
    """Labels from the keys that a human handed back.

    Boxes, scores and origins are the parent's wherever all keys on which the curve depends are as
    they were; elsewhere they are the curve's, human at the keys that changed and interpolated
    between. A key that is moved, added or taken away changes two stretches to each side. Tracks,
    frames and classes are those of `after`.

    Args:
        parent: the labels that were thinned.
        before: their keys.
        after: the same, edited.
    """
    curve = _Curve(after)
    old = _Curve(before)
    known = _known(curve, old)
    letters = np.where(curve.at_key & (known[curve.key] < 0), HUMAN, INTERPOLATED)
    made, scores = curve.boxes, curve.scores
    row, was = _common(curve, parent, _kept(curve, old, known))
    made[row], scores[row], letters[row] = (
        parent.boxes[was],
        parent.scores[was],
        parent.origins[was],
    )
    return curve.tracks(made, scores, letters)


class _Curve:
    """Keys, and the rows of their runs; both in order of (track, frame)."""

    def __init__(self, keys: Keys) -> None:
        order = keys.boxes.by_track
        self.like = keys.boxes
        self.keys = self.like.boxes.take(order, axis=0)
        tracks, frames = self.like.tracks[order], self.like.frames[order]
        self.key_places = _places(tracks, frames)
        self.knots = keyframe_search.knots_of(
            frames.astype(np.intp), keyframe_search.firsts(tracks)
        )
        names, starts, stops = keys.runs.astype(np.intp).T
        count = stops - starts
        self.names = np.repeat(names, count)
        self.frames = np.arange(count.sum()) + np.repeat(stops - np.cumsum(count), count)
        self.places = _places(self.names, self.frames)
        before = np.maximum(np.searchsorted(self.key_places, self.places, "right") - 1, 0)
        self.key = before + (tracks[before] != self.names)
        self.at_key = self.key_places[self.key] == self.places
        self.row = order[self.key]

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(n, 4) px; a box that the curve turns inside out has no area."""
        if not len(self.key):
            return np.zeros((0, 4), np.float32)
        shares = self.knots.shares(self.key, self.frames)
        made = curves.trace(self.keys.astype(np.float64), self.key, shares).astype(np.float32)
        made[:, 2:] = np.maximum(made[:, :2], made[:, 2:])
        return made

    @property
    def scores(self) -> NDArray[np.float32]:
        """(n,) on straight lines from key to key."""
        order = self.like.by_track
        given = self.like.scores[order].astype(np.float64)
        track = self.knots.first[self.key] * float(1 << 32)
        keys = self.knots.first * float(1 << 32) + self.knots.frames
        made: Numbers = np.interp(track + self.frames, keys, given) if len(given) else given
        return made.astype(np.float32)

    def tracks(
        self, made: NDArray[np.float32], scores: NDArray[np.float32], origins: NDArray[np.str_]
    ) -> Tracks:
        """The rows as tracks."""
        return replace(
            self.like,
            frames=self.frames.astype(np.int32),
            tracks=self.names.astype(np.int32),
            boxes=made,
            scores=scores,
            classes=self.like.classes[self.row],
            origins=origins,
        )


def _known(curve: _Curve, before: _Curve) -> Rows:
    """For each key its number among the keys before, or -1 where it is new or was moved."""
    if not len(before.keys):
        return np.full(len(curve.keys), -1)
    same = np.searchsorted(before.key_places, curve.key_places)
    same = np.minimum(same, len(before.keys) - 1)
    equal = before.key_places[same] == curve.key_places
    equal &= (np.abs(before.keys[same] - curve.keys) < SAME).all(1)
    return np.where(equal, same, -1)


def _kept(curve: _Curve, before: _Curve, known: Rows) -> Mask:
    """True for the rows whose curve is what it was.

    The box at a key counts as kept if one of the two stretches that meet there is.
    """
    if not len(before.keys):
        return np.zeros(len(curve.key), np.bool_)
    keys = np.arange(len(known))
    now, then = known[curve.knots.support(keys)], before.knots.support(known)
    kept = (known >= 0) & (now == then).all(1)
    ended = np.append(False, kept[:-1]) & (curve.knots.first != keys)
    whole: Mask = kept[curve.key] | (curve.at_key & ended[curve.key])
    return whole


def _common(curve: _Curve, parent: Tracks, kept: Mask) -> tuple[Rows, Rows]:
    """Rows of the curve that are kept, and those of the parent in their place."""
    order = parent.by_track
    places = _places(parent.tracks[order], parent.frames[order])
    if not len(places):
        return np.zeros(0, np.intp), order
    at = np.minimum(np.searchsorted(places, curve.places), len(places) - 1)
    row = np.flatnonzero(kept & (places[at] == curve.places))
    return row, order[at[row]]


def _places(tracks: NDArray[np.integer], frames: NDArray[np.integer]) -> NDArray[np.int64]:
    """One number that orders by (track, frame)."""
    return (tracks.astype(np.int64) << 32) + frames.astype(np.int64)


def _within(made: NDArray[np.float32], wanted: Numbers, bound: float) -> Mask:
    """True where the boxes overlap enough or are equal."""
    close = boxes.iou_pairs(made.astype(np.float64), wanted) >= bound
    return np.asarray(close | (made == wanted).all(1))


def _put(rows: Rows, values: Numbers, new: Rows, boxes_there: Numbers) -> tuple[Rows, Numbers]:
    """Keys with others added or put in their place."""
    stay = ~np.isin(rows, new)
    rows, order = keyframe_search.in_order(np.concatenate([rows[stay], new]))
    return rows, np.concatenate([values[stay], boxes_there])[order]


def _picked(tracks: Tracks, rows: Rows, values: Numbers) -> Tracks:
    """The rows, counted by (track, frame), with other boxes."""
    order = tracks.by_track[rows]
    columns = {
        name: getattr(tracks, name)[order]
        for name in ("frames", "tracks", "scores", "classes", "origins")
    }
    return replace(tracks, boxes=values.astype(np.float32), **columns)
