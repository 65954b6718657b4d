"""MP4 files with an edit list, as phones and editors write them (ISO/IEC 14496-12, 8.6.6)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.video_frames import Recorder, record

TICKS = 512
"""Ticks from one frame to the next in the files of our recorders."""
_MOVIE_TICKS = 40
"""Ticks of the whole film's clock from one frame to the next."""
_FIRST = 1024
"""Time of the first picture of a recorder that reorders two of them, in ticks."""


def record_edited(path: Path, edits: Sequence[tuple[int, int]]) -> None:
    """Write 100 reordered pictures of which edits show some.

    Args:
        path: an MP4 file; its table of samples comes last.
        edits: first picture and number of pictures of each part that is shown.
    """
    data = record(path, Recorder(b_frames=2)).read_bytes()
    rows = b"".join(
        struct.pack(">IiHH", count * _MOVIE_TICKS, _FIRST + first * TICKS, 1, 0)
        for first, count in edits
    )
    content = struct.pack(">II", 0, len(edits)) + rows
    movie = _span(data, 0, len(data), b"moov")
    track = _span(data, movie[0] + 8, movie[1], b"trak")
    head = _span(data, track[0] + 8, track[1], b"tkhd")
    old = _span(data, track[0] + 8, track[1], b"edts")
    parts = [data[track[0] + 8 : head[1]], _box(b"edts", _box(b"elst", content))]
    track_box = _box(b"trak", b"".join([*parts, data[old[1] : track[1]]]))
    movie_content = data[movie[0] + 8 : track[0]] + track_box + data[track[1] : movie[1]]
    path.write_bytes(data[: movie[0]] + _box(b"moov", movie_content) + data[movie[1] :])


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _span(data: bytes, start: int, stop: int, kind: bytes) -> tuple[int, int]:
    """Return where the first box of a kind begins and ends."""
    while start < stop:
        length, name = struct.unpack(">I4s", data[start : start + 8])
        if name == kind:
            return start, start + length
        start += length
    raise ValueError(f"no box {kind!r}")
