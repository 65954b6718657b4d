"""What every detector is, and the few things all adapters share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oneclick.core import boxes as geometry
from oneclick.core.errors import UsageError

Frame = NDArray[np.uint8]
"""(height, width, 3) RGB."""
Found = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int16]]
"""Boxes (n, 4) px x1 y1 x2 y2, scores (n,) in 0 … 1, classes (n,) indices into `names`."""

LOWEST_SCORE = 0.05
"""Boxes below are not kept: no trigger and no fusion looks at them."""


class Detector(Protocol):
    """One model that looks at frames.

    It keeps boxes far below its operating point: triggers and hindsight need the doubtful ones.
    """

    name: str
    """As the user writes it: `opencv:hog`."""
    model_id: str
    """Safe in a path; changes when the weights do."""
    names: tuple[str, ...]
    """Class names by index."""
    threshold: float
    """Operating point: the score from which a box counts as seen."""
    stateful: bool
    """True if the answer depends on the frames before: feed them in order, after `reset`."""
    shrinks: bool
    """True if it looks at frames made smaller, so that it sees more in a part of one. Only where
    that was measured to make labels better."""

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        """Boxes of each frame, inside the picture; the frames are not changed."""
        ...

    def reset(self) -> None:
        """Forget everything seen; call it before another video."""
        ...


def nothing() -> Found:
    """No box."""
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16)


def found(frame: Frame, boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike) -> Found:
    """Raw arrays as a detector must return them.

    Boxes are clipped to the frame; those with NaN, without area or below LOWEST_SCORE are dropped.
    """
    height, width = frame.shape[:2]
    corners = np.asarray(boxes, np.float32).reshape(-1, 4)
    score = np.asarray(scores, np.float32).reshape(-1)
    kind = np.asarray(classes).reshape(-1)
    finite = np.isfinite(corners).all(1) & np.isfinite(score)
    corners = geometry.clip(np.where(finite[:, None], corners, 0), width, height)
    keep = finite & (score >= LOWEST_SCORE) & (geometry.area(corners) > 0)
    return (
        corners[keep].astype(np.float32),
        np.clip(score[keep], 0, 1).astype(np.float32),
        kind[keep].astype(np.int16),
    )


def torch_device(device: str) -> Any:
    """`auto` is the GPU if torch sees one, else the CPU.

    Raises:
        UsageError: if torch has no device of that name here.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(f"device {device!r} is not there; use auto, cpu or cuda") from None
    return chosen
