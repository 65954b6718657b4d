"""Detectors by name: one adapter per file; this module loads them and runs them over videos."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from oneclick.core import progress, windows
from oneclick.core.detections import Detections
from oneclick.core.errors import OneclickError, UnknownName, UsageError
from oneclick.detectors import base, kinds
from oneclick.detectors.base import Detector, DetectorKind, Frame, FrameDetections
from oneclick.storage.workspace import Workspace

__all__ = [
    "Detector",
    "DetectorKind",
    "check_name",
    "create",
    "detect_in_windows",
    "is_own",
    "known",
    "run",
    "run_together",
]

BATCH = 8
"""Frames in one call of a detector: 50 MB of 1080p."""


def known() -> list[str]:
    """Return the names that `create` accepts; capitals are placeholders.

    Packages of others are not imported for it.
    """
    return [
        f"{kind}:{model}"
        for kind, plugin in kinds.GROUP.plugins().items()
        for model in (kinds.GROUP.get(kind).models if plugin.own else ("NAME",))
    ]


def is_own(name: str) -> bool:
    """Check whether a detector is part of oneclick, or has no known kind at all."""
    plugin = kinds.GROUP.plugins().get(name.partition(":")[0])
    return plugin is None or plugin.own


def check_name(name: str) -> None:
    """Raise UnknownName if `create` knows no detector of that name; none is loaded."""
    kind_name, _, model = name.partition(":")
    if kind_name not in kinds.GROUP.plugins() or not model:
        raise UnknownName("detector", name, known())
    models = kinds.GROUP.get(kind_name).models
    if model not in models and not any(placeholder.isupper() for placeholder in models):
        raise UnknownName("detector", name, known())


def create(name: str, workspace: Workspace | None = None, device: str = "auto") -> Detector:
    """Load the detector called `name`.

    Args:
        workspace: holds the models of `model:` and `labeller:`.
        device: `auto`, or a name that torch knows.

    Raises:
        UnknownName: if there is no such detector.
        DetectorUnavailable: naming the file, model or download that is missing.
        UsageError: if `device` is not there.
        PluginFailure: if the package of a plug-in cannot be used.
    """
    check_name(name)
    kind_name, _, model = name.partition(":")
    plugin, kind = kinds.GROUP.plugins()[kind_name], kinds.GROUP.get(kind_name)
    if plugin.own:
        return kind.load(model, workspace, device)
    with plugin.isolated("while it was loaded", passing=(OneclickError,)):
        return kinds.IsolatedDetector(plugin, kind.load(model, workspace, device))


def run(
    detector: Detector,
    frames: Iterable[Frame],
    length: int,
    fps: float,
    classes: tuple[str, ...],
    task: str = "predict",
) -> Detections:
    """Run a detector, after a reset, over a whole video of `length` frames.

    Its class names are mapped to `classes`, boxes of other classes dropped.

    Args:
        task: name under which progress is reported to core.progress.

    Raises:
        UsageError: if the detector has none of the classes.
    """
    (answer,) = run_together([detector], frames, length, fps, classes, task=task)
    if isinstance(answer, Exception):
        raise answer
    return answer


def run_together(
    models: Sequence[Detector],
    frames: Iterable[Frame],
    length: int,
    fps: float,
    classes: tuple[str, ...],
    *,
    task: str = "predict",
) -> list[Detections | Exception]:
    """Run several detectors over the same frames, which are decoded once; as `run` otherwise.

    Returns:
        For each model its detections, or what it raised: the others go on without it.

    Raises:
        UsageError: if one of them has none of the classes.
    """
    for model in models:
        if not set(classes) & set(model.names):
            raise UsageError(
                f"detector {model.name} knows none of the classes {', '.join(classes)}; "
                f"it finds {', '.join(model.names[:10])}"
            )
        model.reset()
    by_frame: list[list[FrameDetections]] = [[] for _ in models]
    errors: dict[int, Exception] = {}
    tracked = iter(progress.track(task, itertools.islice(frames, length), length))
    while batch := list(itertools.islice(tracked, BATCH)):
        for place, model in enumerate(models):
            if place not in errors:
                try:
                    by_frame[place] += model.detect(batch)
                except Exception as error:  # of a network, a device or a plug-in
                    errors[place] = error
        if len(errors) == len(models):
            break
    return [
        errors.get(place) or base.join_frames(answers, model.names, length, fps, classes)
        for place, (model, answers) in enumerate(zip(models, by_frame, strict=True))
    ]


def detect_in_windows(
    detector: Detector,
    picture: Callable[[int], Frame],
    labels: Detections,
    classes: tuple[str, ...],
    task: str = "look closer",
) -> Detections:
    """Run a detector on windows around labels, for objects too small in the whole frame.

    An object may be detected in several windows. Boxes that a window truncates are dropped.

    Args:
        picture: returns a frame by its number; frames without labels are not requested.
        labels: boxes to place the windows around, in px of the frames.
        task: name under which progress is reported to core.progress.
    """
    by_frame = [base.no_detections() for _ in range(labels.length)]
    frames = np.unique(labels.frames).tolist()
    for number in progress.track(task, frames, len(frames)):
        frame, label_boxes = picture(number), labels.boxes[labels.rows(number)]
        height, width = frame.shape[:2]
        places = windows.around(label_boxes, width, height)
        crops = [np.ascontiguousarray(frame[y:v, x:u]) for x, y, u, v in places.tolist()]
        parts: list[FrameDetections] = []
        for (boxes, scores, indices), window in zip(_detect(detector, crops), places, strict=True):
            inside = ~windows.is_truncated(boxes, window, width, height)
            shifted = boxes[inside] + np.tile(window[:2], 2).astype(np.float32)
            parts.append((shifted, scores[inside], indices[inside]))
        boxes, scores, indices = (np.concatenate(column) for column in zip(*parts, strict=True))
        by_frame[number] = boxes, scores, indices
    return base.join_frames(by_frame, detector.names, labels.length, labels.fps, classes)


def _detect(detector: Detector, frames: Iterable[Frame]) -> list[FrameDetections]:
    """Detect in all frames, BATCH at a time."""
    iterator = iter(frames)
    detections: list[FrameDetections] = []
    while batch := list(itertools.islice(iterator, BATCH)):
        detections += detector.detect(batch)
    return detections
