"""Pictures of a camera, a stream or a file, with the time at which each was taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from oneclick.core import errors
from oneclick.core.errors import BadVideo, OneclickError
from oneclick.core.stream_addresses import StreamAddress
from oneclick.storage.live_state import LiveStatus
from oneclick.video.streams.pictures import PictureDecoder, PictureSlot
from oneclick.video.streams.reader import StreamOptions, StreamReader

TAKE_SECONDS = 0.2
MOST_FAILURES = 100
"""Errors of the decoder without a picture in between, after which it is given up."""
LivePicture = tuple[float, NDArray[np.uint8]]
"""Unix seconds, and (H, W, 3) uint8 RGB."""


def live_pictures(
    address: StreamAddress,
    fps: float,
    stop: threading.Event,
    report: Callable[[str], None] = lambda _: None,
    options: StreamOptions | None = None,
) -> Generator[LivePicture]:
    """Yield at most `fps` pictures a second of a source; of a stream always the newest.

    A file is played once at its own speed, as if it were taken now, and no picture is left out. A
    stream or device is opened again after it fails, for as long as `stop` is not set.

    Args:
        address: of the source.
        fps: pictures per second.
        stop: ends it.
        report: called with a line when the source fails.
        options: how a camera is reached: name and password, and whose certificates are trusted.

    Raises:
        BadVideo: a file cannot be played, or no picture is decoded any more.
    """
    is_file = address.kind == "path"
    slot = PictureSlot()
    decoder = PictureDecoder(slot, fps, "every" if is_file else "newest")

    def tell(status: LiveStatus, message: str) -> None:
        if message and not is_file:
            report(f"the camera does not answer: {message}")

    reader = StreamReader(address, [decoder], options or StreamOptions(), tell)
    problems: list[str] = []

    def read() -> None:
        try:
            reader.run()
        except OneclickError as error:
            problems.append(str(error))
        except Exception as error:
            problems.append(errors.reason(error, f"read {address.label}"))

    failures = 0

    def decode() -> None:
        """Decode to the end; after an error the decoder goes on with the next packet."""
        nonlocal failures
        while True:
            try:
                decoder.run()
            except Exception as error:  # of the codec, or the memory
                failures += 1
                reason = errors.reason(error, f"decode {address.label}")
                if failures >= MOST_FAILURES:
                    problems.append(reason)
                    return
                report(reason)
            else:
                return

    threads = [
        threading.Thread(target=work, name=f"edge-{work.__name__}", daemon=True)
        for work in (read, decode)
    ]
    for thread in threads:
        thread.start()
    try:
        while not stop.is_set():
            reads, decodes = (thread.is_alive() for thread in threads)
            is_over = not decodes or (not reads and decoder.is_idle)
            picture = slot.take(TAKE_SECONDS)
            if picture is not None:
                failures = 0
                frame = picture.picture.to_ndarray(format="rgb24")
                yield picture.time, np.asarray(frame, np.uint8)
            elif is_over:
                break
    finally:
        reader.stop()
        decoder.close()
    if problems:
        raise BadVideo(problems[0])
