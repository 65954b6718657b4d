"""Pictures and texts of a dataset on disk."""

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

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def pictures(folder: Path) -> list[Path]:
    """The pictures that lie in a folder itself, in order of the numbers in their names."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if is_picture(path)]
    return sorted(found, key=lambda path: natural(path.name))


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture; temporaries begin with a dot."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key by which 2.jpg stands before 10.jpg."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def runs(sizes: Sequence[tuple[int, int]], longest: int | None = None) -> Iterator[tuple[int, int]]:
    """(start, stop) of runs of equal sizes, cut to `longest`."""
    numbered = itertools.groupby(range(len(sizes)), key=sizes.__getitem__)
    for members in (list(group) for _, group in numbered):
        stop, step = members[-1] + 1, longest or len(members)
        yield from ((start, min(start + step, stop)) for start in range(members[0], stop, step))


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) in px as stored, from the head of the file where that tells.

    Raises:
        BadInput: it is missing or no picture.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    if head.startswith(b"\x89PNG\r\n") and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    return (_jpeg_size(head) if head.startswith(b"\xff\xd8") else None) or _decoded_size(path)


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        kind = head[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(head[at + k : at + k + 2], "big") for k in (5, 7))
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def _decoded_size(path: Path) -> tuple[int, int]:
    image = decode(path.read_bytes(), path)
    return image.shape[1], image.shape[0]


def decode(content: bytes, path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 BGR as stored, not turned. Raises BadInput naming `path`."""
    import cv2

    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise BadInput(f"{path}: not a picture that can be read")
    return cast(NDArray[np.uint8], image)


def place(source: Path, target: Path) -> None:
    """Bring a file over: a hard link where the disk can, else a copy.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    with files.guard(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
        shutil.copyfile(source, target)


def write(path: Path, lines: Iterable[str]) -> None:
    """A text file; the folder around it is what is atomic. Raises NoSpace or Unavailable."""
    with files.guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
