"""COCO detection JSON of any tool to sequences of labelled pictures.

Images of one `video_id` are one sequence, in the order of `frame_id`; others are taken together by
folder, in the order of their names, as clips of equally large pictures, at most base.LOOSE each.
Track ids are read where tools put them: `track_id`, `instance_id`, or among the attributes (CVAT).
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

import msgspec

from oneclick.core.datasets import Split
from oneclick.core.errors import BadInput, BadLabels, OneclickError
from oneclick.core.labels import LabelTrack
from oneclick.formats import base, disk
from oneclick.formats.base import Incoming, Rows, Source

Id = int | str
_OF_TRACKS = ("track_id", "instance_id", "keyframe")
"""Attributes that are no attributes."""


class _Image(msgspec.Struct, gc=False):
    id: Id
    file_name: str
    width: int = 0
    height: int = 0
    video_id: Id | None = None
    frame_id: int | None = None
    frame_index: int | None = None
    """What TAO calls frame_id."""


class _Annotation(msgspec.Struct, gc=False):
    image_id: Id
    category_id: int
    bbox: list[float]
    id: Id = "without an id"
    iscrowd: int = 0
    score: float | None = None
    track_id: int | None = None
    instance_id: int | None = None
    origin: str = ""
    keyframe: bool = False
    attributes: dict[str, Any] | None = None


class _Category(msgspec.Struct):
    id: int
    name: str


class _Track(msgspec.Struct):
    id: int
    keyframes: tuple[int, ...] = ()
    attributes: dict[str, tuple[tuple[int, int, str], ...]] = {}


class _Video(msgspec.Struct):
    id: Id
    name: str = ""
    fps: float | None = None
    tracks: list[_Track] | None = None
    """Only our own files have them."""


class _Whole(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]
    videos: list[_Video] = []


class _Careful(msgspec.Struct):
    """The same with annotations as they stand, to find the one that is broken."""

    images: list[_Image]
    annotations: list[msgspec.Raw]
    categories: list[_Category]
    videos: list[_Video] = []


class _Place(msgspec.Struct):
    """As much of a broken annotation as tells where it belongs."""

    id: Any = "without an id"
    image_id: Any = None


@dataclass
class _Document:
    """One file, its annotations by image."""

    path: Path
    images: list[_Image]
    names: dict[int, str]
    videos: dict[Id, _Video]
    annotations: dict[Id, list[_Annotation]] = field(default_factory=dict)
    broken: dict[Id, str] = field(default_factory=dict)
    """Why an image cannot be read, by its id."""


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[Source]:
    """The sequences of a COCO file, or of all in a folder (`annotations.json` where there is one).

    Raises:
        BadInput: there is no JSON file, or the one that was named is not COCO.
    """
    if path.is_file():
        return _sources(_read(path, failed), path.parent)
    found: list[Source] = []
    documents = sorted(path.rglob("annotations.json")) or sorted(path.rglob("*.json"))
    if not documents:
        raise BadInput(f"{path}: no COCO dataset: there is no .json file in it")
    for document in documents:
        try:
            found += _sources(_read(document, failed), path)
        except OneclickError as error:
            failed[str(document)] = str(error)
    return found


def _read(path: Path, failed: dict[str, str]) -> _Document:
    """Parse a file once; annotations of images that it does not have go to `failed`."""
    content = _content(path)
    try:
        whole: _Whole | _Careful = msgspec.json.decode(content, type=_Whole)
        annotations, broken = cast(_Whole, whole).annotations, dict[Any, str]()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        whole, annotations, broken = _read_carefully(path, content)
    names = {category.id: category.name for category in whole.categories}
    videos = {video.id: video for video in whole.videos}
    made = _Document(path, whole.images, names, videos, {image.id: [] for image in whole.images})
    for image, why in broken.items():
        _blame(made, image, why, failed)
    for annotation in annotations:
        if why := _problem(annotation, made):
            where = f"{path}: annotation {annotation.id}"
            _blame(made, annotation.image_id, f"{where}: {why}", failed)
        else:
            made.annotations[annotation.image_id].append(annotation)
    return made


def _content(path: Path) -> bytes | mmap.mmap:
    """The bytes, without a copy in memory where the system can."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        return b""


def _read_carefully(
    path: Path, content: bytes | mmap.mmap
) -> tuple[_Careful, list[_Annotation], dict[Any, str]]:
    """One annotation after the other; those that do not parse by their image."""
    try:
        whole = msgspec.json.decode(content, type=_Careful)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadLabels(
            f"{path}: not COCO, which has images, annotations and categories ({error})"
        ) from None
    sound, broken = [], {}
    for raw in whole.annotations:
        try:
            sound.append(msgspec.json.decode(raw, type=_Annotation))
        except msgspec.MsgspecError as error:
            at = _place(raw)
            broken[at.image_id] = f"{path}: annotation {at.id}: {error}"
    return whole, sound, broken


def _place(raw: msgspec.Raw) -> _Place:
    try:
        at = msgspec.json.decode(raw, type=_Place)
    except msgspec.MsgspecError:
        return _Place()
    return at if isinstance(at.image_id, int | str) else _Place(at.id)


def _blame(made: _Document, image: Any, why: str, failed: dict[str, str]) -> None:
    """Note a broken annotation where it belongs: its clip falls, the others go on."""
    if image in made.annotations:
        made.broken.setdefault(image, why)
    else:
        failed[why.partition(": ")[2].partition(":")[0]] = why


def _problem(annotation: _Annotation, made: _Document) -> str:
    if annotation.image_id not in made.annotations:
        return f"there is no image {annotation.image_id}"
    if annotation.category_id not in made.names:
        return f"there is no category {annotation.category_id}"
    if len(annotation.bbox) != 4:
        return f"bbox has {len(annotation.bbox)} numbers, not x y width height"
    if annotation.bbox[2] < 0 or annotation.bbox[3] < 0:
        return "box turned inside out"
    return ""


def _sources(made: _Document, root: Path) -> list[Source]:
    sequences: dict[tuple[bool, Id], list[_Image]] = {}
    for image in made.images:
        folder = str(PurePosixPath(image.file_name).parent)
        loose = image.video_id is None
        key: Id = folder if image.video_id is None else image.video_id
        sequences.setdefault((loose, key), []).append(image)
    find_picture = _finder(made)
    return [
        source
        for (loose, _), images in sequences.items()
        for source in _parts(made, root, _ordered(images), loose, find_picture)
    ]


def _ordered(images: list[_Image]) -> list[_Image]:
    def moment(image: _Image) -> tuple[int, Any]:
        at = image.frame_id if image.frame_id is not None else image.frame_index
        return (0 if at is None else at), disk.natural(image.file_name)

    return sorted(images, key=moment)


def _finder(made: _Document) -> Callable[[str], Path]:
    """From a file name to a path, in the folder where the first picture was found."""
    home, stem = made.path.parent, made.path.stem.rpartition("_")[2]
    places = [home, home / "images", home.parent, home.parent / "images"]
    places += [home.parent / stem, home.parent / "images" / stem]
    first = made.images[0].file_name if made.images else ""
    chosen = next((place for place in places if (place / first).is_file()), None)

    def place(name: str) -> Path:
        if chosen is None:
            raise BadInput(
                f"{made.path}: no picture {first} beside it, in images/ or one folder above"
            )
        return chosen / name

    return place


def _parts(
    made: _Document, root: Path, images: list[_Image], loose: bool, place: Callable[[str], Path]
) -> Iterator[Source]:
    sizes = [(image.width, image.height) for image in images]
    spans = list(disk.runs(sizes, base.LOOSE if loose else None))
    for start, stop in spans:
        part = images[start:stop]

        def load(origin: str, part: list[_Image] = part) -> Incoming:
            return _load(made, part, place, origin, whole=len(spans) == 1 and not loose)

        yield Source(_name(made, part[0]), _side(made.path, root, part[0]), load)


def _side(path: Path, root: Path, image: _Image) -> Split:
    """As the folders say, or the name of the file, or the folder of the picture."""
    above = (root.name, *path.relative_to(root).parts[:-1])
    return base.side(*above, *path.stem.split("_"), *PurePosixPath(image.file_name).parts[:-1])


def _name(made: _Document, image: _Image) -> str:
    video = made.videos.get(image.video_id) if image.video_id is not None else None
    return video.name if video and video.name else image.file_name


def _load(
    made: _Document,
    images: list[_Image],
    place: Callable[[str], Path],
    origin: str,
    whole: bool,
) -> Incoming:
    for image in images:
        if image.id in made.broken:
            raise BadLabels(made.broken[image.id])
    pictures = tuple(place(image.file_name) for image in images)
    size = images[0].width, images[0].height
    if not all(size):
        size = disk.picture_size(pictures[0])
    rows, crowds = _rows(made, images)
    tracks, notes = base.tracks(rows, *size, origin)
    if crowds:
        notes["crowd regions left out"] = crowds
    video = made.videos.get(images[0].video_id) if images[0].video_id is not None else None
    if video and whole and [image.frame_id for image in images] == list(range(len(images))):
        tracks = _completed(tracks, video)
    return Incoming(*size, tracks, pictures, None, video.fps if video else None, notes)


def _rows(made: _Document, images: list[_Image]) -> tuple[Rows, int]:
    rows, crowds = Rows(), 0
    for frame, image in enumerate(images):
        for one in made.annotations[image.id]:
            if one.iscrowd:
                crowds += 1
                continue
            x, y, width, height = one.bbox
            said = one.attributes or {}
            rows.add(
                frame,
                _track_id(one, said),
                made.names[one.category_id],
                (x, y, x + width, y + height),
                1.0 if one.score is None else one.score,
                one.origin,
                one.keyframe or said.get("keyframe") is True,
                {name: _text(said[name]) for name in said if name not in _OF_TRACKS},
            )
    return rows, crowds


def _track_id(one: _Annotation, said: dict[str, Any]) -> int:
    named = (one.track_id, one.instance_id, *(said.get(name) for name in _OF_TRACKS[:2]))
    return next((k for k in named if isinstance(k, int)), base.NOBODY)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _completed(tracks: tuple[LabelTrack, ...], video: _Video) -> tuple[LabelTrack, ...]:
    """What our own files know of whole tracks, in place of what their boxes say."""
    known = {track.id: track for track in video.tracks or ()}
    return tuple(
        replace(track, keyframes=known[track.id].keyframes, attributes=known[track.id].attributes)
        if track.id in known
        else track
        for track in tracks
    )
