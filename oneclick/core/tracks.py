"""The boxes of objects over time, and the matching that makes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections, ends
from oneclick.core.spans import Span

DETECTED, UNITED, INTERPOLATED, RECOVERED, HUMAN = "d", "u", "i", "r", "h"
ORIGINS = (DETECTED, UNITED, INTERPOLATED, RECOVERED, HUMAN)
FILLED = (INTERPOLATED, RECOVERED)
"""Origins of boxes that no model saw clearly and no person drew."""
ORIGIN_WORDS = {
    DETECTED: "detected by one model",
    UNITED: "united from several models",
    INTERPOLATED: "interpolated",
    RECOVERED: "recovered from a low score",
    HUMAN: "drawn or moved by a human",
}


_APART = 1 << 31
"""Frames between two tracks laid on one line."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Boxes with an identity, sorted by (frame, track); one box a track and frame.

    Raises:
        ValueError: on a wrong shape, or two boxes of one track in one frame.
    """

    frames: NDArray[np.int32]
    """(n,) 0-based frame of each box."""
    tracks: NDArray[np.int32]
    """(n,) identity; any non-negative number."""
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
        kinds: dict[str, tuple[type, tuple[int, ...]]] = {
            "frames": (np.int32, (n,)),
            "tracks": (np.int32, (n,)),
            "boxes": (np.float32, (n, 4)),
            "scores": (np.float32, (n,)),
            "classes": (np.int16, (n,)),
            "origins": (np.str_, (n,)),
        }
        for field, (kind, shape) in kinds.items():
            value: NDArray[np.generic] = np.asarray(getattr(self, field), kind)
            if field == "boxes" and value.size == 0:
                value = value.reshape(0, 4)
            if value.shape != shape:
                raise ValueError(f"{field}: expected shape {shape}, got {value.shape}")
            object.__setattr__(self, field, value)
        order = np.lexsort((self.tracks, self.frames))
        for field in kinds:
            object.__setattr__(self, field, getattr(self, field)[order])
        same = (np.diff(self.frames) == 0) & (np.diff(self.tracks) == 0)
        if same.any():
            row = int(np.flatnonzero(same)[0])
            raise ValueError(f"track {self.tracks[row]} has two boxes in frame {self.frames[row]}")

    @classmethod
    def empty(cls, length: int, fps: float, names: tuple[str, ...] = ("person",)) -> Tracks:
        """No box in `length` frames."""
        none = np.zeros(0)
        return cls(none, none, np.zeros((0, 4)), none, none, none, length, fps, names)  # type: ignore[arg-type]

    @property
    def detections(self) -> Detections:
        """The same boxes without their identities."""
        return Detections(
            self.frames,
            self.boxes,
            self.scores,
            self.classes,
            self.length,
            self.fps,
            self.names,
        )

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def by_track(self) -> NDArray[np.intp]:
        """(n,) rows ordered by (track, frame)."""
        return np.lexsort((self.frames, self.tracks))

    @cached_property
    def evidence_distance(self) -> NDArray[np.float64]:
        """(n,) frames to the nearest box of its track that a model saw or a person drew.

        0 for those themselves, infinite where a track has none.
        """
        place = self.tracks.astype(np.int64) * _APART + self.frames
        seen = np.sort(place[~np.isin(self.origins, FILLED)])
        # Boxes of other tracks are so far away that they never come near.
        line = np.concatenate([[-_APART], seen, [np.iinfo(np.int64).max - _APART]])
        after = np.searchsorted(line, place)
        left, right = place - line[after - 1], line[after] - place
        near: NDArray[np.float64] = np.minimum(left, right).astype(np.float64)
        near[near > self.length] = np.inf
        return near

    def each(self) -> list[NDArray[np.intp]]:
        """The rows of each track, in order of time; tracks in order of identity."""
        if not len(self):
            return []
        order = self.by_track
        breaks = np.flatnonzero(np.diff(self.tracks[order])) + 1
        return np.split(order, breaks)

    def where(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Tracks:
        """The rows a boolean mask or an index array picks."""
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
        """The rows inside `span`, with frames counted from its start; identities stay."""
        low, high = np.searchsorted(self.frames, ends(span))
        inside = self.where(np.arange(low, high))
        return replace(inside, frames=inside.frames - np.int32(span.start), length=len(span))
