"""Formats of other tools: COCO, YOLO, MOTChallenge and CVAT for video, each written and read.

A format is one module with a `Writer` and a `find`; everything else is here by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oneclick.core.errors import UnknownName
from oneclick.formats import coco, cvat, mot, yolo
from oneclick.formats.base import Incoming, Outgoing, Reader, Source, Writer

__all__ = ["FORMATS", "Format", "Incoming", "Outgoing", "Reader", "Source", "Writer", "get"]


@dataclass(frozen=True)
class Format:
    """One way in and out."""

    writer: Callable[..., Writer]
    """Made of the folder and the class names."""
    find: Reader
    lost: str
    """What of our labels it cannot hold; empty where nothing is lost."""
    video: bool = False
    """Whether the clip itself goes along in place of its pictures."""


FORMATS: dict[str, Format] = {
    "coco": Format(coco.Writer, coco.find, coco.LOST),
    "yolo": Format(yolo.Writer, yolo.find, yolo.LOST),
    "mot": Format(mot.Writer, mot.find, mot.LOST),
    "cvat": Format(cvat.Writer, cvat.find, cvat.LOST, video=True),
}


def get(name: str) -> Format:
    """The format of that name. Raises UnknownName."""
    if name not in FORMATS:
        raise UnknownName("format", name, list(FORMATS))
    return FORMATS[name]
