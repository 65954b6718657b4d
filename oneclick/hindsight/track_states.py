"""Tracks as the hindsight steps process them: columns sorted by (track, frame)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks

IndexArray = NDArray[np.intp]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class TrackStates:
    """Boxes of tracks as centre and size; at most one box a track and frame."""

    frames: IndexArray
    """(n,) 0-based."""
    tracks: IndexArray
    """(n,) track id; any number."""
    states: FloatArray
    """(n, 4) px: centre x, centre y, width, height."""
    shifts: FloatArray
    """(n, 4) px: from the state to that of the mean of the models that agree."""
    strengths: FloatArray
    """(n,) score of the box as a multiple of the operating threshold."""
    classes: IndexArray
    """(n,) index of the class."""
    origins: NDArray[np.str_]
    """(n,) one letter of core.tracks.ORIGINS."""

    @classmethod
    def from_detections(
        cls,
        detections: Detections,
        tracks: NDArray[np.int32],
        origins: NDArray[np.str_],
        mean_boxes: NDArray[np.float32] | None = None,
    ) -> TrackStates:
        """Create states from detections whose scores are strengths.

        Args:
            detections: the boxes.
            tracks: `(n,)` track id of each box.
            origins: `(n,)` origin letter of each box.
            mean_boxes: `(n, 4)` px mean of each box and those of other models that agree; none
                where there are no others.
        """
        states = boxes_to_states(detections.boxes)
        means = states if mean_boxes is None else boxes_to_states(mean_boxes)
        return cls(
            frames=detections.frames.astype(np.intp),
            tracks=tracks.astype(np.intp),
            states=states,
            shifts=means - states,
            strengths=detections.scores.astype(np.float64),
            classes=detections.classes.astype(np.intp),
            origins=origins,
        ).ordered()

    @classmethod
    def concat(cls, parts: Sequence[TrackStates]) -> TrackStates:
        """Concatenate the rows of several states, in order of (track, frame)."""
        names = [field.name for field in fields(cls)]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(**columns).ordered()

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def starts(self) -> IndexArray:
        """Return the first row of each track, `(m,)`."""
        return np.flatnonzero(np.diff(self.tracks, prepend=self.tracks[:1] - 1))

    @cached_property
    def stops(self) -> IndexArray:
        """Return the row after the last of each track, `(m,)`."""
        return np.append(self.starts[1:], len(self)) if len(self) else self.starts

    @cached_property
    def track_index(self) -> IndexArray:
        """Return the position of each row's track in `starts`, `(n,)`."""
        return np.repeat(np.arange(len(self.starts)), self.stops - self.starts)

    def mean_per_track(self, values: FloatArray) -> FloatArray:
        """Return the mean of `values`, `(n,)`, over the rows of each track, `(m,)`."""
        if not len(self):
            return np.zeros(0)
        total: FloatArray = np.add.reduceat(values, self.starts)
        return total / (self.stops - self.starts)

    def where(self, mask: NDArray[np.bool_] | IndexArray) -> TrackStates:
        """Select rows by a boolean mask or an index array."""
        return TrackStates(
            **{field.name: getattr(self, field.name)[mask] for field in fields(self)}
        )

    def relabel(self, ids: IndexArray) -> TrackStates:
        """Return the same boxes with new track `ids`, `(m,)`; tracks with equal ids are joined."""
        return replace(self, tracks=ids[self.track_index]).ordered()

    def shifted(self) -> TrackStates:
        """Return the same boxes at the means of the models that agree."""
        return replace(self, states=self.states + self.shifts, shifts=np.zeros_like(self.shifts))

    def ordered(self) -> TrackStates:
        """Return the rows in order of (track, frame)."""
        return self.where(np.lexsort((self.frames, self.tracks)))

    def to_tracks(self, scores: FloatArray, clip: Detections) -> Tracks:
        """Convert to Tracks with ids 0, 1, 2 … by first appearance.

        Args:
            scores: `(n,)` score of each box.
            clip: detections of the clip, for its length, fps and class names.
        """
        first = self.frames[self.starts]
        rank = np.empty(len(first), np.intp)
        rank[np.lexsort((self.tracks[self.starts], first))] = np.arange(len(first))
        return Tracks(
            frames=self.frames.astype(np.int32),
            tracks=rank[self.track_index].astype(np.int32),
            boxes=states_to_boxes(self.states),
            scores=scores.astype(np.float32),
            classes=self.classes.astype(np.int16),
            origins=self.origins,
            length=clip.length,
            fps=clip.fps,
            names=clip.names,
        )

    def to_detections(self, scores: FloatArray, clip: Detections) -> tuple[Detections, IndexArray]:
        """Convert to Detections, sorted by frame.

        Args:
            scores: `(n,)` score of each box.
            clip: detections of the clip, for its length, fps and class names.

        Returns:
            The boxes, and the row of the states that each came from, `(n,)`.
        """
        order = np.argsort(self.frames, kind="stable")
        detections = Detections(
            frames=self.frames[order].astype(np.int32),
            boxes=states_to_boxes(self.states[order]),
            scores=scores[order].astype(np.float32),
            classes=self.classes[order].astype(np.int16),
            length=clip.length,
            fps=clip.fps,
            names=clip.names,
        )
        return detections, order


def boxes_to_states(corners: NDArray[np.float32]) -> FloatArray:
    """Convert corners `(n, 4)` to centre x, centre y, width, height."""
    wide = corners.astype(np.float64)
    return np.concatenate([boxes.centres(wide), wide[:, 2:] - wide[:, :2]], 1)


def states_to_boxes(states: FloatArray) -> NDArray[np.float32]:
    """Convert centre and size `(n, 4)` to corners; a negative size counts as 0."""
    half = np.maximum(states[:, 2:], 0) / 2
    return np.concatenate([states[:, :2] - half, states[:, :2] + half], 1).astype(np.float32)
