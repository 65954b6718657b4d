"""Opening a video file, the choice of its stream, and reading it past damage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from oneclick.core.errors import BadVideo

MAX_PIXELS = 50_000_000
"""Pixels of a picture: one and a half times 8K."""
# A playlist (HLS, DASH, concat, image sequences) would read other files of this machine.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,mpegts,mpegtsraw,mpeg,mpegvideo,asf,"
    "asf_o,h264,hevc,vvc,av1,obu,ivf,mjpeg,mjpeg_2000,mpjpeg,smjpeg,m4v,h261,h263,vc1,ogg,mxf,gxf,"
    "dhav,dv,nut,nuv,nsv,rm,wtv,gif,yuv4mpegpipe,lmlm4,kux,swf"
)
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": _FORMATS,
    "max_pixels": str(MAX_PIXELS),
}
# ArgumentError: a picture of more than MAX_PIXELS. PatchWelcomeError: of a kind that spoilt
# parameters claim, and nothing decodes.
DAMAGE = (av.InvalidDataError, av.ArgumentError, av.error.PatchWelcomeError)
"""Errors of a decoder that a damaged packet causes."""
# EAGAIN stands for a patch without any packet, EIO for sectors that the disk does not give, ENOMEM
# for a packet that claims more bytes than there can be.
_UNREADABLE = (av.InvalidDataError, OSError, av.MemoryError)
_STILLS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_GIVE_UP = 1000
"""Read errors in a row after which the rest of a file counts as missing."""


@contextlib.contextmanager
def open_video(
    path: Path, threads: int = 0, is_edited: bool = True
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield the container and its video stream (see `choose_stream`).

    Args:
        path: the file.
        threads: decoding threads, 0 for all cores.
        is_edited: whether an edit list of MP4 says which pictures there are.

    Raises:
        BadVideo: one line with the file's name and the remedy.
    """
    options = _OPTIONS if is_edited else _OPTIONS | {"ignore_editlist": "1"}
    try:
        if path.stat().st_size == 0:
            raise BadVideo(f"{path.name} is empty: record or copy it again")
        try:
            container = av.open(str(path), options=options, metadata_errors="replace")
        except UnicodeEncodeError:  # FFmpeg takes names of UTF-8 only
            file = path.open("rb")
            container = av.open(file, "r", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise BadVideo(
            f"{path.name} is not a video that can be opened ({_reason(error)}): "
            "copy it again or convert it to MP4"
        ) from error
    except OSError as error:
        raise BadVideo(f"cannot read {path.name}: {_reason(error)}; check its rights") from error
    with container:
        stream = choose_stream(container)
        if stream is None:
            raise BadVideo(f"{path.name} has no video stream: give a file with pictures")
        if not stream.codec_context:
            raise BadVideo(
                f"{path.name} is in a codec that nothing here decodes: convert it to MP4"
            )
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        yield container, stream


def choose_stream(container: InputContainer) -> VideoStream | None:
    """Return the stream that players show: default before others, then the one of most pixels.

    Cover art and thumbnails are none.
    """
    streams = [s for s in container.streams.video if not s.disposition & _STILLS]
    return max(
        streams,
        key=lambda s: (
            s.codec_context is not None,
            bool(s.disposition & Disposition.default),
            s.codec_context.width * s.codec_context.height if s.codec_context else 0,
            -s.index,
        ),
        default=None,
    )


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream] | None]:
    """Yield packets in file order; None stands for a part that could not be read."""
    errors = 0
    while errors < _GIVE_UP:
        try:
            for packet in container.demux(stream):
                errors = 0
                if packet.size:  # the last, empty packet only flushes the decoder
                    yield packet
            return
        except _UNREADABLE:
            errors += 1
            yield None
        except IndexError:  # PyAV does not know a stream that begins within a file
            errors += 1


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
