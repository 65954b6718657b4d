"""Detections of a whole video: boxes as parallel arrays, sorted by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core.spans import Span


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections:
    """Boxes of a Video or Clip of `length` frames.

    Rows may come in any order; the constructor sorts them by frame (stable).

    Raises:
        ValueError: on a wrong shape, NaN, a box with x2 < x1 or y2 < y1, or a frame out of range.
    """

    frames: NDArray[np.int32]
    """(n,) 0-based frame of each box."""
    boxes: NDArray[np.float32]
    """(n, 4) px, x1 y1 x2 y2."""
    scores: NDArray[np.float32]
    """(n,) confidence of the model, higher is surer."""
    classes: NDArray[np.int16]
    """(n,) index into `names`."""
    length: int
    """Frames in the video, with and without boxes."""
    fps: float
    """Frames per second."""
    names: tuple[str, ...] = ("person",)
    """Class names by index."""

    def __post_init__(self) -> None:
        n = len(self.frames)
        shapes = {"frames": (n,), "boxes": (n, 4), "scores": (n,), "classes": (n,)}
        dtypes = {
            "frames": np.int32,
            "boxes": np.float32,
            "scores": np.float32,
            "classes": np.int16,
        }
        for field, shape in shapes.items():
            column = np.asarray(getattr(self, field), dtypes[field])
            if field == "boxes" and column.size == 0:
                column = column.reshape(0, 4)
            if column.shape != shape:
                raise ValueError(f"{field}: expected shape {shape}, got {column.shape}")
            object.__setattr__(self, field, column)
        self.validate()
        if n and (np.diff(self.frames) < 0).any():
            order = np.argsort(self.frames, kind="stable")
            for field in shapes:
                object.__setattr__(self, field, getattr(self, field)[order])

    def validate(self) -> None:
        """Check the values of all columns.

        Raises:
            ValueError: on NaN, a box with x2 < x1 or y2 < y1, or a frame or class out of range.
        """
        if not (self.fps > 0 and np.isfinite(self.fps)):
            raise ValueError(f"fps: expected a positive number, got {self.fps}")
        if not len(self.frames):
            return
        if not (np.isfinite(self.boxes).all() and np.isfinite(self.scores).all()):
            raise ValueError("boxes, scores: expected finite numbers, got NaN or infinity")
        if (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise ValueError("boxes: expected x1 <= x2 and y1 <= y2, got a box turned inside out")
        if self.frames.min() < 0 or self.frames.max() >= self.length:
            raise ValueError(
                f"frames: expected 0 … {self.length - 1}, "
                f"got {self.frames.min()} … {self.frames.max()}"
            )
        if self.classes.min() < 0 or self.classes.max() >= len(self.names):
            raise ValueError(f"classes: expected indices into {self.names}")

    @classmethod
    def empty(cls, length: int, fps: float, names: tuple[str, ...] = ("person",)) -> Detections:
        """Create detections without a box for `length` frames."""
        return cls(
            frames=np.zeros(0, np.int32),
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            classes=np.zeros(0, np.int16),
            length=length,
            fps=fps,
            names=names,
        )

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def offsets(self) -> NDArray[np.intp]:
        """Return `(length + 1,)` row offsets: frame k has rows `offsets[k] : offsets[k + 1]`."""
        counts = np.bincount(self.frames, minlength=self.length)
        return np.concatenate([np.zeros(1, np.intp), np.cumsum(counts, dtype=np.intp)])

    def rows(self, frame: int) -> slice:
        """Return the slice of rows of one frame."""
        return slice(int(self.offsets[frame]), int(self.offsets[frame + 1]))

    def where(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """Select rows by a boolean mask or an index array."""
        if mask.dtype == np.bool_:
            return self._select_sorted(np.flatnonzero(mask), 0, self.length)
        return replace(
            self,
            frames=self.frames[mask],
            boxes=self.boxes.take(mask, axis=0),
            scores=self.scores[mask],
            classes=self.classes[mask],
        )

    def above(self, score: float) -> Detections:
        """Select the rows with at least this score."""
        return self.where(self.scores >= score)

    def cut(self, span: Span) -> Detections:
        """Select the rows inside `span`, with frames counted from its start."""
        low, high = np.searchsorted(self.frames, span_bounds(span))
        return self._select_sorted(slice(low, high), span.start, len(span))

    def shifted(self, frames: int, length: int) -> Detections:
        """Return the same boxes `frames` later, in a video of `length` frames."""
        return replace(self, frames=self.frames + np.int32(frames), length=length)

    def _select_sorted(self, rows: NDArray[np.intp] | slice, start: int, length: int) -> Detections:
        """Select rows in rising order without validating them again."""
        # numpy takes rows of four eight times faster than it indexes them.
        boxes = self.boxes[rows] if isinstance(rows, slice) else self.boxes.take(rows, axis=0)
        selection = object.__new__(Detections)
        frames = self.frames[rows]
        vars(selection).update(
            frames=frames - np.int32(start) if start else frames,
            boxes=boxes,
            scores=self.scores[rows],
            classes=self.classes[rows],
            length=length,
            fps=self.fps,
            names=self.names,
        )
        return selection


def span_bounds(span: Span) -> NDArray[np.int32]:
    """Return start and stop in the dtype of frames; searching with another one copies them all."""
    return np.array([span.start, span.stop], np.int32)


def join_consecutive(parts: Sequence[Detections]) -> Detections:
    """Join the detections of consecutive pieces of a video.

    Raises:
        ValueError: if `parts` is empty or they disagree on fps or names.
    """
    _check_equal([(part.fps, part.names) for part in parts])
    starts = np.cumsum([0, *(part.length for part in parts)])
    frames = [p.frames + np.int32(start) for p, start in zip(parts, starts[:-1], strict=True)]
    return Detections(
        frames=np.concatenate(frames),
        boxes=np.concatenate([p.boxes for p in parts]),
        scores=np.concatenate([p.scores for p in parts]),
        classes=np.concatenate([p.classes for p in parts]),
        length=int(starts[-1]),
        fps=parts[0].fps,
        names=parts[0].names,
    )


def concat(parts: Sequence[Detections]) -> Detections:
    """Concatenate the rows of several Detections of the same video.

    Raises:
        ValueError: if `parts` is empty or they disagree on length, fps or names.
    """
    _check_equal([(part.length, part.fps, part.names) for part in parts])
    first = parts[0]
    return Detections(
        frames=np.concatenate([p.frames for p in parts]),
        boxes=np.concatenate([p.boxes for p in parts]),
        scores=np.concatenate([p.scores for p in parts]),
        classes=np.concatenate([p.classes for p in parts]),
        length=first.length,
        fps=first.fps,
        names=first.names,
    )


def _check_equal(attributes: Sequence[object]) -> None:
    if not attributes:
        raise ValueError("expected at least one Detections")
    if any(other != attributes[0] for other in attributes):
        raise ValueError("length, fps and names must agree")
