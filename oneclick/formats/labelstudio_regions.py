"""What Label Studio's JSON says of one task: the annotation that counts, and its boxes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from oneclick.core.errors import BadLabels
from oneclick.core.tracks import DETECTED
from oneclick.formats import turned

MAX_TRACK_ID = int(np.iinfo(np.int32).max)
_CLASSES = ("labels", "rectanglelabels", "videolabels")
"""Entries of a value that hold classes."""


class LsPoint(msgspec.Struct, kw_only=True):
    """One box, in percent of the picture; a key frame where it has a number."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0
    """Degrees clockwise about the corner (x, y)."""
    frame: int = 1
    enabled: bool = True
    auto: bool = False
    """Whether it is interpolated between two key frames."""

    def pixel_box(
        self, size: tuple[int, int], notes: Counter[str]
    ) -> tuple[float, float, float, float]:
        """Return x1 y1 x2 y2 in px of a picture of `size`; a turned box is counted in `notes`."""
        x, y = self.x * size[0] / 100, self.y * size[1] / 100
        box = (x, y, x + self.width * size[0] / 100, y + self.height * size[1] / 100)
        if not self.rotation:
            return box
        notes[turned.NOTE] += 1
        return turned.upright_bounds(box, self.rotation, (x, y))


class LsRegion(msgspec.Struct, kw_only=True):
    """One result of an annotation: a box, a track of boxes, or something else."""

    type: str = ""
    id: str = ""
    value: dict[str, Any] = {}
    original_width: int | None = None
    original_height: int | None = None
    image_rotation: float = 0.0

    def points(self, frames: int, fps: float | None, place: str) -> Iterator[LsPoint]:
        """Yield the boxes of a region of a video of `frames` frames, interpolated ones too.

        Raises:
            BadLabels: naming the `place`; Label Studio has counted the frames of the video with
                another frame rate, or a key frame is broken.
        """
        count = self.value.get("framesCount")
        if isinstance(count, int | float) and abs(count - frames) > 1:
            remedy = f' to frameRate="{fps:g}"' if fps else ""
            raise BadLabels(
                f"{place}: Label Studio counted {count:g} frames, the video has {frames}: correct "
                f"its tag Video{remedy}, and annotate again"
            )
        sequence = self.value.get("sequence")
        if not isinstance(sequence, list):
            raise BadLabels(f"{place}: region {self.id[:80]} has no sequence of key frames")
        keys = sorted((decode_point(key, place) for key in sequence), key=attrgetter("frame"))
        for key, following in itertools.zip_longest(keys, keys[1:]):
            if not 1 <= key.frame <= frames:
                raise BadLabels(f"{place}: key frame {key.frame} of a video of {frames} frames")
            yield key
            if key.enabled:
                yield from interpolate(key, following, frames)


class LsAnnotation(msgspec.Struct, kw_only=True):
    """What one person or model said about a task."""

    result: list[LsRegion] = []
    was_cancelled: bool = False
    ground_truth: bool = False


class LsTask(msgspec.Struct, kw_only=True):
    """One picture or video."""

    data: dict[str, Any]
    annotations: list[LsAnnotation]
    predictions: list[LsAnnotation] = []
    id: int | str = "without an id"


@dataclass(frozen=True, kw_only=True)
class LsLabels:
    """The annotation of a task that counts."""

    task: LsTask
    place: str
    """File and task, for messages."""
    regions: Sequence[LsRegion]
    is_prediction: bool

    def origin(self, origin: str) -> str:
        """Return the origin letter of its boxes: nobody has drawn those of a prediction."""
        return DETECTED if self.is_prediction else origin

    def check_size(self, region: LsRegion, size: tuple[int, int], name: str) -> None:
        """Check that a region was drawn on a picture or video of this (width, height).

        Raises:
            BadLabels: it was not, or the picture had been turned.
        """
        stored = region.original_width, region.original_height
        if None not in stored and stored != size:
            raise BadLabels(
                f"{self.place}: drawn on {stored[0]}x{stored[1]} px, but {name} has "
                f"{size[0]}x{size[1]}: put the file there that was annotated"
            )
        if region.image_rotation:
            raise BadLabels(
                f"{self.place}: {name} was turned by {region.image_rotation:g} degrees before it "
                "was annotated: annotate it as it lies there"
            )

    def boxes(self, kind: str, notes: Counter[str]) -> Iterator[tuple[LsRegion, str]]:
        """Yield the regions that are boxes of a kind, with their class; count others in `notes`.

        Args:
            kind: how the type of such regions begins: rectangle or videorectangle.

        Raises:
            BadLabels: a box has no class, or more than one.
        """
        # With the tags Rectangle and Labels, box and class are two results of one id.
        names: dict[str, list[str]] = {}
        for region in self.regions:
            if region.id not in names or region.type == "labels":
                names.setdefault(region.id, []).extend(class_names(region.value))
        for region in self.regions:
            if not region.type.startswith(kind):
                if region.type != "labels":
                    notes[f"results of the type {region.type[:40] or 'relation'} left out"] += 1
                continue
            classes = class_names(region.value) or names[region.id]
            if len({*classes}) != 1:
                problem = f"{len(classes)} classes" if classes else "no class"
                raise BadLabels(f"{self.place}: box {region.id[:80]} has {problem}: give it one")
            yield region, classes[0]


def decode_point(value: Any, place: str) -> LsPoint:
    """Return one box. Raises BadLabels, naming the `place`, if it is none."""
    try:
        point = msgspec.convert(value, LsPoint)
    except msgspec.ValidationError as error:
        raise BadLabels(f"{place}: a box is broken: {error}") from None
    numbers = (point.x, point.y, point.width, point.height, point.rotation)
    if not np.isfinite(numbers).all() or point.width < 0 or point.height < 0:
        raise BadLabels(f"{place}: a box turned inside out or without numbers")
    return point


def interpolate(key: LsPoint, following: LsPoint | None, frames: int) -> Iterator[LsPoint]:
    """Yield the boxes between two key frames, or after the last one to the end of the video."""
    stop = following.frame if following else frames + 1
    last = following or key
    for frame in range(key.frame + 1, stop):
        share = (frame - key.frame) / (stop - key.frame)
        yield LsPoint(
            frame=frame,
            x=key.x + share * (last.x - key.x),
            y=key.y + share * (last.y - key.y),
            width=key.width + share * (last.width - key.width),
            height=key.height + share * (last.height - key.height),
            rotation=key.rotation + share * (last.rotation - key.rotation),
            auto=True,
        )


def class_names(value: Mapping[str, Any]) -> list[str]:
    """Return the classes that a value names."""
    names = (value.get(entry) for entry in _CLASSES)
    return [str(name) for entry in names if isinstance(entry, list) for name in entry]


def number_tracks(ids: Sequence[str]) -> list[int]:
    """Return a track id for each region: its own id where that is a number, else an unused one."""
    numbers: dict[int, int] = {}
    for row, text in enumerate(ids):
        if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MAX_TRACK_ID:
            numbers.setdefault(int(text), row)
    rows = {row: number for number, row in numbers.items()}
    unused = (number for number in itertools.count(1) if number not in numbers)
    return [rows[row] if row in rows else next(unused) for row in range(len(ids))]
