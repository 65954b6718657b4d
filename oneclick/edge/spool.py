"""Predictions of a device that wait on its disk until the server has them on its own."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from oneclick.core.edge_messages import EdgeFrame, EdgeSource
from oneclick.core.errors import BadInput
from oneclick.storage import files, intake_log
from oneclick.storage.intake_log import CameraLog, StoredBatch

FILE_SECONDS = 60.0
"""Time that one file covers."""


class Spool:
    """The pictures that the server has not acknowledged, oldest first.

    One thread adds and another sends. Where more than `max_bytes` wait, the oldest are dropped: the
    server is told that they never come.

    Args:
        folder: made where it is missing.
        max_bytes: limit of all files together.

    Raises:
        Unavailable, NoSpace: the folder cannot be written.
    """

    def __init__(self, folder: Path, max_bytes: int = 256 << 20) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._log = CameraLog(folder, FILE_SECONDS)
        self._lock = threading.Lock()

    @property
    def is_new(self) -> bool:
        """Check whether nothing was ever added: the server then tells the first number."""
        return self._log.next == 0

    @property
    def next(self) -> int:
        """Return the number of the next picture."""
        return self._log.next

    @property
    def oldest(self) -> int:
        """Return the smallest number that is there; `next` where none is."""
        return next((frame.seq for _, frame in self._frames(0)), self._log.next)

    def skip_to(self, number: int) -> None:
        """Let the next picture have this number, which the server wants, or a later one."""
        with self._lock:
            self._log.next = max(number, self._log.next)

    def add(self, source: EdgeSource, frames: Sequence[EdgeFrame]) -> None:
        """Add pictures, numbered on from `next`, and return when they are on the disk.

        Raises:
            NoSpace, Unavailable: the disk refuses; the spool is as it was.
        """
        with self._lock:
            first = self._log.next
            numbered = tuple(
                msgspec.structs.replace(frame, seq=first + place)
                for place, frame in enumerate(frames)
            )
            batch = StoredBatch(source=source, frames=numbered)
            self._log.append(batch, first + len(numbered))
            self._prune()

    def read(self, first: int, limit: int) -> tuple[EdgeSource, tuple[EdgeFrame, ...]] | None:
        """Return up to `limit` pictures from a number on, all of one source; None without one."""
        source: EdgeSource | None = None
        frames: list[EdgeFrame] = []
        for own_source, frame in self._frames(first):
            if len(frames) == limit or own_source != (source or own_source):
                break
            source = own_source
            frames.append(frame)
        return None if source is None else (source, tuple(frames))

    def acknowledge(self, following: int) -> None:
        """Forget pictures before a number, which the server has."""
        with self._lock:
            paths = intake_log.segments(self._folder)
            for path, later in itertools.pairwise(paths):
                if int(later.stem) <= following:
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files."""
        self._log.close()

    def _frames(self, first: int) -> Iterator[tuple[EdgeSource, EdgeFrame]]:
        paths = intake_log.segments(self._folder)
        for path, later in zip(paths, [*paths[1:], None], strict=True):
            if later is not None and int(later.stem) <= first:
                continue
            try:
                for record in intake_log.records(path):
                    batch = record.batch
                    for frame in batch.frames:
                        if frame.seq >= first and batch.source is not None:
                            yield batch.source, frame
            except BadInput:
                if path.exists():  # else it was dropped meanwhile
                    raise

    def _prune(self) -> None:
        paths = intake_log.segments(self._folder)
        sizes = [path.stat().st_size for path in paths]
        with files.guard(self._folder):
            while len(paths) > 1 and sum(sizes) > self._max_bytes:
                paths.pop(0).unlink(missing_ok=True)
                sizes.pop(0)
