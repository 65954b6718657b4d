"""Detectors by name: one adapter a file, made here, run over a video here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from oneclick.core import progress, windows
from oneclick.core.detections import Detections
from oneclick.core.errors import UnknownName, UsageError
from oneclick.detectors import base
from oneclick.detectors.base import Detector, Found, Frame
from oneclick.storage.workspace import Workspace

__all__ = ["Detector", "create", "known", "look_closer", "run"]

T = TypeVar("T")
BATCH = 8
"""Frames handed to a detector at once: 50 MB of 1080p."""


def known() -> list[str]:
    """The names `create` understands; capitals stand for what the user fills in."""
    return [f"{kind}:{what}" for kind, (_, whats) in _KINDS.items() for what in whats]


def create(name: str, workspace: Workspace | None = None, device: str = "auto") -> Detector:
    """The detector called `name`, loaded; `workspace` is where `model:` looks.

    Raises:
        UnknownName: if nothing answers to the name.
        DetectorUnavailable: naming the file, model or download that is missing.
        UsageError: if `device` is not there.
    """
    kind, _, what = name.partition(":")
    make, whats = _KINDS.get(kind, (None, ()))
    open_ended = any(word.isupper() for word in whats)
    if make is None or not what or not (open_ended or what in whats):
        raise UnknownName("detector", name, known())
    return make(what, workspace, device)


def run(
    detector: Detector,
    frames: Iterable[Frame],
    length: int,
    fps: float,
    classes: tuple[str, ...],
    what: str = "predict",
) -> Detections:
    """Look at a whole video of `length` frames; the detector is reset first.

    Its class names are mapped to `classes`, boxes of other classes dropped, and every frame is
    reported to core.progress as `what`.

    Raises:
        UsageError: if the detector knows none of the classes.
    """
    if not set(classes) & set(detector.names):
        raise UsageError(
            f"detector {detector.name} knows none of the classes {', '.join(classes)}; "
            f"it finds {', '.join(detector.names[:10])}"
        )
    detector.reset()
    seen = progress.track(what, itertools.islice(frames, length), length)
    founds = [found for batch in _batches(seen, BATCH) for found in detector.detect(batch)]
    return _detections(founds, detector.names, length, fps, classes)


def look_closer(
    detector: Detector,
    picture: Callable[[int], Frame],
    labels: Detections,
    classes: tuple[str, ...],
    what: str = "look closer",
) -> Detections:
    """What a detector sees in windows around labels: objects that a whole frame shows too small.

    An object may be seen in several windows. What a window cuts off is left out.

    Args:
        picture: gives a frame by its number; frames without labels are not asked for.
        labels: boxes to look at, in px of the pictures.
    """
    founds = [base.nothing() for _ in range(labels.length)]
    wanted = np.unique(labels.frames).tolist()
    for frame in progress.track(what, wanted, len(wanted)):
        founds[frame] = _in_windows(detector, picture(frame), labels.boxes[labels.rows(frame)])
    return _detections(founds, detector.names, labels.length, labels.fps, classes)


def _in_windows(detector: Detector, frame: Frame, boxes: NDArray[np.float32]) -> Found:
    height, width = frame.shape[:2]
    places = windows.around(boxes, width, height)
    crops = [np.ascontiguousarray(frame[y:v, x:u]) for x, y, u, v in places.tolist()]
    founds = [found for batch in _batches(crops, BATCH) for found in detector.detect(batch)]
    seen = [_whole(*pair, width, height) for pair in zip(founds, places, strict=True)]
    found, scores, kinds = (np.concatenate(column) for column in zip(*seen, strict=True))
    return found, scores, kinds


def _whole(found: Found, window: NDArray[np.intp], width: int, height: int) -> Found:
    """What is not cut off, in px of the picture."""
    boxes, scores, classes = found
    keep = ~windows.cut_off(boxes, window, width, height)
    moved = boxes[keep] + np.tile(window[:2], 2).astype(np.float32)
    return moved, scores[keep], classes[keep]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _detections(
    founds: list[Found], names: tuple[str, ...], length: int, fps: float, classes: tuple[str, ...]
) -> Detections:
    if not founds:
        return Detections.empty(length, fps, classes)
    index = np.array([classes.index(n) if n in classes else -1 for n in names], np.int16)
    boxes, scores, found = (np.concatenate(column) for column in zip(*founds, strict=True))
    mapped = index[found]
    rows = np.repeat(np.arange(len(founds), dtype=np.int32), [len(f[1]) for f in founds])
    keep = mapped >= 0
    return Detections(rows[keep], boxes[keep], scores[keep], mapped[keep], length, fps, classes)


def _opencv(what: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import hog, motion

    if what == "hog":
        return hog.Hog()
    return motion.Motion()


def _torchvision(what: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import torchvision

    return torchvision.load(what, device)


def _transformers(what: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import transformers

    return transformers.load(what, device)


def _onnx(what: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import onnx

    return onnx.load(what)


def _own(what: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import own

    return own.load(what, workspace, device)


def _labeller(what: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import own

    return own.load_labeller(what, workspace, device)


_KINDS: dict[str, tuple[Callable[[str, Workspace | None, str], Detector], tuple[str, ...]]] = {
    "opencv": (_opencv, ("hog", "motion")),
    "torchvision": (_torchvision, ("NAME",)),
    "transformers": (_transformers, ("REPO",)),
    "onnx": (_onnx, ("FILE",)),
    "model": (_own, ("champion", "ID")),
    "labeller": (_labeller, ("ARCHITECTURE",)),
}
