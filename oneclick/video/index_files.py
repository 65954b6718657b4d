"""Indexes of recordings, each in a file beside its video, so that no process builds one again.

`videos/<camera>/.<name of the video>.index` is a copy of what the video tells: without it, or where
it is damaged, older than its video or of another version, the index is built again and nothing is
said. Backups leave it out, since its name begins with a dot.

It is one line of JSON, then the compressed columns of the packets and frames. The line says which
video and which versions the index is of, and holds the sha256 of the columns.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from collections import OrderedDict
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick import __version__
from oneclick.core.errors import BadInput, BadVideo, NoSpace, Unavailable
from oneclick.storage import bounded_files, files
from oneclick.storage.bounded_documents import JsonDecoder
from oneclick.video.frame_index import FrameIndex, VideoInfo
from oneclick.video.packets import PacketTable
from oneclick.video.presentation import Presentation

SUFFIX = ".index"
FORMAT = 1
"""Raised when an index of the same video would come out otherwise."""
_MOST_PACKETS = 1 << 24
"""Packets of a video whose index is kept: six days at 30 a second."""
_MOST_BYTES = 32 * _MOST_PACKETS
_SAMPLES, _SAMPLE_BYTES = 16, 4096
"""Places of a video, and bytes at each, by which one of the same size and time is told apart."""
_NUMBERS = ("stamps", "decode_stamps", "positions", "places")
_FLAGS = ("is_key", "is_discarded", "is_damaged", "is_repeat")


class VideoIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """By which a video file is known again, wherever it was copied to."""

    size: int
    """Bytes."""
    modified_ns: int
    """Time of its last change, ns since 1970."""
    samples: str
    """sha256 of bytes at places all over it."""


class IndexHeader(msgspec.Struct, frozen=True, kw_only=True):
    """First line of an index file."""

    format: int
    code: str
    """Versions of oneclick and of what decodes."""
    video: VideoIdentity
    columns: str
    """sha256 of the compressed columns."""
    packets: int
    frames: int
    info: VideoInfo
    codec: str
    presentation: Presentation
    is_new_format: bool
    is_decoded: bool
    strict: bool


_HEADER = JsonDecoder[IndexHeader](IndexHeader)


class RecentIndexes:
    """The indexes that this process used last, by file, whatever name the file goes by."""

    def __init__(self, most: int = 8) -> None:
        self._most, self._lock = most, threading.Lock()
        self._indexes: OrderedDict[tuple[int, ...], FrameIndex] = OrderedDict()

    def get(self, status: os.stat_result) -> FrameIndex | None:
        """Return the index of a file that has not changed since."""
        return self._indexes.get(_key(status))

    def add(self, status: os.stat_result, index: FrameIndex) -> None:
        """Remember the index of a file; the one unused longest makes room."""
        with self._lock:
            self._indexes[_key(status)] = index
            while len(self._indexes) > self._most:
                self._indexes.popitem(last=False)


def path_of(video: Path) -> Path:
    """Return where the index of a video lies."""
    return video.with_name(f".{video.name}{SUFFIX}")


def remove_orphans(folder: Path) -> None:
    """Remove the indexes of videos that are gone from a folder. Raises Unavailable."""
    for path in folder.glob(f".*{SUFFIX}"):
        if not path.with_name(path.name[1 : -len(SUFFIX)]).exists():
            with files.guard(path):
                path.unlink(missing_ok=True)


def write(video: Path, status: os.stat_result, index: FrameIndex) -> None:
    """Write the index of a video beside it, where that can be written.

    Args:
        video: the file.
        status: its status before the index was built; one that has changed since gets no index.
        index: of the video.
    """
    if len(index.table) <= _MOST_PACKETS:
        with contextlib.suppress(OSError, BadVideo, NoSpace, Unavailable):
            files.write_atomic(path_of(video), _encode(index, _identity(video, status)))


def is_current(video: Path, status: os.stat_result) -> bool:
    """Check whether the index beside a video claims to be of this very file and these versions."""
    try:
        with bounded_files.open_regular(path_of(video), _MOST_BYTES) as file:
            header = _HEADER.decode(file.readline(_MOST_BYTES))
        return _is_of(header, video, status)
    except (OSError, BadInput, BadVideo):
        return False


def load(video: Path, status: os.stat_result) -> FrameIndex | None:
    """Read the index of a video; None where there is none that is sound and of this very file."""
    try:
        content = bounded_files.read_bytes(path_of(video), _MOST_BYTES)
        line, _, columns = content.partition(b"\n")
        header = _HEADER.decode(line)
        if header.columns != sha256(columns).hexdigest() or not _is_of(header, video, status):
            return None
        return _decode(header, columns)
    except (OSError, BadInput, BadVideo, ValueError, zlib.error):
        return None


def _key(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _code() -> str:
    decoder = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"{__version__} {av.__version__} {decoder}"


def _is_of(header: IndexHeader, video: Path, status: os.stat_result) -> bool:
    is_readable = (header.format, header.code) == (FORMAT, _code())
    return is_readable and header.video == _identity(video, status)


def _identity(video: Path, status: os.stat_result) -> VideoIdentity:
    """Return what a video file is known by.

    Raises:
        BadVideo: it is not the file of the status any more. OSError.
    """
    digest = sha256()
    with bounded_files.open_regular(video, bounded_files.ANY_SIZE, BadVideo) as file:
        if _key(os.fstat(file.fileno())) != _key(status):
            raise BadVideo(f"{video.name} has changed: run again")
        for place in np.linspace(0, max(0, status.st_size - _SAMPLE_BYTES), _SAMPLES):
            file.seek(int(place))
            digest.update(file.read(_SAMPLE_BYTES))
    return VideoIdentity(
        size=status.st_size, modified_ns=status.st_mtime_ns, samples=digest.hexdigest()
    )


def _encode(index: FrameIndex, identity: VideoIdentity) -> bytes:
    table = index.table
    ticks = [getattr(table, name) for name in _NUMBERS]
    flags = [getattr(table, name) for name in _FLAGS]
    content = b"".join(
        [
            *(_steps(column).tobytes() for column in [*ticks, index.order]),
            *(column.tobytes() for column in flags),
            index.seconds.astype("<f8").tobytes(),
        ]
    )
    columns = zlib.compress(content, 1)
    header = IndexHeader(
        format=FORMAT,
        code=_code(),
        video=identity,
        columns=sha256(columns).hexdigest(),
        packets=len(table),
        frames=len(index.order),
        info=index.info,
        codec=index.codec,
        presentation=index.presentation,
        is_new_format=table.is_new_format,
        is_decoded=index.is_decoded,
        strict=index.strict,
    )
    return msgspec.json.encode(header) + b"\n" + columns


def _decode(header: IndexHeader, columns: bytes) -> FrameIndex:
    """Return an index from its parts.

    Raises:
        ValueError: they do not belong together.
    """
    packets, frames = header.packets, header.frames
    if not 0 < min(packets, frames) <= max(packets, frames) <= _MOST_PACKETS:
        raise ValueError("no such number of frames")
    length = packets * (8 * len(_NUMBERS) + len(_FLAGS)) + 16 * frames
    content = zlib.decompressobj().decompress(columns, length + 1)
    if len(content) != length:
        raise ValueError("columns of another length")
    at = 0

    def column(kind: str, count: int) -> NDArray[np.generic]:
        nonlocal at
        values = np.frombuffer(content, kind, count, at)
        at += values.nbytes
        return values

    ticks = [np.cumsum(column("<i8", packets), dtype=np.int64) for _ in _NUMBERS]
    order = np.cumsum(column("<i8", frames), dtype=np.int64)
    flags = [column("?", packets).astype(np.bool_) for _ in _FLAGS]
    seconds = column("<f8", frames).astype(np.float64)
    if order.min() < 0 or order.max() >= packets or frames != header.info.frames:
        raise ValueError("frames of packets that are not there")
    columns_by_name: dict[str, Any] = dict(zip((*_NUMBERS, *_FLAGS), (*ticks, *flags), strict=True))
    return FrameIndex(
        info=header.info,
        codec=header.codec,
        presentation=header.presentation,
        table=PacketTable(**columns_by_name, is_new_format=header.is_new_format),
        order=order,
        seconds=seconds,
        is_decoded=header.is_decoded,
        strict=header.strict,
    )


def _steps(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the difference of each number from the one before, which compresses well."""
    with np.errstate(over="ignore"):
        return np.diff(column, prepend=np.int64(0)).astype("<i8")
