"""Cameras of the tests: a server, a reader of it, and what came of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from oneclick import video
from oneclick.core import stream_addresses
from oneclick.core.stream_addresses import Credentials
from oneclick.video.streams.base import PacketSink
from oneclick.video.streams.connection import StreamTimeouts
from oneclick.video.streams.pictures import LivePicture, PictureDecoder, PictureSlot
from oneclick.video.streams.reader import Backoff, StreamOptions, StreamReader
from oneclick.video.streams.recorder import SegmentRecorder
from tests.fakes import coded_pictures
from tests.waits import HANG_SECONDS, wait_until

QUICK = Backoff(first=0.05, longest=0.2, refused=0.05)
PATIENT = StreamTimeouts(open=HANG_SECONDS, read=HANG_SECONDS)
"""A camera whose thread waits on a busy machine is not taken for one that hangs."""


class Watched:
    """What came of a source so far."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.pictures: list[LivePicture] = []
        self.statuses: list[tuple[str, str]] = []

    def saw(self, *words: str) -> bool:
        """Check that statuses with these words came in this order."""
        remaining = iter(f"{status} {message}" for status, message in self.statuses)
        return all(any(word in line for line in remaining) for word in words)


@contextmanager
def read(
    url: str,
    folder: Path | None = None,
    credentials: Credentials | None = None,
    seconds: float = 100.0,
    is_paced: bool = True,
    authorities: str = "",
    timeouts: StreamTimeouts = PATIENT,
) -> Iterator[Watched]:
    """Read a source in threads while the body runs, recording into a folder; then all is closed."""
    slot, watched = PictureSlot(), Watched()
    decoder = PictureDecoder(slot, fps=60, policy="newest" if is_paced else "every")
    sinks: list[PacketSink] = [decoder]
    recorder = SegmentRecorder(folder, seconds, 1e9) if folder else None
    if recorder:
        sinks.insert(0, recorder)
    options = StreamOptions(
        credentials=credentials,
        authorities=authorities,
        timeouts=timeouts,
        backoff=QUICK,
        is_paced=is_paced,
    )
    reader = StreamReader(
        stream_addresses.parse(url),
        sinks,
        options,
        lambda status, message: watched.statuses.append((status, message)),
    )

    def watch() -> None:
        while not is_closed.is_set():
            if picture := slot.take(0.05):
                image = np.asarray(picture.picture.to_ndarray(format="rgb24"), np.uint8)
                watched.pictures.append(picture)
                watched.numbers.append(coded_pictures.number_in(image))

    is_closed = threading.Event()
    threads = [threading.Thread(target=target) for target in (reader.run, watch)]
    decoder.start()
    for thread in threads:
        thread.start()
    try:
        yield watched
        if not is_paced:
            threads[0].join()
            wait_until(lambda: decoder.is_idle and slot.is_idle)
    finally:
        reader.stop()
        is_closed.set()
        for thread in threads:
            thread.join()
        decoder.close()
        if recorder:
            recorder.close()


def recorded(folder: Path) -> list[list[int]]:
    """The numbers of the pictures in each segment, oldest first."""
    return [numbers_of(path) for path in sorted(folder.glob("*.mkv"))]


def numbers_of(path: Path) -> list[int]:
    return [coded_pictures.number_in(image) for image in video.frames(path)]


def is_run(numbers: Sequence[int]) -> bool:
    """Check that each number follows the one before, in a round of 40."""
    return all((b - a) % 40 == 1 for a, b in itertools.pairwise(numbers))
