"""Predict: what one detector says about each Video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from oneclick import detectors
from oneclick.core.clips import Video
from oneclick.core.errors import (
    BadInput,
    BadVideo,
    Unavailable,
    UnknownName,
    UsageError,
    reason,
)
from oneclick.core.results import BatchResult
from oneclick.detectors import Detector
from oneclick.detectors.base import Frame
from oneclick.io import predictions, video
from oneclick.io.catalog import Catalog
from oneclick.io.workspace import Workspace

STEP = "predict"
"""What the catalog calls a video that a model (the mark's key) has looked at."""


def predict(
    home: Path,
    videos: Sequence[str],
    detector: str,
    classes: Sequence[str],
    device: str = "auto",
) -> BatchResult:
    """Write `predictions/<video>/<model_id>.parquet` of each Video; the model is loaded once.

    A Video whose file is there, whole and of the same classes, is skipped. One that does not
    decode stands in `failed`, and the rest goes on.

    Raises:
        UnknownName, DetectorUnavailable: there is no such detector, or it cannot load.
        UsageError: it knows none of the classes.
        NoSpace: the device is full. Unavailable: the workspace cannot be written.
    """
    workspace, result = Workspace(home), BatchResult()
    model = detectors.create(detector, workspace, device)
    with Catalog.open(home) as catalog:
        for video_id in videos:
            try:
                new = _predict_one(workspace, catalog.video(video_id), model, tuple(classes))
            except UnknownName as error:
                result.failed[video_id] = str(error)
            except (Unavailable, UsageError):
                raise
            except Exception as error:  # whatever a recording holds, the others go on
                result.failed[video_id] = reason(error, f"predict {video_id}")
            else:
                catalog.mark(video_id, STEP, model.model_id)
                (result.done if new else result.skipped).append(video_id)
    return result


def _predict_one(
    workspace: Workspace, made: Video, model: Detector, classes: tuple[str, ...]
) -> bool:
    """False if the file was there."""
    path = workspace.predictions(made.id, model.model_id)
    if _whole(path, made, classes):
        return False
    found = detectors.run(
        model, _frames(workspace, made), made.frames, made.fps, classes, f"{STEP} {made.id}"
    )
    predictions.save(path, found, model.model_id)
    return True


def _whole(path: Path, made: Video, classes: tuple[str, ...]) -> bool:
    """Whether the file covers the Video; a broken one is made again."""
    if not path.exists():
        return False
    try:
        found = predictions.load(path)
    except BadInput:
        return False
    return (found.length, found.names) == (made.frames, classes)


def _frames(workspace: Workspace, made: Video) -> Iterator[Frame]:
    """All frames of a Video, or BadVideo: half of them would look like an empty room."""
    path, count = workspace.video_file(made), 0
    for frame in video.frames(path):
        count += 1
        yield frame
    if count < made.frames:
        raise BadVideo(f"{path.name} has {count} of its {made.frames} frames: fetch it again")
