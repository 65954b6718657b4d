"""Tracks as the hindsight steps hand them on: columns sorted by (track, frame)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paths:
    """Boxes of tracks as centre and size; at most one box a track and frame."""

    frames: Rows
    """(n,) 0-based."""
    tracks: Rows
    """(n,) any number; equal numbers are one object."""
    states: Numbers
    """(n, 4) px: centre x, centre y, width, height."""
    strengths: Numbers
    """(n,) evidence for the box; 1 is the operating threshold."""
    classes: Rows
    """(n,) index of the class."""
    origins: NDArray[np.str_]
    """(n,) one letter of core.tracks.ORIGINS."""

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def starts(self) -> Rows:
        """(m,) first row of each track."""
        return np.flatnonzero(np.diff(self.tracks, prepend=self.tracks[:1] - 1))

    @cached_property
    def stops(self) -> Rows:
        """(m,) row after the last of each track."""
        return np.append(self.starts[1:], len(self)) if len(self) else self.starts

    @cached_property
    def track_of(self) -> Rows:
        """(n,) position of each row's track in `starts`."""
        return np.repeat(np.arange(len(self.starts)), self.stops - self.starts)

    def mean(self, values: Numbers) -> Numbers:
        """(m,) mean over each track of one value a row."""
        if not len(self):
            return np.zeros(0)
        total: Numbers = np.add.reduceat(values, self.starts)
        return total / (self.stops - self.starts)

    def where(self, mask: NDArray[np.bool_] | Rows) -> Paths:
        """The rows a boolean mask or an index array picks."""
        return Paths(*(getattr(self, field.name)[mask] for field in fields(self)))

    def renamed(self, names: Rows) -> Paths:
        """Tracks renumbered by `names`, `(m,)`; equal names join tracks."""
        return replace(self, tracks=names[self.track_of]).ordered()

    def ordered(self) -> Paths:
        """Rows in order of (track, frame)."""
        return self.where(np.lexsort((self.frames, self.tracks)))


def concat(parts: Sequence[Paths]) -> Paths:
    """The rows of several, in order of (track, frame)."""
    columns = ([getattr(part, field.name) for part in parts] for field in fields(Paths))
    return Paths(*map(np.concatenate, columns)).ordered()


def from_detections(
    detections: Detections, tracks: NDArray[np.int32], origins: NDArray[np.str_]
) -> Paths:
    """Detections whose scores are strengths, with their tracks, `(n,)`."""
    return Paths(
        detections.frames.astype(np.intp),
        tracks.astype(np.intp),
        states(detections.boxes),
        detections.scores.astype(np.float64),
        detections.classes.astype(np.intp),
        origins,
    ).ordered()


def to_tracks(paths: Paths, scores: Numbers, like: Detections) -> Tracks:
    """Corners again, and identities 0, 1, 2 … by first appearance."""
    first = paths.frames[paths.starts]
    rank = np.empty(len(first), np.intp)
    rank[np.lexsort((paths.tracks[paths.starts], first))] = np.arange(len(first))
    return Tracks(
        paths.frames.astype(np.int32),
        rank[paths.track_of].astype(np.int32),
        corners(paths.states),
        scores.astype(np.float32),
        paths.classes.astype(np.int16),
        paths.origins,
        like.length,
        like.fps,
        like.names,
    )


def to_detections(paths: Paths, scores: Numbers, like: Detections) -> tuple[Detections, Rows]:
    """Boxes by frame with any `scores`, and the row of `paths` that each came from."""
    order = np.argsort(paths.frames, kind="stable")
    found = Detections(
        paths.frames[order].astype(np.int32),
        corners(paths.states[order]),
        scores[order].astype(np.float32),
        paths.classes[order].astype(np.int16),
        like.length,
        like.fps,
        like.names,
    )
    return found, order


def states(corner: NDArray[np.float32]) -> Numbers:
    """Corners `(n, 4)` to centre and size."""
    wide = corner.astype(np.float64)
    return np.concatenate([boxes.centres(wide), wide[:, 2:] - wide[:, :2]], 1)


def corners(state: Numbers) -> NDArray[np.float32]:
    """Centre and size `(n, 4)` to corners; a size below 0 counts as 0."""
    half = np.maximum(state[:, 2:], 0) / 2
    return np.concatenate([state[:, :2] - half, state[:, :2] + half], 1).astype(np.float32)
