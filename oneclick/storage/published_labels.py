"""Annotations as training reads them: one clip's frozen label file, one frame of it at a time."""

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


class Frame(NamedTuple):
    """What is known of one image."""

    boxes: NDArray[np.float32]
    """(n, 4) px."""
    classes: tuple[str, ...]
    """n names."""
    origins: str
    """n letters (core.tracks.ORIGINS)."""
    traits: tuple[tuple[str, ...], ...]
    """n times the attributes of a box, as "posture=lying"."""
    ignored: NDArray[np.float32]
    """(k, 4) px: regions where nothing is asked."""


class _Track(msgspec.Struct, frozen=True, gc=False):
    """What training needs of labels.TrackDocument: the less is decoded, the faster."""

    cls: str = msgspec.field(name="class")
    frames: list[int]
    boxes: list[tuple[float, float, float, float]]
    origins: str
    attributes: dict[str, tuple[tuple[int, int, str], ...]]


class _Document(msgspec.Struct, frozen=True):
    schema: int
    tracks: list[_Track]


_DECODER = msgspec.json.Decoder(_Document)


class Annotation:
    """One clip's labels, opened once and asked by frame."""

    def __init__(self, tracks: list[_Track]) -> None:
        self._tracks = tracks

    def classes(self) -> set[str]:
        """Names of the classes that occur."""
        return {track.cls for track in self._tracks} - {IGNORE}

    def at(self, frame: int) -> Frame:
        """The boxes of one frame."""
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
            traits.append(_traits(track, frame) if track.attributes else ())
        return Frame(
            _array(boxes), tuple(classes), "".join(origins), tuple(traits), _array(ignored)
        )


def _traits(track: _Track, frame: int) -> tuple[str, ...]:
    return tuple(
        f"{name}={value}"
        for name, ranges in track.attributes.items()
        for start, stop, value in ranges
        if start <= frame < stop
    )


def _array(boxes: list[tuple[float, ...]]) -> NDArray[np.float32]:
    flat = chain.from_iterable(boxes)
    return np.fromiter(flat, np.float32, 4 * len(boxes)).reshape(-1, 4)


def opened(path: str, line: DatasetClip, classes: tuple[str, ...]) -> Annotation:
    """The annotation behind one line of a manifest.

    Raises:
        BadInput: the file is missing, is not the one that was published, or names a class that is
            not among `classes`.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a Path costs as much as the reading)
            content = file.read()
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror}); publish again") from None
    if hashlib.sha256(content).hexdigest() != line.label_digest:
        raise BadLabels(f"{path} was changed after it was published: copy it from the workspace")
    found = Annotation(_decode(content, path).tracks)
    if strange := sorted(found.classes() - set(classes)):
        raise BadInput(f"{path}: class {strange[0]!r} is unknown to the model ({list(classes)})")
    return found


def _decode(content: bytes, path: str) -> _Document:
    try:
        found = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadLabels(f"{path}: no label file ({error}); publish again") from None
    if found.schema != labels.SCHEMA:
        raise BadLabels(
            f"{path}: schema {found.schema}, this version reads {labels.SCHEMA}; update oneclick"
        )
    return found
