"""Predict: what one detector says about each Video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, video
from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.errors import (
    BadInput,
    BadVideo,
    Unavailable,
    UnknownName,
    UsageError,
    reason,
)
from oneclick.core.results import BatchResult
from oneclick.detectors import Detector, novelty, signals
from oneclick.detectors.base import Frame
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace

STEP = "predict"
"""What the catalog calls a video that a model (the mark's key) has looked at."""


def predict(
    home: Path,
    videos: Sequence[str],
    detector: str,
    classes: Sequence[str],
    device: str = "auto",
    measure: bool = False,
) -> BatchResult:
    """Write `predictions/<video>/<model_id>.parquet` of each Video; the model is loaded once.

    With `measure`, `signals/<video>/<name>.parquet` too: numbers about the pictures
    (detectors.signals) and, where a camera has a model of novelty, how strange they are to it. The
    same pass over the pictures serves all.

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
                new = _predict_one(
                    workspace, catalog.video(video_id), model, tuple(classes), measure
                )
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
    workspace: Workspace, made: Video, model: Detector, classes: tuple[str, ...], measure: bool
) -> bool:
    """False if the file was there."""
    path = workspace.predictions(made.id, model.model_id)
    if _whole(path, made, classes):
        return False
    frames = _frames(workspace, made)
    gauges = _gauges(workspace, made) if measure else None
    found = detectors.run(
        model,
        gauges.watch(frames) if gauges else frames,
        made.frames,
        made.fps,
        classes,
        f"{STEP} {made.id}",
    )
    if gauges:
        for name, values in gauges.signals(found.above(model.threshold)).items():
            predictions.save_signal(workspace.signals(made.id, name), values)
    predictions.save(path, found, model.model_id, model.threshold)
    return True


@dataclass(frozen=True)
class _Gauges:
    """All that measures pictures while a detector looks at them."""

    meter: signals.Meter
    scorers: list[novelty.Scorer]

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.meter.see(frame)
            for scorer in self.scorers:
                scorer.see(frame)
            yield frame

    def signals(self, boxes: Detections) -> dict[str, NDArray[np.float32]]:
        found = self.meter.signals(boxes)
        for scorer in self.scorers:
            found |= scorer.signals()
        return found


def _gauges(workspace: Workspace, made: Video) -> _Gauges:
    """The meter, and the models of novelty that were trained for this camera."""
    models = [workspace.novelty_model(made.camera, kind) for kind in novelty.KINDS]
    loaded = [novelty.load(path)[0] for path in models if path.exists()]
    return _Gauges(signals.Meter(made.fps), [novelty.Scorer(model) for model in loaded])


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
