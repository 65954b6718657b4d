"""What cases of labels are made of: pictures whose objects can be seen, and the right value.

Each object is a rectangle in the colour of its class on a dark ground, so that labels can be held
against the pictures they came with, whatever was read on the way.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CLASSES = ("person", "chair")
COLOURS = {"person": (250, 250, 250), "chair": (40, 250, 40)}
"""BGR."""
WIDTH, HEIGHT = 160, 120
Box = tuple[int, int, int, int]
Image = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Right:
    """What is right for a case: all its boxes on their objects, or a line that says why not."""

    boxes: int
    tracks: int | None = None
    """None where the format has none."""
    pictures: int | None = None
    fps: float | None = None
    splits: Mapping[str, int] | None = None
    """Pictures on each side."""
    bare: int = 0
    """Objects that no label has."""
    notes: tuple[str, ...] = ()
    """Parts of lines about what was changed or left out."""
    refused: tuple[str, ...] = ()
    """A part of each line about what was refused, or of the one error."""
    answers: tuple[str, ...] = ()
    """What the user answers, as typed behind --assume."""
    path: str = ""
    """What is imported below the folder of the case."""


Build = Callable[[Path, np.random.Generator], Right]
CASES: dict[str, tuple[str, Build]] = {}
"""Format and builder by name."""


def case(format_name: str) -> Callable[[Build], Build]:
    """Register a builder of a case; its docstring says what is odd about it."""

    def register(build: Build) -> Build:
        CASES[f"{format_name}: {build.__name__.replace('_', ' ')}"] = format_name, build
        return build

    return register


@dataclass(kw_only=True)
class Scene:
    """A person on the left and a chair on the right, which both move."""

    frames: int
    size: tuple[int, int] = (WIDTH, HEIGHT)
    persons: list[Box] = field(default_factory=list)
    """px, x1 y1 x2 y2, by frame."""
    chairs: list[Box] = field(default_factory=list)

    @classmethod
    def random(
        cls, rng: np.random.Generator, frames: int, size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> Scene:
        """Draw sizes and ways at random."""
        scene = cls(frames=frames, size=size)
        half, height = size[0] // 2, size[1]
        for boxes, start in ((scene.persons, 4), (scene.chairs, half + 4)):
            w, h = int(rng.integers(18, 26)), int(rng.integers(40, 60))
            y = int(rng.integers(4, height - h - 4))
            step = (half - w - 12) // max(1, frames - 1)
            boxes += [(start + step * k, y, start + step * k + w, y + h) for k in range(frames)]
        return scene

    def boxes(self, frame: int) -> list[tuple[str, Box]]:
        """Return class and box of both objects."""
        return [("person", self.persons[frame]), ("chair", self.chairs[frame])]

    def image(self, frame: int) -> Image:
        """Draw a frame, BGR."""
        image = np.full((self.size[1], self.size[0], 3), 20 + frame % 10, np.uint8)
        for name, (x1, y1, x2, y2) in self.boxes(frame):
            image[y1:y2, x1:x2] = COLOURS[name]
        return image

    def save(self, folder: Path, names: str = "{:06d}.jpg", first: int = 1) -> None:
        """Write all frames, numbered from `first`."""
        for k in range(self.frames):
            save(folder / names.format(first + k), self.image(k))


def save(path: Path, image: Image, orientation: int = 1) -> None:
    """Write a picture; with an EXIF orientation it is stored turned, and shown upright."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.ascontiguousarray(unturn(image, orientation))
    content = cv2.imencode(path.suffix, stored, [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()
    if orientation != 1:
        tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
        segment = b"Exif\0\0" + tiff
        content = (
            content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]
        )
    path.write_bytes(content)


def unturn(image: Image, orientation: int) -> Image:
    """Return the pixels that EXIF stores for a picture that is shown as `image`."""
    by_orientation: dict[int, Callable[[Image], Any]] = {
        1: lambda i: i,
        2: np.fliplr,
        3: lambda i: np.rot90(i, 2),
        4: np.flipud,
        5: lambda i: i.transpose(1, 0, 2),
        6: lambda i: np.rot90(i, 1),
        7: lambda i: np.rot90(i, 2).transpose(1, 0, 2),
        8: lambda i: np.rot90(i, -1),
    }
    turned: Image = by_orientation[orientation](image)
    return turned


def write(path: Path, text: str | bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def as_json(value: Any) -> str:
    """Return JSON as other tools write it."""
    return json.dumps(value)


def objects(image: Image) -> list[tuple[str, Box]]:
    """Return class and box of every object that a picture shows."""
    seen = []
    for name, colour in COLOURS.items():
        mask = (np.abs(image.astype(int) - colour).max(2) < 90).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        for x, y, w, h, area in stats[1:count].tolist():
            if area > 60:
                seen.append((name, (x, y, x + w, y + h)))
    return seen


def overlap(a: Any, b: Any) -> float:
    """Return the intersection over union of two boxes."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    areas = [(s[2] - s[0]) * (s[3] - s[1]) for s in (a, b)]
    return float(w * h / (sum(areas) - w * h))
