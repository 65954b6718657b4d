"""Ring of a camera's last minutes on disk: pictures with what the models saw in them.

`<home>/live/<camera>/ring/` holds files of about ten seconds, each a sequence of records that only
grows. A process that goes on after another begins a new file, so that a torn record is always the
last of its file, where readers stop.

One process writes, any number read, and nothing is shared but the files: a record becomes visible
with the write that completes it, and a file that is pruned while it is read is read to its end.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import math
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from oneclick.core.errors import BadInput, Unavailable
from oneclick.storage import bounded_files, files, live_ring_files, locks
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder
from oneclick.storage.live_ring_files import GrowingFile, RecordPlace, RingFileIndex

RingBox: TypeAlias = tuple[float, float, float, float, float, int]
"""x1 y1 x2 y2 px, score, class id."""

FILE_SECONDS = 10.0
"""Time that one file covers."""
MAX_BYTES = 1 << 30
"""Of a whole ring, unless the writer is told otherwise."""
LOCK_NAME = "writer.lock"


@dataclass(frozen=True)
class Lamp:
    """A trigger that found something at this moment; provisional, the catalog has the truth."""

    trigger: str
    score: float
    why: str


@dataclass(frozen=True, kw_only=True)
class RingHeader:
    """What is known about one picture of a camera."""

    seq: int = 0
    """Number of the picture in its ring, rising; the writer gives it."""
    time: float
    """Unix seconds when the picture was taken."""
    width: int
    height: int
    boxes: Mapping[str, list[RingBox]]
    """Boxes by model id, model A first."""
    signals: Mapping[str, float]
    lamps: tuple[Lamp, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RingFrame(RingHeader):
    """A picture of a camera with what is known about it."""

    jpeg: bytes


@dataclass(frozen=True, kw_only=True)
class RingSpan:
    """Which pictures of a live camera are still kept in its ring."""

    first_seq: int
    last_seq: int
    start: float
    """Unix seconds of the first picture."""
    stop: float
    """Unix seconds of the last."""
    frames: int


class RingWriter:
    """Appends pictures to a ring and prunes it; one at a time for each folder.

    Args:
        folder: of the ring, made where it is missing.
        minutes: pictures are kept for this long.
        max_bytes: limit of all files together; the file that is written is never pruned.

    Raises:
        Unavailable: another process writes this ring, or the folder cannot be written.
        NoSpace: the device is full.
    """

    def __init__(self, folder: Path, minutes: float = 10, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._seconds, self._max_bytes = folder, minutes * 60, max_bytes
        self._file: GrowingFile | None = None
        self._closed: list[_ClosedFile] = []
        self._is_closed = False
        with files.guard(folder):
            files.make_folder(folder)
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(locks.file_lock(folder / LOCK_NAME, wait=False))
        try:
            self._seq = self._read_files()
        except BaseException:
            self._lock.close()
            raise

    def append(self, frame: RingFrame) -> int:
        """Add a picture; return the number that it got.

        Raises:
            ValueError: a number in it is not finite, or it is too large for a record.
            NoSpace, Unavailable: the disk refuses. The ring is as before, and may be tried again.
                Or it was closed: another process may write it now.
        """
        if self._is_closed:
            raise Unavailable(f"{self._folder} is closed")
        header = RingHeader(
            seq=self._seq,
            time=frame.time,
            width=frame.width,
            height=frame.height,
            boxes=frame.boxes,
            signals={name: v for name, v in frame.signals.items() if math.isfinite(v)},
            lamps=frame.lamps,
        )
        _check_finite(header)
        text = msgspec.json.encode(header)
        record = live_ring_files.encode(self._seq, frame.time, text, frame.jpeg)
        with files.guard(self._folder):
            self._target(frame.time).write(record, frame.time)
        self._seq += 1
        return self._seq - 1

    def close(self) -> None:
        """Close the files and let another process write."""
        self._is_closed = True
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.close()

    def __enter__(self) -> RingWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_files(self) -> int:
        """Learn which files there are; return the number of the next picture."""
        seq = 0
        for path, first in live_ring_files.paths(self._folder):
            entries = RingFileIndex(path, first)
            entries.extend()
            last = entries.records[-1] if entries.records else None
            seq = max(seq, first + 1, last.seq + 1 if last else 0)
            size = path.stat().st_size
            self._closed.append(_ClosedFile(path, size, last.time if last else -math.inf))
        return seq

    def _target(self, time: float) -> GrowingFile:
        """Return the file for a picture of this time, a new one where the last is complete."""
        file = self._file
        if file is not None:
            is_long = abs(time - file.start) >= FILE_SECONDS
            if not is_long and file.size < self._max_bytes / 8:
                return file
            file.close()
            self._closed.append(_ClosedFile(file.path, file.size, file.stop))
            self._file = None
        self._prune(time)
        self._file = GrowingFile(live_ring_files.path_of(self._folder, self._seq), time)
        return self._file

    def _prune(self, time: float) -> None:
        """Remove files that are too old, or lie in the future after the clock was set back."""
        room = self._max_bytes * 7 / 8
        kept: list[_ClosedFile] = []
        for file in reversed(self._closed):
            room -= file.size
            if room < 0 or abs(time - file.stop) > self._seconds + FILE_SECONDS:
                file.path.unlink(missing_ok=True)
            else:
                kept.append(file)
        self._closed = kept[::-1]


class RingReader:
    """Reads the ring of a camera while another process writes it; safe between threads.

    Args:
        folder: of the ring; while it is missing there are no pictures.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, RingFileIndex] = {}
        self._lock = threading.Lock()

    def span(self) -> RingSpan | None:
        """Return what the ring holds now; None where there is no picture."""
        records = self._records()
        if not records:
            return None
        times = [record.time for record in records]
        return RingSpan(
            first_seq=records[0].seq,
            last_seq=records[-1].seq,
            start=min(times),
            stop=max(times),
            frames=len(records),
        )

    def newest(self, unless: int | None = None) -> RingFrame | None:
        """Return the last picture; None where there is none, or it has the number `unless`."""
        indexes = reversed(self._indexes())
        newest = itertools.chain.from_iterable(reversed(index.records) for index in indexes)
        records = itertools.takewhile(lambda record: record.seq != unless, newest)
        return next(_frames(records), None)

    def before(self, seq: int) -> RingFrame | None:
        """Return the picture that precedes number `seq`; None where there is none."""
        records = self._records()
        stop = bisect.bisect_left(records, seq, key=lambda record: record.seq)
        return next(_frames(reversed(records[:stop])), None)

    def after(self, seq: int, limit: int) -> list[RingFrame]:
        """Return the pictures that follow number `seq`, oldest first, `limit` at most."""
        records = self._records()
        start = bisect.bisect_right(records, seq, key=lambda record: record.seq)
        return list(_frames(records[start : start + limit]))

    def at(self, time: float) -> RingFrame | None:
        """Return the picture taken nearest to `time` (unix seconds); None where there is none."""
        records = sorted(self._records(), key=lambda record: abs(record.time - time))
        return next(_frames(records[:8]), None)

    def headers(self, start: float, stop: float) -> list[RingHeader]:
        """Return what is known about the pictures taken in [start, stop), without the pictures."""
        within = (record for record in self._records() if start <= record.time < stop)
        return [header for header, _ in _parts(within, with_jpeg=False)]

    def newest_headers(self, seconds: float) -> list[RingHeader]:
        """Return what is known about the newest pictures, back to one that many seconds older.

        They are the last by number: a clock that was set back gives them earlier times.
        """
        records = self._records()
        last = records[-1].time if records else 0.0
        newest = itertools.takewhile(
            lambda record: last - seconds <= record.time <= last, reversed(records)
        )
        return [header for header, _ in _parts(newest, with_jpeg=False)][::-1]

    def _records(self) -> list[RecordPlace]:
        """Return where each record is, in the order of their numbers."""
        return [record for index in self._indexes() for record in index.records]

    def _indexes(self) -> list[RingFileIndex]:
        """Return the files, oldest first, with the records that the disk has now."""
        with self._lock:
            paths = live_ring_files.paths(self._folder)
            newest = next(reversed(self._files), None)
            indexes = {path: self._files.get(path) or RingFileIndex(path, n) for path, n in paths}
            for path, index in indexes.items():
                # Only the newest file grows: others were read to their end when it was begun.
                if path not in self._files or path == newest:
                    index.extend()
            self._files = indexes
            return list(indexes.values())


class _ClosedFile(NamedTuple):
    path: Path
    size: int
    stop: float


_header_decoder: JsonDecoder[RingHeader] = JsonDecoder(RingHeader)


def _frames(records: Iterable[RecordPlace]) -> Iterator[RingFrame]:
    for header, content in _parts(records, with_jpeg=True):
        yield RingFrame(**vars(header), jpeg=content)


def _parts(records: Iterable[RecordPlace], with_jpeg: bool) -> Iterator[tuple[RingHeader, bytes]]:
    """Read records; those that are damaged, or pruned meanwhile, are left out."""
    with contextlib.ExitStack() as stack:
        path, descriptor = None, -1
        for record in records:
            if record.path != path:
                stack.close()
                path, descriptor = record.path, -1
                with contextlib.suppress(BadInput):
                    opening = bounded_files.open_regular(path, bounded_files.ANY_SIZE)
                    descriptor = stack.enter_context(opening).fileno()
            if descriptor < 0:
                continue
            size = record.header_bytes + (record.jpeg_bytes if with_jpeg else 0)
            with contextlib.suppress(BrokenJson, OSError):
                content = os.pread(descriptor, size, record.offset)
                if with_jpeg and zlib.crc32(content) != record.checksum:
                    continue
                header = _header_decoder.decode(content[: record.header_bytes])
                if (header.seq, header.time) == (record.seq, record.time):
                    yield header, content[record.header_bytes :]


def _check_finite(header: RingHeader) -> None:
    """Raise ValueError for a time, box or score that is not finite."""
    numbers = [header.time, *(lamp.score for lamp in header.lamps)]
    numbers += [number for boxes in header.boxes.values() for box in boxes for number in box]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"the picture of {header.time} has a number that is not finite")
