"""CVAT for video 1.1 to sequences of labelled frames.

Where a track has no box and none with outside="1" said that it ended, CVAT draws a straight line,
and so do we. Boxes that CVAT drew and no person set are `i` unless the file names their origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from oneclick import video
from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.tracks import INTERPOLATED
from oneclick.formats import base, disk
from oneclick.formats.base import Incoming, Rows, Source
from oneclick.video.recordings import SUFFIXES

ORIGIN, KEY = "origin", "key"
"""Attributes that are ours."""
_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_NUMBERS = ("xtl", "ytl", "xbr", "ybr")


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[Source]:
    """An XML file, or all at or below a folder.

    The pictures are the video of the same name beside it (any, where the file is called
    annotations.xml), or the folder `images` or the one of the same name.

    Raises:
        BadInput: there is no XML file.
    """
    found = [path] if path.is_file() else sorted(path.rglob("*.xml"))
    if not found:
        raise BadInput(f"{path}: no CVAT dataset: there is no .xml file in it")
    root = path.parent if path.is_file() else path
    return [_source(file, root) for file in found]


def _source(file: Path, root: Path) -> Source:
    def load(origin: str) -> Incoming:
        return _load(file, origin)

    above = file.parent.relative_to(root).parts
    return Source(str(file.relative_to(root)), base.side(root.name, *above), load)


def _load(file: Path, origin: str) -> Incoming:
    film, pictures = _film(file), _pictures(file)
    if film is None and not pictures:
        raise BadInput(f"{file}: no video {file.stem}.mp4 and no folder images/ lies beside it")
    if film is not None:
        seen = video.probe(film)
        size, fps, places = (seen.width, seen.height), seen.fps, _Places(seen.frames)
        pictures = []
    else:
        size, fps, places = disk.picture_size(pictures[0]), None, _numbered(pictures)
    rows, left_out = _read(file, places)
    tracks, notes = base.tracks(rows, *size, origin)
    if left_out:
        notes["shapes other than boxes left out"] = left_out
    return Incoming(*size, tracks, tuple(pictures), film, fps, notes)


def _film(file: Path) -> Path | None:
    beside = sorted(p for p in file.parent.iterdir() if p.suffix.lower() in SUFFIXES)
    same = [film for film in beside if film.stem == file.stem]
    alone = beside if file.stem == "annotations" and len(beside) == 1 else []
    return next(iter(same or alone), None)


def _pictures(file: Path) -> list[Path]:
    return disk.pictures(file.with_suffix("")) or disk.pictures(file.parent / "images")


@dataclass(frozen=True)
class _Places:
    """From CVAT's frame numbers to places in the clip."""

    length: int
    known: Mapping[int, int] | None = None
    """None where the numbers are the places."""

    def of(self, frame: int, where: str) -> int:
        place = frame if self.known is None else self.known.get(frame, -1)
        if not 0 <= place < self.length:
            raise BadLabels(f"{where}: there is no such frame; pictures and labels do not fit")
        return place


def _numbered(pictures: Sequence[Path]) -> _Places:
    """CVAT names the pictures of a part of a video by their numbers in it: frame_000120.png."""
    named = [re.fullmatch(r"frame_(\d{6,})", path.stem) for path in pictures]
    known = {int(found[1]): k for k, found in enumerate(named) if found}
    return _Places(len(pictures), known if len(known) == len(pictures) else None)


def _read(file: Path, places: _Places) -> tuple[Rows, int]:
    """The boxes, and how many shapes are none."""
    rows, left_out = Rows(), 0
    for track in _tracks(file):
        left_out += sum(1 for shape in track if shape.tag in _SHAPES)
        name = f"{file}: track {track.get('id')}"
        boxes = sorted((_Box.of(one, name, places) for one in track.iter("box")), key=_frame)
        number, cls = _number(track.get("id", ""), name), track.get("label", "")
        for box in _filled(boxes):
            key = box.said.pop(KEY, None)
            origin = box.said.pop(ORIGIN, "" if box.key else INTERPOLATED)
            # What CVAT draws after a key frame repeats its attributes, "key" as well.
            set_ = box.key and key != "false"
            rows.add(box.frame, number, cls, box.sides, 1.0, origin, set_, box.said)
    return rows, left_out


def _tracks(file: Path) -> Iterator[Element]:
    """One track at a time."""
    try:
        seen = ""
        for event, found in ElementTree.iterparse(file, ("start", "end")):
            seen = seen or found.tag
            if seen != "annotations" or found.tag == "image":
                raise BadLabels(
                    f"{file}: not CVAT for video 1.1: it holds {found.tag}; export it as that"
                )
            if event == "end" and found.tag == "track":
                yield found
                found.clear()
    except ElementTree.ParseError as error:
        raise BadLabels(f"{file}: no XML: {error}") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None


def _number(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadLabels(f"{where}: the id of a track is a whole number") from None


@dataclass
class _Box:
    """One <box>."""

    frame: int
    sides: tuple[float, float, float, float]
    outside: bool
    key: bool
    said: dict[str, str]

    @classmethod
    def of(cls, found: Element, track: str, places: _Places) -> _Box:
        where = f"{track}, frame {found.get('frame')}"
        try:
            x1, y1, x2, y2 = (float(found.attrib[name]) for name in _NUMBERS)
            frame = int(found.attrib["frame"])
        except (KeyError, ValueError) as error:
            raise BadLabels(f"{where}: a number is missing or broken: {error}") from None
        if not np.isfinite([x1, y1, x2, y2]).all() or x2 < x1 or y2 < y1:
            raise BadLabels(f"{where}: box turned inside out")
        said = {one.get("name", ""): one.text or "" for one in found.iter("attribute")}
        if found.get("occluded") == "1":
            said.setdefault("occluded", "true")
        flags = found.get("outside") == "1", found.get("keyframe", "1") == "1"
        frame = places.of(frame, where)
        return cls(frame, (x1, y1, x2, y2), *flags, said)


def _frame(box: _Box) -> int:
    return box.frame


def _filled(boxes: Sequence[_Box]) -> Iterator[_Box]:
    """The visible boxes, with straight lines where CVAT would draw them."""
    for k, box in enumerate(boxes):
        if box.outside:
            continue
        yield box
        if k + 1 < len(boxes) and not boxes[k + 1].outside:
            yield from _line(box, boxes[k + 1])


def _line(box: _Box, after: _Box) -> Iterator[_Box]:
    first, last = np.array(box.sides), np.array(after.sides)
    for frame in range(box.frame + 1, after.frame):
        share = (frame - box.frame) / (after.frame - box.frame)
        x1, y1, x2, y2 = (first + share * (last - first)).tolist()
        said = {name: value for name, value in box.said.items() if name not in (ORIGIN, KEY)}
        yield _Box(frame, (x1, y1, x2, y2), False, False, said)
