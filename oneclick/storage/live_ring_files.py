"""Files of a camera's ring: a sequence of records that only grows, and where each record lies.

A record is a fixed head (magic, lengths, checksum, number, time), a JSON header and a JPEG. A file
is named after the number of its first record.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_files

MAX_HEADER, MAX_JPEG = 1 << 20, 16 << 20
"""Bytes of one record's parts."""
_MAGIC = b"ocr1"
_HEAD = struct.Struct(">4sIIIQd")  # magic, bytes of header and JPEG, crc32 of both, number, time
_NAME = re.compile(r"(\d{12})\.ring")


def encode(seq: int, time: float, header: bytes, jpeg: bytes) -> bytes:
    """Return a whole record.

    Raises:
        ValueError: a part is too large.
    """
    if len(header) > MAX_HEADER or len(jpeg) > MAX_JPEG:
        raise ValueError(f"a record of {len(header):,} + {len(jpeg):,} bytes is too large")
    checksum = zlib.crc32(jpeg, zlib.crc32(header))
    return _HEAD.pack(_MAGIC, len(header), len(jpeg), checksum, seq, time) + header + jpeg


def path_of(folder: Path, seq: int) -> Path:
    """Return the file that begins with the record of this number."""
    return folder / f"{seq:012d}.ring"


def paths(folder: Path) -> list[tuple[Path, int]]:
    """Return the files of a ring with the number of their first record, oldest first."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    matches = (_NAME.fullmatch(name) for name in names)
    return [(folder / match[0], int(match[1])) for match in matches if match]


class RecordPlace(NamedTuple):
    """Where a record lies, with what its head says."""

    path: Path
    offset: int
    header_bytes: int
    jpeg_bytes: int
    checksum: int
    seq: int
    time: float


class RingFileIndex:
    """Where the records of one file are.

    Args:
        path: the file, which may grow.
        first: least number of a record in it, from its name.
    """

    def __init__(self, path: Path, first: int) -> None:
        self._path, self._end, self._least = path, 0, first
        self.records: list[RecordPlace] = []

    def extend(self) -> None:
        """Add the records that became complete since the last call."""
        with (
            contextlib.suppress(BadInput),  # pruned meanwhile, or no regular file
            bounded_files.open_regular(self._path, bounded_files.ANY_SIZE) as file,
        ):
            size = os.fstat(file.fileno()).st_size
            while self._end + _HEAD.size <= size:
                head = os.pread(file.fileno(), _HEAD.size, self._end)
                magic, header_bytes, jpeg_bytes, checksum, seq, time = _HEAD.unpack(head)
                end = self._end + _HEAD.size + header_bytes + jpeg_bytes
                is_head = magic == _MAGIC and seq >= self._least and math.isfinite(time)
                if not is_head or header_bytes > MAX_HEADER or jpeg_bytes > MAX_JPEG or end > size:
                    return
                place = (self._path, self._end + _HEAD.size, header_bytes, jpeg_bytes)
                self.records.append(RecordPlace(*place, checksum, seq, time))
                self._end, self._least = end, seq + 1


class GrowingFile:
    """The file that grows.

    Args:
        path: of the new file.
        time: of its first picture.
    """

    def __init__(self, path: Path, time: float) -> None:
        self.path, self.start, self.stop, self.size = path, time, time, 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)

    def write(self, record: bytes, time: float) -> None:
        """Append a record; what a full disk lets in of it is taken back. Raises OSError."""
        rest = memoryview(record)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(record)
        self.stop = time

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
