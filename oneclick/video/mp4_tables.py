"""Sample tables of MP4 files, checked against the size of the file before FFmpeg expands them.

A table of 16 bytes may claim four billion samples, for each of which FFmpeg allocates an entry
(ISO/IEC 14496-12, 8.6 to 8.8).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from oneclick.core.errors import BadVideo
from oneclick.storage import bounded_files

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex"})
_TOP = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx"})
_MAX_BOXES = 4_000_000
_MAX_DEPTH = 8
_MAX_RUNS = 1 << 20
"""Entries of a table of times or offsets that are added up."""


def check(path: Path) -> None:
    """Check that an MP4 or MOV file has at least a byte for each sample that it claims.

    Files of other formats pass.

    Raises:
        BadVideo: it claims more, or its boxes cannot be walked.
    """
    with bounded_files.open_regular(path, bounded_files.ANY_SIZE, BadVideo) as file:
        size = file.seek(0, 2)
        file.seek(0)
        if file.read(8)[4:] not in _TOP:
            return
        try:
            samples = _count_samples(file, size)
        except (struct.error, ValueError):
            return  # cut off: FFmpeg says what is missing
    if samples > size:
        raise BadVideo(
            f"{path.name} claims {samples:,} samples in {size:,} bytes: it is damaged or forged; "
            "copy it again"
        )


def _count_samples(file: BinaryIO, size: int) -> int:
    """Return the most samples that one track, or all fragments, claim."""
    largest = fragments = boxes = 0
    waiting = [(0, size, 0)]  # start, end and depth of what is still to walk
    while waiting:
        at, end, depth = waiting.pop()
        while at + 8 <= end:
            boxes += 1
            if boxes > _MAX_BOXES:
                return bounded_files.ANY_SIZE
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            body = at + 8
            if length == 1:
                (length,) = struct.unpack(">Q", file.read(8))
                body = at + 16
            stop = end if length == 0 else min(at + length, end)
            if stop < body:
                break
            if kind in _CONTAINERS and depth < _MAX_DEPTH:
                waiting.append((body, stop, depth + 1))
            elif kind == b"trun":
                file.seek(body + 4)
                fragments += struct.unpack(">I", file.read(4))[0]
            elif kind in (b"stsz", b"stts", b"ctts"):
                largest = max(largest, _table_samples(file, body, stop, kind))
            at = stop
    return max(largest, fragments)


def _table_samples(file: BinaryIO, body: int, stop: int, kind: bytes) -> int:
    """Return the bytes that the samples of a table need at least."""
    file.seek(body + 4)
    if kind == b"stsz":
        sample_size, count = struct.unpack(">II", file.read(8))
        return int(sample_size) * int(count) if sample_size else int(count)
    (entries,) = struct.unpack(">I", file.read(4))
    runs = min(int(entries), (stop - body) // 8, _MAX_RUNS)
    content = file.read(8 * runs)
    return sum(count for count, _ in struct.iter_unpack(">II", content[: len(content) // 8 * 8]))
