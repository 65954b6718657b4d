"""Detections and tracks of plain lists, as a test writes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks


def detections(
    *,
    frames: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike,
    classes: ArrayLike,
    length: int,
    fps: float,
    names: tuple[str, ...] = ("person",),
) -> Detections:
    """Build detections whose columns have the types that the class documents."""
    return Detections(
        frames=np.asarray(frames, np.int32),
        boxes=np.asarray(boxes, np.float32),
        scores=np.asarray(scores, np.float32),
        classes=np.asarray(classes, np.int16),
        length=length,
        fps=fps,
        names=names,
    )


def tracks(
    *,
    frames: ArrayLike,
    tracks: ArrayLike,
    boxes: ArrayLike,
    scores: ArrayLike,
    classes: ArrayLike,
    origins: ArrayLike,
    length: int,
    fps: float,
    names: tuple[str, ...] = ("person",),
) -> Tracks:
    """Build tracks whose columns have the types that the class documents."""
    return Tracks(
        frames=np.asarray(frames, np.int32),
        tracks=np.asarray(tracks, np.int32),
        boxes=np.asarray(boxes, np.float32),
        scores=np.asarray(scores, np.float32),
        classes=np.asarray(classes, np.int16),
        origins=np.asarray(origins, np.str_),
        length=length,
        fps=fps,
        names=names,
    )
