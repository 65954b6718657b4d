"""Opening a video file and decoding it past damage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from oneclick.core.errors import BadVideo

# A file may hold playlists and references: only the file itself is ever read.
_OPTIONS = {"protocol_whitelist": "file"}
_GIVE_UP = 1000
"""Read errors in a row after which the rest of a file counts as missing."""


@contextlib.contextmanager
def opened(path: Path, threads: int = 0) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream, decoding on `threads` threads (0: all cores).

    Raises:
        BadVideo: one line with the file's name and the remedy.
    """
    container = _open(path)
    with container:
        if not container.streams.video:
            raise BadVideo(f"{path.name} has no video stream: give a file with pictures")
        stream = container.streams.video[0]
        if not stream.codec_context:
            raise BadVideo(
                f"{path.name} is in a codec that nothing here decodes: convert it to MP4"
            )
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        yield container, stream


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream] | None]:
    """Packets in file order; None stands for a stretch that could not be read."""
    errors = 0
    while errors < _GIVE_UP:
        try:
            for packet in container.demux(stream):
                errors = 0
                if packet.size:  # the last, empty packet only flushes the decoder
                    yield packet
            return
        except av.InvalidDataError:
            errors += 1
            yield None


def decode(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame that decodes from here on; what is broken is stepped over."""
    for packet in packets(container, stream):
        if packet is not None:
            with contextlib.suppress(av.InvalidDataError):
                yield from stream.decode(packet)
    with contextlib.suppress(av.InvalidDataError, av.EOFError):
        yield from stream.decode(None)


def _open(path: Path) -> InputContainer:
    try:
        if path.stat().st_size == 0:
            raise BadVideo(f"{path.name} is empty: record or copy it again")
        return av.open(str(path), options=_OPTIONS)
    except av.FFmpegError as error:
        raise BadVideo(
            f"{path.name} is not a video that can be opened ({_reason(error)}): "
            "copy it again or convert it to MP4"
        ) from error
    except OSError as error:
        raise BadVideo(f"cannot read {path.name}: {_reason(error)}; check its rights") from error


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
