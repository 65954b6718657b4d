"""What a model said about a whole video: boxes as parallel arrays, sorted by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core.spans import Span


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes of a Video or Clip of `length` frames.

    Rows may come in any order; the constructor sorts them by frame (stable).

    Raises:
        ValueError: on a wrong shape, NaN, a box turned inside out, or a frame out of range.
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
    """Frames in the video, boxes or not."""
    fps: float
    """Frames per second."""
    names: tuple[str, ...] = ("person",)
    """Class names by index."""

    def __post_init__(self) -> None:
        n = len(self.frames)
        expected = {"frames": (n,), "boxes": (n, 4), "scores": (n,), "classes": (n,)}
        kinds = {"frames": np.int32, "boxes": np.float32, "scores": np.float32, "classes": np.int16}
        for field, shape in expected.items():
            value = np.asarray(getattr(self, field), kinds[field])
            if field == "boxes" and value.size == 0:
                value = value.reshape(0, 4)
            if value.shape != shape:
                raise ValueError(f"{field}: expected shape {shape}, got {value.shape}")
            object.__setattr__(self, field, value)
        self._check_values()
        if n and (np.diff(self.frames) < 0).any():
            order = np.argsort(self.frames, kind="stable")
            for field in expected:
                object.__setattr__(self, field, getattr(self, field)[order])

    def _check_values(self) -> None:
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
        """No box in `length` frames."""
        none = np.zeros(0)
        return cls(none, np.zeros((0, 4)), none, none, length, fps, names)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def offsets(self) -> NDArray[np.intp]:
        """(length + 1,) rows of frame k are `offsets[k] : offsets[k + 1]`."""
        counts = np.bincount(self.frames, minlength=self.length)
        return np.concatenate([np.zeros(1, np.intp), np.cumsum(counts, dtype=np.intp)])

    def rows(self, frame: int) -> slice:
        """The rows of one frame."""
        return slice(int(self.offsets[frame]), int(self.offsets[frame + 1]))

    def where(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """The rows a boolean mask or an index array picks."""
        if mask.dtype == np.bool_:
            return self._rows(np.flatnonzero(mask), 0, self.length)
        return replace(
            self,
            frames=self.frames[mask],
            boxes=self.boxes.take(mask, axis=0),
            scores=self.scores[mask],
            classes=self.classes[mask],
        )

    def above(self, score: float) -> Detections:
        """The rows with at least this score."""
        return self.where(self.scores >= score)

    def cut(self, span: Span) -> Detections:
        """The rows inside `span`, with frames counted from its start."""
        low, high = np.searchsorted(self.frames, ends(span))
        return self._rows(slice(low, high), span.start, len(span))

    def shifted(self, frames: int, length: int) -> Detections:
        """The same boxes `frames` later, in a video of `length` frames."""
        return replace(self, frames=self.frames + np.int32(frames), length=length)

    def _rows(self, rows: NDArray[np.intp] | slice, start: int, length: int) -> Detections:
        """Some rows in their order; these were checked when this was made."""
        # numpy takes rows of four eight times faster than it indexes them.
        boxes = self.boxes[rows] if isinstance(rows, slice) else self.boxes.take(rows, axis=0)
        made = object.__new__(Detections)
        frames = self.frames[rows]
        vars(made).update(
            frames=frames - np.int32(start) if start else frames,
            boxes=boxes,
            scores=self.scores[rows],
            classes=self.classes[rows],
            length=length,
            fps=self.fps,
            names=self.names,
        )
        return made


def ends(span: Span) -> NDArray[np.int32]:
    """Start and stop, in the type of frames: searching with another type copies all of them."""
    return np.array([span.start, span.stop], np.int32)


def joined(parts: Sequence[Detections]) -> Detections:
    """Pieces of a video that follow each other, as one.

    Raises:
        ValueError: if `parts` is empty or they disagree on fps or names.
    """
    _check_alike([(part.fps, part.names) for part in parts])
    starts = np.cumsum([0, *(part.length for part in parts)])
    frames = [p.frames + np.int32(at) for p, at in zip(parts, starts[:-1], strict=True)]
    return Detections(
        np.concatenate(frames),
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.classes for p in parts]),
        int(starts[-1]),
        parts[0].fps,
        parts[0].names,
    )


def concat(parts: Sequence[Detections]) -> Detections:
    """The rows of several over the same video.

    Raises:
        ValueError: if `parts` is empty or they disagree on length, fps or names.
    """
    _check_alike([(part.length, part.fps, part.names) for part in parts])
    first = parts[0]
    return Detections(
        np.concatenate([p.frames for p in parts]),
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.classes for p in parts]),
        first.length,
        first.fps,
        first.names,
    )


def _check_alike(kinds: Sequence[object]) -> None:
    if not kinds:
        raise ValueError("expected at least one Detections")
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError("length, fps and names must agree")
