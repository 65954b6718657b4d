"""Boxes of objects over time as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections, span_bounds
from oneclick.core.spans import Span

DETECTED, UNITED, INTERPOLATED, RECOVERED, HUMAN = "d", "u", "i", "r", "h"
ORIGINS = (DETECTED, UNITED, INTERPOLATED, RECOVERED, HUMAN)
FILLED_ORIGINS = (INTERPOLATED, RECOVERED)
"""Origins of boxes that no model detected above its threshold and no person drew."""
ORIGIN_WORDS = {
    DETECTED: "detected by one model",
    UNITED: "united from several models",
    INTERPOLATED: "interpolated",
    RECOVERED: "recovered from a low score",
    HUMAN: "drawn or moved by a human",
}


_TRACK_OFFSET = 1 << 31
"""Frames between two tracks that are placed on one axis."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Tracks:
    """Boxes with a track id, sorted by (frame, track); one box a track and frame.

    Raises:
        ValueError: on a wrong shape, or two boxes of one track in one frame.
    """

    frames: NDArray[np.int32]
    """(n,) 0-based frame of each box."""
    tracks: NDArray[np.int32]
    """(n,) track id; any non-negative number."""
    boxes: NDArray[np.float32]
    """(n, 4) px, x1 y1 x2 y2."""
    scores: NDArray[np.float32]
    """(n,) confidence of the box."""
    classes: NDArray[np.int16]
    """(n,) index into `names`."""
    origins: NDArray[np.str_]
    """(n,) one letter of ORIGINS a box."""
    length: int
    """Frames in the clip."""
    fps: float
    """Frames per second."""
    names: tuple[str, ...] = ("person",)
    """Class names by index."""

    def __post_init__(self) -> None:
        n = len(self.frames)
        columns: dict[str, tuple[type, tuple[int, ...]]] = {
            "frames": (np.int32, (n,)),
            "tracks": (np.int32, (n,)),
            "boxes": (np.float32, (n, 4)),
            "scores": (np.float32, (n,)),
            "classes": (np.int16, (n,)),
            "origins": (np.str_, (n,)),
        }
        for field, (dtype, shape) in columns.items():
            column: NDArray[np.generic] = np.asarray(getattr(self, field), dtype)
            if field == "boxes" and column.size == 0:
                column = column.reshape(0, 4)
            if column.shape != shape:
                raise ValueError(f"{field}: expected shape {shape}, got {column.shape}")
            object.__setattr__(self, field, column)
        order = np.lexsort((self.tracks, self.frames))
        for field in columns:
            object.__setattr__(self, field, getattr(self, field)[order])
        duplicates = (np.diff(self.frames) == 0) & (np.diff(self.tracks) == 0)
        if duplicates.any():
            row = int(np.flatnonzero(duplicates)[0])
            raise ValueError(f"track {self.tracks[row]} has two boxes in frame {self.frames[row]}")

    @classmethod
    def empty(cls, length: int, fps: float, names: tuple[str, ...] = ("person",)) -> Tracks:
        """Create tracks without a box for `length` frames."""
        return cls(
            frames=np.zeros(0, np.int32),
            tracks=np.zeros(0, np.int32),
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            classes=np.zeros(0, np.int16),
            origins=np.zeros(0, np.str_),
            length=length,
            fps=fps,
            names=names,
        )

    @property
    def detections(self) -> Detections:
        """Return the same boxes without their track ids."""
        return Detections(
            frames=self.frames,
            boxes=self.boxes,
            scores=self.scores,
            classes=self.classes,
            length=self.length,
            fps=self.fps,
            names=self.names,
        )

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def by_track(self) -> NDArray[np.intp]:
        """Return the rows in order of (track, frame), `(n,)`."""
        return np.lexsort((self.frames, self.tracks))

    @cached_property
    def evidence_distance(self) -> NDArray[np.float64]:
        """Return the frames to the nearest box of its track that is not FILLED_ORIGINS, `(n,)`.

        0 for such boxes themselves, infinite where a track has none.
        """
        position = self.tracks.astype(np.int64) * _TRACK_OFFSET + self.frames
        observed = np.sort(position[~np.isin(self.origins, FILLED_ORIGINS)])
        # Boxes of other tracks are too far away on the axis to be the nearest.
        end = np.iinfo(np.int64).max - _TRACK_OFFSET
        axis = np.concatenate([[-_TRACK_OFFSET], observed, [end]])
        following = np.searchsorted(axis, position)
        frames = np.minimum(position - axis[following - 1], axis[following] - position)
        distance: NDArray[np.float64] = frames.astype(np.float64)
        distance[distance > self.length] = np.inf
        return distance

    def rows_by_track(self) -> list[NDArray[np.intp]]:
        """Return the rows of each track in order of time; tracks are in order of their ids."""
        if not len(self):
            return []
        order = self.by_track
        breaks = np.flatnonzero(np.diff(self.tracks[order])) + 1
        return np.split(order, breaks)

    def where(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Tracks:
        """Select rows by a boolean mask or an index array."""
        return replace(
            self,
            frames=self.frames[mask],
            tracks=self.tracks[mask],
            boxes=self.boxes[mask],
            scores=self.scores[mask],
            classes=self.classes[mask],
            origins=self.origins[mask],
        )

    def cut(self, span: Span) -> Tracks:
        """Select the rows inside `span`, with frames counted from its start; track ids stay."""
        low, high = np.searchsorted(self.frames, span_bounds(span))
        inside = self.where(np.arange(low, high))
        return replace(inside, frames=inside.frames - np.int32(span.start), length=len(span))
