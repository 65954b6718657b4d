"""CVAT for video 1.1 to sequences of labelled frames.

Between two boxes of a track, none of which has outside="1", CVAT interpolates linearly, and so do
we. Boxes that CVAT interpolated have the origin `i`, unless the file names their origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from oneclick import video
from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.tracks import INTERPOLATED
from oneclick.formats import base, disk
from oneclick.formats.base import BoxRows, ImportedSequence, SequenceSource
from oneclick.video.recordings import SUFFIXES

ORIGIN, KEY = "origin", "key"
"""Attributes in which our own files store the origin of a box, and whether it is a key frame."""
_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_SIDES = ("xtl", "ytl", "xbr", "ybr")


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """List an XML file, or all at or below a folder.

    The frames are the video of the same name beside it (any, where the file is called
    annotations.xml), or the images in the folder of the same name or in `images`.

    Raises:
        BadInput: there is no XML file.
    """
    paths = [path] if path.is_file() else sorted(path.rglob("*.xml"))
    if not paths:
        raise BadInput(f"{path}: no CVAT dataset: there is no .xml file in it")
    root = path.parent if path.is_file() else path
    sources = []
    for file in paths:
        split = base.split_of_names(root.name, *file.parent.relative_to(root).parts)
        sources.append(SequenceSource(str(file.relative_to(root)), split, partial(load, file)))
    return sources


def load(file: Path, origin: str) -> ImportedSequence:
    """Read one XML file.

    Raises:
        BadInput: neither a video nor images lie beside it, or it is not CVAT for video 1.1.
    """
    film = find_video(file)
    images = disk.list_images(file.with_suffix("")) or disk.list_images(file.parent / "images")
    if film is None and not images:
        raise BadInput(f"{file}: no video {file.stem}.mp4 and no folder images/ lies beside it")
    if film is not None:
        info, images = video.probe(film), []
        width, height, fps = info.width, info.height, info.fps
        index = CvatFrameIndex(info.frames)
    else:
        (width, height), fps = disk.image_size(images[0]), None
        index = CvatFrameIndex.of_images(images)
    rows, other_shapes = read_boxes(file, index)
    tracks, notes = base.build_tracks(rows, width, height, origin)
    if other_shapes:
        notes["shapes other than boxes left out"] = other_shapes
    return ImportedSequence(
        width=width,
        height=height,
        tracks=tracks,
        images=tuple(images),
        video=film,
        fps=fps,
        notes=notes,
    )


def find_video(file: Path) -> Path | None:
    """Return the video beside an XML file: of the same name, or the only one by annotations.xml."""
    videos = sorted(p for p in file.parent.iterdir() if p.suffix.lower() in SUFFIXES)
    namesakes = [path for path in videos if path.stem == file.stem]
    only_one = videos if file.stem == "annotations" and len(videos) == 1 else []
    return next(iter(namesakes or only_one), None)


@dataclass(frozen=True)
class CvatFrameIndex:
    """From CVAT's frame numbers to frames of the clip."""

    length: int
    indices: Mapping[int, int] | None = None
    """By frame number; None where both are the same."""

    @classmethod
    def of_images(cls, images: Sequence[Path]) -> CvatFrameIndex:
        """Read the frame numbers off the names of images.

        Of a part of a video CVAT names them by their numbers in the whole: frame_000120.png.
        """
        matches = [re.fullmatch(r"frame_(\d{6,})", path.stem) for path in images]
        indices = {int(match[1]): k for k, match in enumerate(matches) if match}
        return cls(len(images), indices if len(indices) == len(images) else None)

    def index_of(self, frame: int, place: str) -> int:
        """Return the frame in the clip. Raises BadLabels, naming the `place`, if there is none."""
        index = frame if self.indices is None else self.indices.get(frame, -1)
        if not 0 <= index < self.length:
            raise BadLabels(f"{place}: there is no such frame; pictures and labels do not fit")
        return index


def read_boxes(file: Path, index: CvatFrameIndex) -> tuple[BoxRows, int]:
    """Return the boxes of a file, interpolated ones too, and how many shapes are no boxes.

    Raises:
        BadLabels: naming the track and frame that is broken.
    """
    rows, other_shapes = BoxRows(), 0
    for track in iterate_tracks(file):
        other_shapes += sum(1 for shape in track if shape.tag in _SHAPES)
        name = f"{file}: track {track.get('id')}"
        boxes = sorted(
            (CvatBox.parse(element, name, index) for element in track.iter("box")),
            key=attrgetter("frame"),
        )
        try:
            track_id = int(track.get("id", ""))
        except ValueError:
            raise BadLabels(f"{name}: the id of a track is a whole number") from None
        for box in interpolate(boxes):
            stored_key = box.attributes.pop(KEY, None)
            origin = box.attributes.pop(ORIGIN, "" if box.keyframe else INTERPOLATED)
            rows.add(
                frame=box.frame,
                track_id=track_id,
                cls=track.get("label", ""),
                box=box.sides,
                origin=origin,
                # What CVAT interpolates after a key frame repeats its attributes, KEY as well.
                keyframe=box.keyframe and stored_key != "false",
                attributes=box.attributes,
            )
    return rows, other_shapes


def iterate_tracks(file: Path) -> Iterator[Element]:
    """Yield the <track> elements, one in memory at a time.

    Raises:
        BadInput: the file cannot be read, or is not CVAT for video 1.1.
    """
    try:
        root_tag = ""
        for event, element in ElementTree.iterparse(file, ("start", "end")):
            root_tag = root_tag or element.tag
            if root_tag != "annotations" or element.tag == "image":
                raise BadLabels(
                    f"{file}: not CVAT for video 1.1: it holds {element.tag}; export it as that"
                )
            if event == "end" and element.tag == "track":
                yield element
                element.clear()
    except ElementTree.ParseError as error:
        raise BadLabels(f"{file}: no XML: {error}") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None


@dataclass(kw_only=True)
class CvatBox:
    """One <box>."""

    frame: int
    sides: tuple[float, float, float, float]
    """px, x1 y1 x2 y2."""
    outside: bool
    keyframe: bool
    attributes: dict[str, str]

    @classmethod
    def parse(cls, element: Element, track: str, index: CvatFrameIndex) -> CvatBox:
        """Read an element. Raises BadLabels, naming the track and frame, if it is broken."""
        place = f"{track}, frame {element.get('frame')}"
        try:
            x1, y1, x2, y2 = (float(element.attrib[name]) for name in _SIDES)
            frame = int(element.attrib["frame"])
        except (KeyError, ValueError) as error:
            raise BadLabels(f"{place}: a number is missing or broken: {error}") from None
        if not np.isfinite([x1, y1, x2, y2]).all() or x2 < x1 or y2 < y1:
            raise BadLabels(f"{place}: box turned inside out")
        attributes = {a.get("name", ""): a.text or "" for a in element.iter("attribute")}
        if element.get("occluded") == "1":
            attributes.setdefault("occluded", "true")
        return cls(
            frame=index.index_of(frame, place),
            sides=(x1, y1, x2, y2),
            outside=element.get("outside") == "1",
            keyframe=element.get("keyframe", "1") == "1",
            attributes=attributes,
        )


def interpolate(boxes: Sequence[CvatBox]) -> Iterator[CvatBox]:
    """Yield the visible boxes of a track, and linear interpolations between them.

    An interpolated box has the attributes of the box before it, but for ORIGIN and KEY.
    """
    for k, box in enumerate(boxes):
        if box.outside:
            continue
        yield box
        if k + 1 == len(boxes) or boxes[k + 1].outside:
            continue
        following = boxes[k + 1]
        first, last = np.array(box.sides), np.array(following.sides)
        for frame in range(box.frame + 1, following.frame):
            share = (frame - box.frame) / (following.frame - box.frame)
            x1, y1, x2, y2 = (first + share * (last - first)).tolist()
            attributes = {n: v for n, v in box.attributes.items() if n not in (ORIGIN, KEY)}
            yield CvatBox(
                frame=frame,
                sides=(x1, y1, x2, y2),
                outside=False,
                keyframe=False,
                attributes=attributes,
            )
