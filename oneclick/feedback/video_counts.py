"""What one model saw in one video, as counts that add up: computed once, from its file alone.

They lie in `<home>/insight/<video>/<model>.json` and can be computed again; those of an earlier
file of the same name are told by its size and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, presence
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit
from oneclick.storage import cards, predictions, sealed_files
from oneclick.storage.workspace import Workspace

BINS = 20
"""Equal bins of confidence from 0 to 1."""
SAME_IOU = 0.5
"""Boxes of two models that overlap so much are the same."""
CHUNK_FRAMES = 2**14
SIGNS = ("unseen_motion", "conflict_miss", "turned_conflict", "hindsight_miss")
"""Triggers that tell of somebody whom the model does not see."""
VERSION = 2
"""Of the counts; others are computed again."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes of two models in the same frames, at their operating points."""

    rival: str
    matched: int
    boxes: int
    """Of the model."""
    rival_boxes: int


class VideoCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one model on one video."""

    version: int = VERSION
    state: str
    """Of the files they were computed from."""
    camera: str
    model: str
    start: float | None
    """Unix seconds."""
    is_recorded: bool
    """Whether there is a recording; else an edge camera sent the predictions alone."""
    seconds: float
    """Time within stretches."""
    frames: int
    boxes: int
    """Boxes at the operating point."""
    person_seconds: float
    """Sum over time of the boxes in view."""
    appearances: int
    """Rises of the number of boxes that last."""
    flickers: int
    """Changes of the number of boxes that are undone within a second."""
    unseen_frames: int
    """Frames with a sign of somebody and without a box."""
    histogram: tuple[int, ...]
    """All boxes by confidence, in BINS bins."""
    agreements: tuple[Agreement, ...] = ()


def load(workspace: Workspace, video: Video, model: str, rivals: Sequence[str]) -> VideoCounts:
    """Return the counts of a model on a video, computed where they are not stored.

    Args:
        workspace: that has the files.
        video: the video.
        model: id of the model.
        rivals: other models whose predictions of the video are compared.

    Raises:
        BadInput: the predictions are missing or broken.
        NoSpace, Unavailable: the counts cannot be written.
    """
    path = workspace.home / "insight" / video.id / f"{model}.json"
    names = [name for name in rivals if name != model]
    state = _state(workspace, video, [model, *names])
    try:
        stored: VideoCounts = sealed_files.read(path, VideoCounts)
        if (stored.version, stored.state) == (VERSION, state):
            return stored
    except BadInput:
        pass
    counts = count(workspace, video, model, names, state)
    sealed_files.write(path, counts)
    return counts


def count(
    workspace: Workspace, video: Video, model: str, rivals: Sequence[str], state: str = ""
) -> VideoCounts:
    """Compute the counts of a model on a video, in memory that does not grow with its length.

    Raises BadInput as `load`.
    """
    path = workspace.predictions(video.id, model)
    threshold = predictions.load_threshold(path) or 0.0
    numbers = np.zeros(video.frames, np.int32)
    histogram, boxes, start = np.zeros(BINS, np.int64), 0, 0
    for chunk in predictions.load_chunks(path, CHUNK_FRAMES):
        bins = np.minimum((chunk.scores * BINS).astype(np.int64), BINS - 1)
        histogram += np.bincount(bins, minlength=BINS)
        visible = chunk.above(threshold)
        boxes += len(visible)
        numbers[start : start + chunk.length] = np.diff(visible.offsets)
        start += chunk.length
    appearances, flickers, seconds = 0, 0, 0.0
    for stretch in video.stretches():
        part = numbers[stretch.start : stretch.stop]
        rises, undone = presence.count_changes(part, video.fps)
        appearances, flickers = appearances + rises, flickers + undone
        last = video.seconds_at(stretch.stop - 1) - video.seconds_at(stretch.start)
        seconds += last + 1 / video.fps
    return VideoCounts(
        state=state,
        camera=video.camera,
        model=model,
        start=video.started_at.timestamp() if video.started_at else None,
        is_recorded=bool(video.suffix),
        seconds=seconds,
        frames=video.frames,
        boxes=boxes,
        person_seconds=boxes * seconds / video.frames if video.frames else 0.0,
        appearances=appearances,
        flickers=flickers,
        unseen_frames=_unseen(_hits(workspace, video), numbers),
        histogram=tuple(histogram.tolist()),
        agreements=tuple(_agreement(workspace, video, model, rival) for rival in rivals),
    )


def _unseen(hits: Sequence[Hit], numbers: NDArray[np.int32]) -> int:
    is_sign = np.zeros(len(numbers), np.bool_)
    for hit in hits:
        if hit.trigger in SIGNS:
            is_sign[hit.span.start : hit.span.stop] = True
    return int((is_sign & (numbers == 0)).sum())


def _hits(workspace: Workspace, video: Video) -> Sequence[Hit]:
    path = workspace.hits(video.id)
    return cards.load_hits(path).hits if path.exists() else ()


def _agreement(workspace: Workspace, video: Video, model: str, rival: str) -> Agreement:
    paths = [workspace.predictions(video.id, name) for name in (model, rival)]
    thresholds = [predictions.load_threshold(path) or 0.0 for path in paths]
    streams = [predictions.load_chunks(path, CHUNK_FRAMES) for path in paths]
    matched = boxes = rival_boxes = 0
    for chunk, rival_chunk in zip(*streams, strict=True):
        own, other = chunk.above(thresholds[0]), rival_chunk.above(thresholds[1])
        rows, _ = association.match_frames(own, other, SAME_IOU)
        matched, boxes = matched + len(rows), boxes + len(own)
        rival_boxes += len(other)
    return Agreement(rival=rival, matched=matched, boxes=boxes, rival_boxes=rival_boxes)


def _state(workspace: Workspace, video: Video, names: Sequence[str]) -> str:
    """Return what changes whenever a file does that the counts come from."""
    paths = [workspace.predictions(video.id, name) for name in names] + [workspace.hits(video.id)]
    return ";".join(_look(path) for path in paths)


def _look(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path.name} -"
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
