"""COCO detection JSON of any tool: what a file may hold, and how it is parsed.

A broken annotation makes only the image it belongs to unreadable.
"""

from __future__ import annotations

import math
import mmap
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.errors import BadLabels
from oneclick.core.labels import LabelTrack
from oneclick.formats import base, disk, turned
from oneclick.storage import bounded_documents, bounded_files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

Id = int | str | float
_TRACK_ATTRIBUTES = ("track_id", "instance_id", "keyframe")
"""Attributes by which some tools store what is not an attribute."""
_ROTATION = "rotation"
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_LISTS = ("images", "annotations", "categories", "videos")
_LIST_KEY = re.compile(rb'"(images|annotations|categories|videos)"\s*:')
WITHOUT_ID = "without an id"
MAX_BYTES = 4096 * bounded_files.MEBIBYTE
MAX_ANNOTATION = bounded_files.MEBIBYTE
"""Bytes of one annotation that is not well-formed."""
MAX_ATTRIBUTES = 64 << 10
"""Bytes of the attributes of one annotation."""
MAX_BROKEN = 1000
"""Broken annotations, beyond which a file is none of COCO."""


class CocoImage(msgspec.Struct, gc=False, kw_only=True):
    """Entry of `images` in a COCO file."""

    id: Id
    file_name: str
    width: float | None = None
    height: float | None = None
    video_id: Id | None = None
    frame_id: int | None = None
    frame_index: int | None = None
    """What TAO calls frame_id."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Return (width, height) in px, or None where the file does not say."""
        return (int(self.width), int(self.height)) if self.width and self.height else None

    @property
    def has_number(self) -> bool:
        """Return whether the file tells the place of the image in its video."""
        return self.frame_id is not None or self.frame_index is not None

    def sort_key(self) -> tuple[int, Any]:
        """Return the place of the image in its sequence: by frame, then by name."""
        frame = self.frame_id if self.frame_id is not None else self.frame_index
        return frame or 0, disk.natural_key(self.file_name)


class CocoAnnotation(msgspec.Struct, gc=False, kw_only=True):
    """Entry of `annotations` in a COCO file: one box."""

    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    """x y width height, px."""
    id: Id = WITHOUT_ID
    iscrowd: int | float | bool | str | None = 0
    """Writers disagree on the type: 0, false, "0"."""
    score: float | None = None
    track_id: Id | None = None
    instance_id: Id | None = None
    origin: str = ""
    keyframe: bool = False
    attributes: msgspec.Raw = msgspec.Raw()
    """An object; decoded when it is used, since it may hold anything."""

    def is_crowd(self) -> bool | None:
        """Tell whether the box is that of a crowd; None where `iscrowd` has no such meaning."""
        text = str(self.iscrowd).lower()
        is_no, is_yes = text in ("0", "0.0", "false", "none", ""), text in ("1", "1.0", "true")
        return is_yes if is_no or is_yes else None

    def corners(self) -> tuple[float, float, float, float]:
        """Return the box as x1 y1 x2 y2, px."""
        x, y, width, height = self.bbox
        return x, y, x + width, y + height

    def decode_attributes(self) -> dict[str, Any]:
        """Return the attributes, without those beyond what one object can have.

        Raises:
            BadLabels: they are no object, or larger than any object needs.
        """
        size = len(memoryview(self.attributes))
        if not size:
            return {}
        if size > MAX_ATTRIBUTES:
            raise BadLabels(f"annotation {self.id}: attributes of more than {MAX_ATTRIBUTES} bytes")
        try:
            return bounded_documents.parse_json(self.attributes, dict[str, Any] | None) or {}
        except BrokenJson as error:
            raise BadLabels(f"annotation {self.id}: attributes: {error}") from None

    def find_track_id(self, attributes: Mapping[str, Any]) -> int | str:
        """Return the track id from where tools store it, text where it is no number; or NO_TRACK.

        "0012" is text, since another track may be called "12".
        """
        attribute_ids = (attributes.get(name) for name in _TRACK_ATTRIBUTES[:2])
        for track_id in (self.track_id, self.instance_id, *attribute_ids):
            if isinstance(track_id, float) and track_id.is_integer():
                return int(track_id)
            text = str(track_id).strip()
            if isinstance(track_id, int | float | str) and not isinstance(track_id, bool) and text:
                return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
        return base.NO_TRACK

    def upright_corners(self, attributes: Mapping[str, Any]) -> tuple[float, float, float, float]:
        """Return the upright box around one that CVAT has turned, px."""
        box, degrees = self.corners(), turned_degrees(attributes)
        return turned.upright_bounds(box, degrees, turned.centre(box)) if degrees else box


def turned_degrees(attributes: Mapping[str, Any]) -> float:
    """Return by how many degrees CVAT has turned a box; its `bbox` is the one before."""
    degrees = attributes.get(_ROTATION)
    if isinstance(degrees, bool) or not isinstance(degrees, int | float):
        return 0.0
    return degrees % 360 if math.isfinite(degrees) else 0.0


def text_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of an object as text; true and false in lower case."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in attributes.items()
        if name not in _TRACK_ATTRIBUTES and not (name == _ROTATION and isinstance(value, float))
    }


_ANNOTATION = JsonDecoder[CocoAnnotation](CocoAnnotation)


class CocoCategory(msgspec.Struct):
    """Entry of `categories` in a COCO file: one class."""

    id: Id
    name: str


class CocoTrack(msgspec.Struct):
    """What our own files store of a whole track."""

    id: int
    keyframes: tuple[int, ...] = ()
    attributes: dict[str, tuple[tuple[int, int, str], ...]] = {}

    def restore(self, track: LabelTrack) -> LabelTrack:
        """Return `track` with the stored key frames and attribute ranges."""
        return replace(track, keyframes=self.keyframes, attributes=self.attributes)


class CocoVideo(msgspec.Struct):
    """Entry of `videos` in a COCO file, as COCO-VID and TAO have them."""

    id: Id
    name: str = ""
    fps: float | None = None
    tracks: list[CocoTrack] | None = None
    """Only our own files have them."""


class _CocoFile(msgspec.Struct):
    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]
    videos: list[CocoVideo] = []


class _RawCocoFile(msgspec.Struct):
    """The same with unparsed annotations, to find those that are broken."""

    images: list[CocoImage]
    annotations: msgspec.Raw
    categories: list[CocoCategory]
    videos: list[CocoVideo] = []


class _AnnotationIds(msgspec.Struct):
    """As much of a broken annotation as tells where it belongs."""

    id: Any = WITHOUT_ID
    image_id: Any = None
    bbox: Any = None


def parse(
    path: Path,
) -> tuple[_CocoFile | _RawCocoFile, list[CocoAnnotation], dict[Any, tuple[Any, str]]]:
    """Parse a COCO file.

    Returns:
        The file, its well-formed annotations, and by image id the id and the error of a broken one.

    Raises:
        BadInput: the file cannot be read, or is not COCO.
    """
    content = map_file(path)
    check_keys(path, content)
    try:
        coco: _CocoFile = bounded_documents.parse_json(content, _CocoFile)
    except BrokenJson:
        return parse_one_by_one(path, content)
    return coco, coco.annotations, {}


def check_keys(path: Path, content: memoryview) -> None:
    """Check that each list stands once. Raises BadLabels.

    JSON readers take the last of two, and programs that write a file twice leave the first.
    """
    counts = Counter(str(match[1], "ascii") for match in _LIST_KEY.finditer(content))
    doubles = {name for name, count in counts.items() if count > 1}
    if not doubles:
        return  # a key within an object may be called so too

    for names in bounded_documents.repeated_keys(content):
        if names >= {"images", "annotations"}:
            doubled = ", ".join(sorted(set(_LISTS) & names & doubles))
            raise BadLabels(f"{path}: {doubled} stands twice in it: keep one of them")


def map_file(path: Path) -> memoryview:
    """Map a file into memory, without a copy and without a byte order mark.

    An empty file gives empty bytes. Raises BadInput.
    """
    with bounded_files.open_regular(path, MAX_BYTES) as file:
        try:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:
            return memoryview(b"")
    return content[len(BOM_UTF8) :] if bytes(content[: len(BOM_UTF8)]) == BOM_UTF8 else content


def parse_one_by_one(
    path: Path, content: memoryview
) -> tuple[_RawCocoFile, list[CocoAnnotation], dict[Any, tuple[Any, str]]]:
    """Parse a file whose annotations are not all well-formed.

    Returns:
        The file, its well-formed annotations, and by image id the id and the error of a broken one.

    Raises:
        BadLabels: the file is not COCO.
    """
    try:
        parsed: _RawCocoFile = bounded_documents.parse_json(content, _RawCocoFile)
        elements = str(memoryview(parsed.annotations), "utf-8")
    except (BrokenJson, UnicodeDecodeError) as error:
        raise BadLabels(
            f"{path}: not COCO, which has images, annotations and categories ({error})"
        ) from None
    annotations: list[CocoAnnotation] = []
    broken: dict[Any, tuple[Any, str]] = {}
    problems = 0
    for element in bounded_documents.json_elements(elements):
        if len(element) > MAX_ANNOTATION:
            raise BadLabels(f"{path}: an annotation of more than {MAX_ANNOTATION:,} bytes")
        try:
            annotations.append(_ANNOTATION.decode(element))
        except BrokenJson as error:
            try:
                image_id, annotation_id, numbers = annotation_ids(element)
            except BrokenJson:  # the image that lacks a box cannot be told
                raise BadLabels(f"{path}: {element[:40]!r} is no annotation: {error}") from None
            problem = f"bbox has {numbers} numbers" if numbers not in (None, 4) else str(error)
            broken[image_id] = annotation_id, problem
            problems += 1
            if problems > MAX_BROKEN:
                raise BadLabels(
                    f"{path}: more than {MAX_BROKEN:,} broken annotations, the last: {problem}"
                ) from None
    return parsed, annotations, broken


def annotation_ids(element: str) -> tuple[Id | None, Any, int | None]:
    """Return image id, id and length of bbox of an annotation that did not parse, for messages.

    None stands for an image id or a bbox that cannot be used.

    Raises:
        BrokenJson: it is no object.
    """
    ids: _AnnotationIds = bounded_documents.parse_json(element, _AnnotationIds)
    image_id = ids.image_id if isinstance(ids.image_id, Id) else None
    return image_id, ids.id, len(ids.bbox) if isinstance(ids.bbox, list) else None
