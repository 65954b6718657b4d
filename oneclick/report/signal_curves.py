"""Curves of a camera over time: signals, people and agreement, as least and greatest value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oneclick.catalog import Catalog
from oneclick.core import boxes as box_maths
from oneclick.core import turned_mode
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.report import windows
from oneclick.report.windows import TimeWindow
from oneclick.storage import files, predictions
from oneclick.storage.files import FileVersion
from oneclick.storage.workspace import Workspace

PEOPLE, AGREEMENT = "people", "agreement"
"""Curves that are computed of boxes: how many there are, and how many of them two models share."""
MOST_VIDEOS = 48
"""Recordings whose signals are read for one window."""
SAME_IOU = 0.5
DEFAULT_THRESHOLD = 0.5
MOTION_MODEL = "opencv-motion"
T = TypeVar("T")
Bounds = tuple[float, float, float]
"""(time in seconds since 1970, least, greatest)."""


@dataclass(frozen=True)
class SignalCurve:
    """One curve in a window."""

    name: str
    points: tuple[Bounds, ...]
    """In order of time; a gap in the video is one of more than `step` seconds between points."""
    step: float
    """Seconds that a point stands for, at most."""


@dataclass(frozen=True)
class SignalCurves:
    """All curves of a window."""

    curves: tuple[SignalCurve, ...]
    videos: int
    """Recordings that overlap the window; of more than MOST_VIDEOS no curve is read."""

    @property
    def is_complete(self) -> bool:
        """Check whether the window was short enough."""
        return self.videos <= MOST_VIDEOS


def signal_curves(
    catalog: Catalog, camera: str, start: float, stop: float, columns: int = 400
) -> SignalCurves:
    """Return the curves of a camera in `[start, stop)`, with about `columns` points each.

    Args:
        catalog: an open catalog.
        camera: its name.
        start: seconds since 1970.
        stop: seconds since 1970.
        columns: of the picture that shows them.
    """
    since, until = windows.utc_time(start), windows.utc_time(stop)
    number, *_ = catalog.extent_between(since, until, camera)
    if number > MOST_VIDEOS:
        return SignalCurves((), number)
    window, step = TimeWindow(since, until), (stop - start) / columns
    points: dict[str, list[Bounds]] = {}
    for video in catalog.videos_between(since, until, camera):
        for name, values in read_signals(catalog.workspace, video).items():
            points.setdefault(name, []).extend(_reduce(video, values, window, step))
    curves = (SignalCurve(name, tuple(points[name]), step) for name in sorted(points))
    return SignalCurves(tuple(curves), number)


def read_signals(workspace: Workspace, video: Video) -> dict[str, NDArray[np.float32]]:
    """Return all curves of a video, a value a frame; what cannot be read is left out."""
    values: dict[str, NDArray[np.float32]] = {}
    for path in sorted(workspace.signals_dir(video.id).glob("[!.]*.parquet")):
        signal = _read(_signal, path)
        if signal is not None and len(signal) == video.frames:
            values[path.stem] = signal
    folder = workspace.predictions(video.id, "-").parent
    names = [
        path.stem
        for path in sorted(folder.glob("[!.]*.parquet"))
        if not turned_mode.is_turned_id(path.stem)
    ]
    models = [load_visible(workspace, video.id, name) for name in names if name != MOTION_MODEL]
    visible = [model for model in models if model is not None and model.length == video.frames]
    if visible:
        values[PEOPLE] = count_boxes(visible[0])
    if len(visible) > 1:
        values[AGREEMENT] = agreement(visible[0], visible[1])
    return values


def load_visible(workspace: Workspace, video_id: str, model_id: str) -> Detections | None:
    """Return the boxes of a model above its operating point; None where they cannot be read."""
    return _read(_visible, workspace.predictions(video_id, model_id))


def count_boxes(detections: Detections) -> NDArray[np.float32]:
    """Return the number of boxes in each frame."""
    return np.bincount(detections.frames, minlength=detections.length).astype(np.float32)


def agreement(first: Detections, second: Detections) -> NDArray[np.float32]:
    """Return the share of boxes in each frame that both models have; 1 where neither has any.

    A box is shared where one of the other model has an IoU of SAME_IOU with it.
    """
    # Every box of the first model, once for each box of the second in its frame.
    partners = np.diff(second.offsets)[first.frames]
    rows = np.repeat(np.arange(len(first)), partners)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(partners) - partners, partners)
    others = second.offsets[first.frames][rows] + within
    same = box_maths.iou_pairs(first.boxes[rows], second.boxes[others]) >= SAME_IOU
    shared = np.zeros(first.length, np.float64)
    for detections, pairs in ((first, rows[same]), (second, others[same])):
        frames = detections.frames[np.unique(pairs)]
        shared += np.bincount(frames, minlength=first.length)
    numbers = count_boxes(first) + count_boxes(second)
    return np.where(numbers > 0, shared / np.maximum(numbers, 1), 1).astype(np.float32)


def _reduce(
    video: Video, values: NDArray[np.float32], window: TimeWindow, step: float
) -> Iterator[Bounds]:
    """Yield least and greatest value of runs of frames of about `step` seconds in one stretch."""
    first, last = window.frames_of(video)
    length = max(1, round(step * video.fps))
    for stretch in video.stretches():
        low, high = max(first, stretch.start), min(last, stretch.stop)
        for start in range(low, high, length):
            run = values[start : min(start + length, high)]
            run = run[np.isfinite(run)]
            at = windows.recorded_timestamp(video, start)
            if len(run) and window.low - step <= at < window.high:
                yield at, round(float(run.min()), 5), round(float(run.max()), 5)


def _read(read: Callable[[Path, FileVersion], T], path: Path) -> T | None:
    """Return what `read` returns; None where the file is missing or broken."""
    try:
        return read(path, files.version(path))
    except (FileNotFoundError, BadInput):
        return None


# `version` keeps a rewritten file from being stale.
@functools.lru_cache(maxsize=64)
def _signal(path: Path, version: FileVersion) -> NDArray[np.float32]:
    return predictions.load_signal(path)


@functools.lru_cache(maxsize=16)
def _visible(path: Path, version: FileVersion) -> Detections:
    threshold = predictions.load_threshold(path)
    return predictions.load(path).above(DEFAULT_THRESHOLD if threshold is None else threshold)
