"""Pictures of strangers: size from the header, and pixels only where they fit into memory."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_files
from oneclick.storage.bounded_files import MEBIBYTE

MAX_BYTES = 128 * MEBIBYTE
MAX_PIXELS = 50_000_000
"""One and a half times a picture of 8K; decoded it takes 150 MB."""
_MAX_SEGMENTS = 4096
"""Segments of a JPEG, entries of a TIFF directory, before the size."""


def size(path: Path) -> tuple[int, int]:
    """Return (width, height) in px as stored, from the header of the file.

    Raises:
        BadInput: the file is missing, no picture, or too large.
    """
    with bounded_files.open_regular(path, MAX_BYTES) as file:
        return _checked_size(file, path)


def read(path: Path) -> bytes:
    """Return the content of a picture whose header is that of one. Raises as `size`."""
    size(path)
    return bounded_files.read_bytes(path, MAX_BYTES)


def decode(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Decode a picture to (H, W, 3) uint8 BGR as stored, ignoring its EXIF orientation.

    Raises:
        BadInput: naming `path`, if it is no picture, or too large.
    """
    import io

    import cv2

    _checked_size(io.BytesIO(content), path)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise BadInput(f"{path}: not a picture that can be read; save it again or remove it")
    return cast(NDArray[np.uint8], image)


def _checked_size(file: BinaryIO, path: Path) -> tuple[int, int]:
    try:
        width, height = header_size(file) or (0, 0)
    except (struct.error, OverflowError, ValueError):  # the header ends too early
        width, height = 0, 0
    if width <= 0 or height <= 0:
        raise BadInput(
            f"{path}: not a picture that can be read (JPEG, PNG, BMP, WebP or TIFF); save it again "
            "or remove it"
        )
    if width * height > MAX_PIXELS:
        raise BadInput(
            f"{path} has {width}x{height} px, at most {MAX_PIXELS:,} are read: scale it down or "
            "remove it"
        )
    return width, height


def header_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return (width, height) from the header of a JPEG, PNG, BMP, WebP or TIFF; else None.

    Raises:
        struct.error, ValueError: the header ends too early, or points out of the file.
    """
    head = file.read(32)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", head, 16)
        return int(width), int(height)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(file)
    if head.startswith(b"BM"):
        if struct.unpack_from("<I", head, 14)[0] == 12:  # the header of OS/2
            width, height = struct.unpack_from("<HH", head, 18)
        else:
            width, height = struct.unpack_from("<ii", head, 18)
        return abs(int(width)), abs(int(height))  # a negative height: rows from top to bottom
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_size(head)
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_size(file, "<" if head[:2] == b"II" else ">", head)
    return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Find the frame header (ITU-T T.81, B.2.2)."""
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        marker = file.read(2)
        while marker[1:] == b"\xff":  # fill bytes
            marker = b"\xff" + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            return None
        length, _, height, width = struct.unpack(">HBHH", file.read(7))
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            return int(width), int(height)
        file.seek(int(length) - 7, 1)
    return None


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


def _tiff_size(file: BinaryIO, order: str, head: bytes) -> tuple[int, int] | None:
    """Find width and height (tags 256 and 257) in the first directory."""
    file.seek(struct.unpack_from(f"{order}I", head, 4)[0])
    (count,) = struct.unpack(f"{order}H", file.read(2))
    sides: dict[int, int] = {}
    for _ in range(min(count, _MAX_SEGMENTS)):
        entry = file.read(12)
        tag, kind = struct.unpack_from(f"{order}HH", entry)
        if tag in (256, 257):
            sides[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", entry, 8)[0]
    return (sides[256], sides[257]) if len(sides) == 2 else None
