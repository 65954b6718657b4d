"""Size and EXIF orientation of a picture, from its header alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_MAX_SEGMENTS = 4096
"""Segments of a JPEG, chunks of a PNG or WebP, entries of a TIFF directory, that are looked at."""
_MAX_EXIF = 1 << 16
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
"""Tags of TIFF, and of EXIF."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PictureHeader:
    """What a header says of a picture."""

    width: int
    """px, as stored."""
    height: int
    orientation: int = 1
    """EXIF, 1 to 8: how the stored pixels are turned to be shown; 1 leaves them."""

    @property
    def stored_size(self) -> tuple[int, int]:
        """Return (width, height) of the stored pixels."""
        return self.width, self.height

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) as shown."""
        is_turned = self.orientation >= 5
        return (self.height, self.width) if is_turned else (self.width, self.height)

    def show_box(self, box: Box) -> Box:
        """Convert a box of the stored pixels, x1 y1 x2 y2, to one of the picture as shown."""
        x1, y1, x2, y2 = box
        if self.orientation in (2, 3, 7, 8):
            x1, x2 = self.width - x2, self.width - x1
        if self.orientation in (3, 4, 6, 7):
            y1, y2 = self.height - y2, self.height - y1
        return (y1, x1, y2, x2) if self.orientation >= 5 else (x1, y1, x2, y2)

    def show(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn stored pixels, (H, W, 3), as they are shown."""
        if self.orientation in (2, 3, 7, 8):
            image = image[:, ::-1]
        if self.orientation in (3, 4, 6, 7):
            image = image[::-1]
        if self.orientation >= 5:
            image = image.transpose(1, 0, 2)
        return np.ascontiguousarray(image)


def read(file: BinaryIO) -> PictureHeader | None:
    """Read the header of a JPEG, PNG, BMP, WebP or TIFF; else return None.

    Raises:
        struct.error, ValueError: the header ends too early, or points out of the file.
    """
    head = file.read(32)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", head, 16)
        return PictureHeader(int(width), int(height), _chunk_orientation(file, 8, ">", b"eXIf"))
    if head.startswith(b"\xff\xd8"):
        return _jpeg(file)
    if head.startswith(b"BM"):
        if struct.unpack_from("<I", head, 14)[0] == 12:  # the header of OS/2
            width, height = struct.unpack_from("<HH", head, 18)
        else:
            width, height = struct.unpack_from("<ii", head, 18)
        return PictureHeader(abs(int(width)), abs(int(height)))  # negative: rows from the top
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if size := _webp_size(head):
            return PictureHeader(*size, _chunk_orientation(file, 12, "<", b"EXIF"))
        return None
    if head[:4] in (b"II*\0", b"MM\0*"):
        tags = _tiff_tags(file, 0)
        if _WIDTH in tags and _HEIGHT in tags:
            return PictureHeader(tags[_WIDTH], tags[_HEIGHT], _orientation(tags))
    return None


def _jpeg(file: BinaryIO) -> PictureHeader | None:
    """Find the frame header (ITU-T T.81, B.2.2) and the EXIF segment before it."""
    file.seek(2)
    orientation = 1
    for _ in range(_MAX_SEGMENTS):
        marker = file.read(2)
        while marker[1:] == b"\xff":  # fill bytes
            marker = b"\xff" + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            return None
        start = file.tell()
        length, _, height, width = struct.unpack(">HBHH", file.read(7))
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            return PictureHeader(int(width), int(height), orientation)
        if marker[1] == 0xE1 and orientation == 1:
            file.seek(start + 2)
            orientation = _exif_orientation(file, file.read(6) == b"Exif\0\0")
        file.seek(start + int(length))
    return None


def _chunk_orientation(file: BinaryIO, start: int, order: str, name: bytes) -> int:
    """Find the EXIF chunk of a PNG, before its pixels, or of a WebP, and read its orientation."""
    at = start
    for _ in range(_MAX_SEGMENTS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return 1
        if order == ">":
            length, kind = struct.unpack(">I4s", head)
            following = at + int(length) + 12  # with a checksum
        else:
            kind, length = struct.unpack("<4sI", head)
            following = at + 8 + int(length) + int(length) % 2
        if kind == name:
            has_prefix = file.read(6) == b"Exif\0\0"
            if not has_prefix:
                file.seek(at + 8)
            return _exif_orientation(file, True)
        if kind == b"IDAT":
            return 1
        at = following
    return 1


def _exif_orientation(file: BinaryIO, is_exif: bool) -> int:
    """Read the orientation of the TIFF structure here; 1 where it is broken."""
    if not is_exif:
        return 1
    try:
        return _orientation(_tiff_tags(file, file.tell()))
    except (struct.error, OverflowError, ValueError):
        return 1


def _orientation(tags: dict[int, int]) -> int:
    number = tags.get(_ORIENTATION, 1)
    return number if 1 <= number <= 8 else 1


def _webp_size(head: bytes) -> tuple[int, int] | None:
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return int(width) & 0x3FFF, int(height) & 0x3FFF
    return None


def _tiff_tags(file: BinaryIO, base: int) -> dict[int, int]:
    """Return width, height and orientation of the first directory of a TIFF that begins here."""
    file.seek(base)
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("no TIFF")
    offset = struct.unpack_from(f"{order}I", head, 4)[0]
    if base and offset > _MAX_EXIF:
        raise ValueError("EXIF that points out of its segment")
    file.seek(base + offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    tags: dict[int, int] = {}
    for _ in range(min(count, _MAX_SEGMENTS)):
        entry = file.read(12)
        tag, kind = struct.unpack_from(f"{order}HH", entry)
        if tag in (_WIDTH, _HEIGHT, _ORIENTATION):
            tags[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", entry, 8)[0]
    return tags
