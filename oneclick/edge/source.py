"""Pictures of a camera, a stream or a file, with the time at which each was taken."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from oneclick.core.errors import BadVideo
from oneclick.edge import link

OPEN_SECONDS, READ_SECONDS = 10.0, 10.0
LivePicture = tuple[float, NDArray[np.uint8]]
"""Unix seconds, and (H, W, 3) uint8 RGB."""
_DEVICE = re.compile(r"/dev/video\d+")


def live_pictures(
    source: str,
    fps: float,
    stop: threading.Event,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[LivePicture]:
    """Yield at most `fps` pictures a second of a source, with rising times.

    A file is played once at its own speed, as if it were taken now. A stream or device is opened
    again after it fails, for as long as `stop` is not set.

    Args:
        source: file, rtsp or http URL, or /dev/videoN.
        fps: pictures per second.
        stop: ends it.
        report: called with a line when the source fails.

    Raises:
        BadVideo: a file cannot be opened.
    """
    is_file = Path(source).is_file()
    newest, failures = 0.0, 0
    while not stop.is_set():
        try:
            for moment, picture in _pictures(source, is_file, stop):
                failures = 0
                if moment - newest >= 0.999 / fps - 0.25 / fps * (not is_file):
                    newest = moment
                    yield moment, picture
                if stop.is_set():
                    return
        except (av.error.FFmpegError, OSError) as error:
            if is_file:
                raise BadVideo(f"{source} cannot be read: {error.strerror}") from None
            report(f"the camera does not answer: {error.strerror or type(error).__name__}")
        if is_file:
            return
        failures += 1
        stop.wait(link.pause_after(failures))


def _pictures(source: str, is_file: bool, stop: threading.Event) -> Iterator[LivePicture]:
    begin, first = time.time(), None
    with _open(source) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for picture in container.decode(stream):
            moment = time.time()
            if is_file and picture.time is not None:
                first = picture.time if first is None else first
                moment = begin + picture.time - first
                if (early := moment - time.time()) > 0 and stop.wait(early):
                    return
            yield moment, np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)


def _open(source: str) -> InputContainer:
    options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
    kind = "v4l2" if _DEVICE.fullmatch(source) else None
    timeout = (OPEN_SECONDS, READ_SECONDS)
    return av.open(source, format=kind, options=options, timeout=timeout)
