"""Labels as training reads them: the frozen label file of one clip, one frame of it at a time."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetClip
from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import IGNORE
from oneclick.storage import labels
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder


class FrameLabels(NamedTuple):
    """Labels of one image."""

    boxes: NDArray[np.float32]
    """(n, 4) px, x1 y1 x2 y2."""
    classes: tuple[str, ...]
    """n names."""
    origins: str
    """n letters (core.tracks.ORIGINS)."""
    traits: tuple[tuple[str, ...], ...]
    """n times the attributes of a box, as "posture=lying"."""
    ignored: NDArray[np.float32]
    """(k, 4) px: regions that do not count."""


class _PublishedTrack(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The fields of a label file's track that training needs: the fewer, the faster to decode."""

    cls: str = msgspec.field(name="class")
    frames: list[int]
    boxes: list[tuple[float, float, float, float]]
    origins: str
    attributes: dict[str, tuple[tuple[int, int, str], ...]]

    def traits(self, frame: int) -> tuple[str, ...]:
        """Return the attributes in a frame, as "posture=lying"."""
        return tuple(
            f"{name}={value}"
            for name, ranges in self.attributes.items()
            for start, stop, value in ranges
            if start <= frame < stop
        )


class _PublishedDocument(msgspec.Struct, frozen=True):
    schema: int
    tracks: list[_PublishedTrack]


_DECODER = JsonDecoder[_PublishedDocument](_PublishedDocument)


class ClipAnnotation:
    """Labels of one clip, decoded once and read by frame."""

    def __init__(self, tracks: list[_PublishedTrack]) -> None:
        self._tracks = tracks

    def classes(self) -> set[str]:
        """Return the names of the classes that occur."""
        return {track.cls for track in self._tracks} - {IGNORE}

    def at(self, frame: int) -> FrameLabels:
        """Return the labels of one frame, 0-based in the clip."""
        boxes: list[tuple[float, ...]] = []
        ignored: list[tuple[float, ...]] = []
        classes, origins, traits = [], [], []
        for track in self._tracks:
            place = bisect_left(track.frames, frame)
            if place == len(track.frames) or track.frames[place] != frame:
                continue
            if track.cls == IGNORE:
                ignored.append(track.boxes[place])
                continue
            boxes.append(track.boxes[place])
            classes.append(track.cls)
            origins.append(track.origins[place])
            traits.append(track.traits(frame) if track.attributes else ())
        return FrameLabels(
            _array(boxes), tuple(classes), "".join(origins), tuple(traits), _array(ignored)
        )


def _array(boxes: list[tuple[float, ...]]) -> NDArray[np.float32]:
    numbers = chain.from_iterable(boxes)
    return np.fromiter(numbers, np.float32, 4 * len(boxes)).reshape(-1, 4)


def load(path: str, line: DatasetClip, classes: tuple[str, ...]) -> ClipAnnotation:
    """Read the labels of one line of a manifest.

    Raises:
        BadLabels: the file is missing, broken, or is not the one that was published.
        BadInput: it names a class that is not among `classes`.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a Path costs as much as the reading)
            content = file.read()
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror}); publish again") from None
    if hashlib.sha256(content).hexdigest() != line.label_digest:
        raise BadLabels(f"{path} was changed after it was published: copy it from the workspace")
    try:
        document = _DECODER.decode(content)
    except BrokenJson as error:
        raise BadLabels(f"{path}: no label file ({error}); publish again") from None
    if document.schema != labels.SCHEMA:
        raise BadLabels(
            f"{path}: schema {document.schema}, this version reads {labels.SCHEMA}; update oneclick"
        )
    annotation = ClipAnnotation(document.tracks)
    if unknown := sorted(annotation.classes() - set(classes)):
        raise BadInput(f"{path}: class {unknown[0]!r} is unknown to the model ({list(classes)})")
    return annotation
