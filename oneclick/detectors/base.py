"""The detector protocol, and the few functions that all adapters share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections
from oneclick.core.errors import UsageError
from oneclick.storage.workspace import Workspace

Frame = NDArray[np.uint8]
"""(height, width, 3) RGB."""
FrameDetections = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int16]]
"""Boxes (n, 4) px x1 y1 x2 y2, scores (n,) in 0 … 1, classes (n,) indices into `names`."""

LOWEST_SCORE = 0.05
"""Boxes with a lower score are dropped: no trigger and no fusion uses them."""


class Detector(Protocol):
    """An object detector for frames of a video.

    It returns boxes far below its operating point: triggers and hindsight need uncertain ones too.
    """

    name: str
    """As the user writes it: `opencv:hog`."""
    model_id: str
    """Safe in a path; changes when the weights do."""
    names: tuple[str, ...]
    """Class names by index."""
    threshold: float
    """Operating point: the score from which a box counts as detected."""
    stateful: bool
    """True if detections depend on earlier frames: feed them in order, after `reset`."""
    shrinks: bool
    """True if it detects in reduced frames, so that crops at full size show it more. Only where
    that was measured to make labels better."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return the detections of each frame, inside the frame; the frames are not changed."""
        ...

    def reset(self) -> None:
        """Forget all earlier frames; call it before another video."""
        ...


@dataclass(frozen=True)
class DetectorKind:
    """A family of detectors that is loaded alike."""

    load: Callable[[str, Workspace | None, str], Detector]
    """Makes a detector of the part after the colon, the workspace if there is one, and the device.

    Raises DetectorUnavailable where something is missing, and UsageError for a wrong device.
    """
    models: tuple[str, ...]
    """What may stand after the colon; capitals are placeholders."""


def no_detections() -> FrameDetections:
    """Return the detections of a frame without boxes."""
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16)


def frame_detections(
    frame: Frame, boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike
) -> FrameDetections:
    """Convert raw arrays to the detections of a frame.

    Boxes are clipped to the frame; those with NaN, without area or below LOWEST_SCORE are dropped.

    Args:
        boxes: (n, 4) px of the frame, x1 y1 x2 y2.
        scores: (n,); clipped to 0 … 1.
        classes: (n,) indices.
    """
    height, width = frame.shape[:2]
    corners = np.asarray(boxes, np.float32).reshape(-1, 4)
    score = np.asarray(scores, np.float32).reshape(-1)
    index = np.asarray(classes).reshape(-1)
    finite = np.isfinite(corners).all(1) & np.isfinite(score)
    corners = geometry.clip(np.where(finite[:, None], corners, 0), width, height)
    keep = finite & (score >= LOWEST_SCORE) & (geometry.area(corners) > 0)
    return (
        corners[keep].astype(np.float32),
        np.clip(score[keep], 0, 1).astype(np.float32),
        index[keep].astype(np.int16),
    )


def where(
    detections: FrameDetections, mask: NDArray[np.bool_] | NDArray[np.intp]
) -> FrameDetections:
    """Select detections of a frame by a boolean mask or an index array."""
    boxes, scores, classes = detections
    return boxes[mask], scores[mask], classes[mask]


def class_indices(names: tuple[str, ...], classes: tuple[str, ...]) -> NDArray[np.int16]:
    """Return the index of each name in `classes`, (len(names),); -1 where it is not among them."""
    return np.array([classes.index(n) if n in classes else -1 for n in names], np.int16)


def join_frames(
    by_frame: list[FrameDetections],
    names: tuple[str, ...],
    length: int,
    fps: float,
    classes: tuple[str, ...],
) -> Detections:
    """Join the detections of the first frames of a video; `names` are mapped to `classes`."""
    if not by_frame:
        return Detections.empty(length, fps, classes)
    index = class_indices(names, classes)
    boxes, scores, indices = (np.concatenate(column) for column in zip(*by_frame, strict=True))
    counts = [len(frame_scores) for _, frame_scores, _ in by_frame]
    frames = np.repeat(np.arange(len(by_frame), dtype=np.int32), counts)
    keep = index[indices] >= 0
    return Detections(
        frames=frames[keep],
        boxes=boxes[keep],
        scores=scores[keep],
        classes=index[indices][keep],
        length=length,
        fps=fps,
        names=classes,
    )


def torch_device(device: str) -> Any:
    """Return the torch.device of that name; `auto` is the GPU if torch has one, else the CPU.

    Raises:
        UsageError: if torch has no device of that name here.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        candidate = torch.device(device)
        torch.empty(0, device=candidate)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(f"device {device!r} is not there; use auto, cpu or cuda") from None
    return candidate
