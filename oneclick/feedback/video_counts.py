"""What one model saw in one video, as counts that add up: computed once, from its file alone.

Those of a camera's day lie in one file, `<home>/insight/<camera>/<day>.json`: a week of a hundred
cameras is read at once. They can be computed again; those of an earlier file of the same name are
told by its size and time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, presence
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.storage import cards, predictions, sealed_files
from oneclick.storage.workspace import Workspace

FOLDER = "insight"
BINS = 20
"""Equal bins of confidence from 0 to 1."""
SAME_IOU = 0.5
"""Boxes of two models that overlap so much are the same."""
CHUNK_FRAMES = 2**14
SIGNS = ("unseen_motion", "conflict_miss", "turned_conflict", "hindsight_miss")
"""Triggers that tell of somebody whom the model does not see."""
VERSION = 3
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
    unseen_frames: int | None
    """Frames with a sign of somebody and without a box; None where triggers have not searched the
    predictions of this model: their hits tell of what another one did not see."""
    histogram: tuple[int, ...]
    """All boxes by confidence, in BINS bins."""
    agreements: tuple[Agreement, ...] = ()


class _DayFile(msgspec.Struct, kw_only=True):
    videos: dict[str, dict[str, VideoCounts]] = {}
    """By id of the video, and of the model."""


class CountedDay:
    """The counts of a camera's videos that began on one day; what is not stored is computed.

    Where two processes count the same day, the later one to save wins: what it lacks is counted
    again.

    Args:
        workspace: that has the files.
        camera: its name.
        day: UTC; None holds videos of unknown start.
    """

    def __init__(self, workspace: Workspace, camera: str, day: date | None) -> None:
        self._workspace, self._is_changed = workspace, False
        name = f"{day:%Y%m%d}" if day else "undated"
        self._path = workspace.home / FOLDER / camera / f"{name}.json"
        # As text: building a Path for each file takes longer than to look at it.
        self._predictions = str(workspace.predictions("-", "-").parent.parent)
        self._hits = str(workspace.hits("-").parent)
        try:
            self._content: _DayFile = sealed_files.read(self._path, _DayFile)
        except BadInput:
            self._content = _DayFile()

    def load(self, video: Video, model: str, rivals: Sequence[str]) -> VideoCounts:
        """Return the counts of a model on a video of the day.

        Args:
            video: the video.
            model: id of the model.
            rivals: other models whose predictions of the video are compared.

        Raises:
            BadInput: the predictions are missing or broken.
        """
        names = [name for name in rivals if name != model]
        looks = [
            _look(f"{self._predictions}/{video.id}/{each}.parquet") for each in [model, *names]
        ]
        state = ";".join([*looks, _look(f"{self._hits}/{video.id}.json")])
        of_video = self._content.videos.setdefault(video.id, {})
        counts = of_video.get(model)
        if counts is None or (counts.version, counts.state) != (VERSION, state):
            counts = of_video[model] = count(self._workspace, video, model, names, state)
            self._is_changed = True
        return counts

    def save(self) -> None:
        """Write what was computed. Raises NoSpace or Unavailable."""
        if self._is_changed:
            sealed_files.write(self._path, self._content)


def load(workspace: Workspace, video: Video, model: str, rivals: Sequence[str]) -> VideoCounts:
    """Return the counts of a model on one video, and store them. Raises as `CountedDay`."""
    at = video.started_at
    day = CountedDay(workspace, video.camera, at.date() if at else None)
    counts = day.load(video, model, rivals)
    day.save()
    return counts


def remove_before(home: Path, day: date) -> None:
    """Remove the counts of videos that began before a day; they can be computed again."""
    for path in (home / FOLDER).glob("*/*.json"):
        if path.stem.isdigit() and path.stem < f"{day:%Y%m%d}":
            path.unlink(missing_ok=True)


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
        unseen_frames=_unseen(workspace, video, model, numbers),
        histogram=tuple(histogram.tolist()),
        agreements=tuple(_agreement(workspace, video, model, rival) for rival in rivals),
    )


def _unseen(
    workspace: Workspace, video: Video, model: str, numbers: NDArray[np.int32]
) -> int | None:
    path = workspace.hits(video.id)
    card = cards.load_hits(path) if path.exists() else None
    models = card.looked.get(card.key) if card else None
    if card is None or models is None or models.predictor.id != model:
        return None
    is_sign = np.zeros(len(numbers), np.bool_)
    for hit in card.hits:
        if hit.trigger in SIGNS:
            is_sign[hit.span.start : hit.span.stop] = True
    return int((is_sign & (numbers == 0)).sum())


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


def _look(path: str) -> str:
    """Return what changes whenever a file does that the counts come from."""
    name = path.rpartition("/")[2]
    try:
        status = os.stat(path)  # noqa: PTH116 (a third of the time of a Path)
    except OSError:
        return f"{name} -"
    return f"{name} {status.st_size} {status.st_mtime_ns}"
