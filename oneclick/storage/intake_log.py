"""Predictions of edge cameras as they arrive: append-only segments in `<home>/intake/<camera>/`.

A segment holds a stretch of one camera, model and window of time; its name is the sequence number
that it begins with. The newest one grows, the others are complete and wait to become Videos. A
record counts from the moment it is flushed to the device; what a killed process has left of one at
the end is cut off by the next writer.

A record is length, checksum, next sequence number wanted, time of the last picture, and a
`StoredBatch` as MessagePack. The first of a segment has no pictures: it carries on where the
segment before ended.
"""

from __future__ import annotations

import math
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from oneclick.core.edge_messages import EdgeFrame, EdgeSource
from oneclick.core.errors import BadInput
from oneclick.storage import bounded_files, files
from oneclick.storage.bounded_documents import MessagePackDecoder

SUFFIX = ".seg"
PATTERN = f"intake/*/[0-9]*{SUFFIX}"
"""Where the segments lie in a workspace."""
BROKEN = "broken"
"""Folder beside them for those that cannot be read."""
MAX_RECORD = 64 << 20
"""Bytes of one record: a longer one is damage."""
_HEAD = struct.Struct(">IIQd")


class StoredBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions of an edge camera that arrived in one request: one record of its log."""

    source: EdgeSource | None = None
    frames: tuple[EdgeFrame, ...] = ()
    quarantined: tuple[tuple[EdgeFrame, str], ...] = ()
    """Pictures that are not used, with the reason."""
    lost: int = 0
    """Pictures before these that the device had to drop."""


_DECODER = MessagePackDecoder[StoredBatch](StoredBatch)


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """One record of a segment."""

    next: int
    """Sequence number wanted after it."""
    last_time: float
    """Unix seconds of the last picture used so far; minus infinity before the first."""
    payload: bytes
    stop: int
    """Offset of its end in the file."""

    @property
    def batch(self) -> StoredBatch:
        """Decode what it holds. Raises BadInput where it is broken."""
        return _DECODER.decode(self.payload)


def segments(folder: Path) -> list[Path]:
    """Return the segments of a camera, oldest first; the last one may still grow."""
    return sorted(folder.glob(f"[0-9]*{SUFFIX}"))


def closed_segments(root: Path) -> list[Path]:
    """Return the complete segments of all cameras, camera by camera, oldest first."""
    return [path for paths in _by_camera(root) for path in paths[:-1]]


def newest_segments(root: Path) -> list[Path]:
    """Return the segment of each camera that may still grow."""
    return [paths[-1] for paths in _by_camera(root)]


def _by_camera(root: Path) -> list[list[Path]]:
    folders = sorted(path for path in root.glob("*") if path.is_dir())
    return [paths for folder in folders if (paths := segments(folder))]


def records(path: Path, offset: int = 0) -> Iterator[LogRecord]:
    """Yield the sound records of a segment, up to the first that is torn or damaged.

    Args:
        path: of the segment.
        offset: end of the record before the first one.

    Raises:
        BadInput: the file cannot be read.
    """
    with bounded_files.open_regular(path, bounded_files.ANY_SIZE) as file:
        file.seek(offset)
        while record := _read_record(file):
            yield record


def _read_record(file: BinaryIO) -> LogRecord | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum, following, last_time = _HEAD.unpack(head)
    if length > MAX_RECORD:
        return None
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload, zlib.crc32(head[8:])) != checksum:
        return None
    return LogRecord(next=following, last_time=last_time, payload=payload, stop=file.tell())


def check(path: Path) -> None:
    """Check that every byte of a segment is of a sound record, or of one that a kill broke off.

    Raises:
        BadInput: a disk or somebody changed it: records that were acknowledged are unreadable.
    """
    stop = max((record.stop for record in records(path)), default=0)
    with bounded_files.open_regular(path, bounded_files.ANY_SIZE) as file:
        file.seek(stop)
        rest = file.read()
    if not stop or _is_damaged(rest):
        raise BadInput(f"{path} is damaged after byte {stop}")


def _is_damaged(rest: bytes) -> bool:
    """Check whether what follows the last sound record is more than the begin of another."""
    if len(rest) < _HEAD.size:
        return False
    length, checksum, *_ = _HEAD.unpack_from(rest)
    is_complete = _HEAD.size + length <= len(rest) or length > MAX_RECORD
    # Its length may be what is damaged.
    is_payload = zlib.crc32(rest[_HEAD.size :], zlib.crc32(rest[8 : _HEAD.size])) == checksum
    return is_complete or is_payload or any(_find_records(rest))


def _find_records(content: bytes) -> Iterator[int]:
    """Yield the offsets of sound records behind damage."""
    for start in range(1, len(content) - _HEAD.size + 1):
        length, checksum, *_ = _HEAD.unpack_from(content, start)
        stop = start + _HEAD.size + length
        if stop <= len(content):
            tail = zlib.crc32(content[start + 8 : start + _HEAD.size])
            if zlib.crc32(content[start + _HEAD.size : stop], tail) == checksum:
                yield start


def encode(batch: StoredBatch, following: int, last_time: float) -> bytes:
    """Return the bytes of one record of a log: head with checksum, then the batch.

    Args:
        batch: what is stored.
        following: number of the picture that the device sends next.
        last_time: of the last picture so far, Unix seconds.
    """
    payload = msgspec.msgpack.encode(batch)
    tail = struct.pack(">Qd", following, last_time)
    checksum = zlib.crc32(payload, zlib.crc32(tail))
    return struct.pack(">II", len(payload), checksum) + tail + payload


class CameraLog:
    """Writer of the segments of one camera; whoever has it is the only one.

    Args:
        folder: of the camera; made where it is missing.
        window_seconds: pictures of different windows of this length lie in different segments.

    Raises:
        Unavailable, NoSpace: it cannot be written.
    """

    def __init__(self, folder: Path, window_seconds: float) -> None:
        self.folder, self._window_seconds = folder, window_seconds
        self.next, self.last_time = 0, -math.inf
        self._source: EdgeSource | None = None
        self._window = -1
        self._size = 0
        with files.guard(folder):
            files.make_folder(folder)
            self._descriptor = self._recover()

    @property
    def is_empty(self) -> bool:
        """Check whether the newest segment has no picture."""
        return self._source is None

    def append(self, batch: StoredBatch, following: int) -> None:
        """Write a batch and return once it is on the device; all of it, or nothing.

        Raises:
            NoSpace, Unavailable: the disk refuses; the log is as it was.
        """
        groups = self._by_window(batch)
        for position, group in enumerate(groups):
            is_last = position == len(groups) - 1
            used = group.frames[-1].seq + 1 if group.frames else following
            self._append(group, following if is_last else used)

    def close_segment(self) -> None:
        """Begin a new segment, unless the newest one has no picture. Raises as `append`."""
        if not self.is_empty:
            with files.guard(self.folder):
                self._begin_segment()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _by_window(self, batch: StoredBatch) -> list[StoredBatch]:
        """Split a batch where a window of time ends; what is not used stays with the first part."""
        windows: dict[int, list[EdgeFrame]] = {}
        for frame in batch.frames:
            windows.setdefault(self._window_of(frame), []).append(frame)
        parts = [tuple(frames) for frames in windows.values()] or [()]
        first = msgspec.structs.replace(batch, frames=parts[0])
        return [first, *(StoredBatch(source=batch.source, frames=part) for part in parts[1:])]

    def _window_of(self, frame: EdgeFrame) -> int:
        return int(frame.time // self._window_seconds)

    def _append(self, batch: StoredBatch, following: int) -> None:
        window = self._window_of(batch.frames[0]) if batch.frames else self._window
        last_time = batch.frames[-1].time if batch.frames else self.last_time
        content = encode(batch, following, last_time)
        with files.guard(self.folder):
            is_same = self._window in (-1, window) and self._source in (None, batch.source)
            if not is_same:
                self._begin_segment()
            try:
                _write_all(self._descriptor, content)
                os.fdatasync(self._descriptor)
            except OSError:
                # What is torn must not stand before the next record.
                os.ftruncate(self._descriptor, self._size)
                raise
        self._size += len(content)
        self.next, self.last_time = following, last_time
        self._source, self._window = batch.source, window

    def _begin_segment(self) -> None:
        """Create the next segment; the one before is complete from then on."""
        path = self.folder / f"{self.next:020d}{SUFFIX}"
        content = encode(StoredBatch(), self.next, self.last_time)
        with files.atomic_file(path) as temporary:
            temporary.write_bytes(content)
        os.close(self._descriptor)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size, self._source, self._window = len(content), None, -1

    def _recover(self) -> int:
        """Read the newest segment, cut off what is torn, and open it for writing."""
        paths = segments(self.folder)
        if not paths:
            path, content = self.folder / f"{0:020d}{SUFFIX}", encode(StoredBatch(), 0, -math.inf)
            files.write_atomic(path, content)
            paths = [path]
        for record in records(paths[-1]):
            self.next, self.last_time, self._size = record.next, record.last_time, record.stop
            if self._window == -1 and (batch := record.batch).source is not None:
                self._source = batch.source
                self._window = self._window_of(batch.frames[0]) if batch.frames else -1
        if not self._size:
            raise BadInput(f"{paths[-1]} is broken at its start: move it out of the intake folder")
        try:
            check(paths[-1])
        except BadInput:
            put_aside(paths[-1], keep=True)  # what follows the damage may be wanted
        descriptor = os.open(paths[-1], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(descriptor, self._size)
        return descriptor


def put_aside(path: Path, keep: bool = False) -> None:
    """Move a damaged segment, or with `keep` a copy, into the folder BROKEN beside it.

    Raises:
        NoSpace, Unavailable: it cannot be moved.
    """
    target = path.parent / BROKEN / path.name
    with files.guard(target):
        files.make_folder(target.parent)
        if keep:
            with files.atomic_file(target) as temporary:
                shutil.copyfile(path, temporary)
        else:
            path.replace(target)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
