"""Image and text files of a dataset on disk."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput
from oneclick.storage import files

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def list_images(folder: Path) -> list[Path]:
    """List the images directly in a folder, in natural order of their names."""
    if not folder.is_dir():
        return []
    images = [path for path in folder.iterdir() if is_image(path)]
    return sorted(images, key=lambda path: natural_key(path.name))


def is_image(path: Path) -> bool:
    """Check whether a file name is that of an image; temporary files begin with a dot."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Return a sort key by which 2.jpg stands before 10.jpg."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def equal_size_runs(
    sizes: Sequence[tuple[int, int]], longest: int | None = None
) -> Iterator[tuple[int, int]]:
    """Yield half-open (start, stop) of runs of equal sizes, of at most `longest` elements."""
    numbered = itertools.groupby(range(len(sizes)), key=sizes.__getitem__)
    for members in (list(group) for _, group in numbered):
        stop, step = members[-1] + 1, longest or len(members)
        yield from ((start, min(start + step, stop)) for start in range(members[0], stop, step))


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in px as stored, from the file header where that is possible.

    Raises:
        BadInput: the file is missing or no image.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    if head.startswith(b"\x89PNG\r\n") and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith(b"\xff\xd8") and (size := jpeg_size(head)):
        return size
    image = decode_image(path.read_bytes(), path)
    return image.shape[1], image.shape[0]


def jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return (width, height) from the frame header of a JPEG (ITU-T T.81, B.2.2), if in `head`."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(head[at + k : at + k + 2], "big") for k in (5, 7))
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def decode_image(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Decode an image to (H, W, 3) uint8 BGR as stored, ignoring its EXIF orientation.

    Raises:
        BadInput: naming `path`, if it is no image.
    """
    import cv2

    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise BadInput(f"{path}: not a picture that can be read")
    return cast(NDArray[np.uint8], image)


def link_or_copy(source: Path, target: Path) -> None:
    """Place `source` at `target`, as a hard link where the file system can, else as a copy.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    with files.guard(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
        shutil.copyfile(source, target)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file, not atomically: the folder around it is written as a whole.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    with files.guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
