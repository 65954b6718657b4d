"""One connection to a live source: opened with timeouts, and its packets as they come.

FFmpeg's errors name the URL with its password: they are told by their reason alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from oneclick.core.errors import BadVideo, StreamBroken, StreamRefused
from oneclick.core.source_options import SourceOptions
from oneclick.core.stream_addresses import Credentials, StreamAddress
from oneclick.video import access_units, search, source
from oneclick.video.access_units import AccessUnits
from oneclick.video.streams import certificates
from oneclick.video.streams import clock as clocks
from oneclick.video.streams.base import Start, StreamPacket
from oneclick.video.streams.clock import StreamClock

OPEN_SECONDS = 10.0
"""Time in which a source must answer with a first picture."""
READ_SECONDS = 10.0
"""Time without a picture from which on a source is stalled."""
_REFUSALS = (
    av.error.HTTPUnauthorizedError,
    av.error.HTTPForbiddenError,
    av.error.HTTPNotFoundError,
    av.error.HTTPBadRequestError,
)
_BROKEN_READS = 200
"""Read errors in a row after which a connection is given up."""
_MOST_UNSTAMPED = 100
_STEP = 0.04
"""Seconds between two pictures whose stamps are missing."""
_UNSTAMPED = ("mpjpeg", "mjpeg")
"""Formats without time stamps of their own."""
_HTTP_FORMATS = "mpjpeg,mjpeg,mpegts,flv,live_flv,matroska,webm,h264,hevc,nut"
# A playlist would open other addresses; a stream must not read files of this machine.
_OPTIONS: dict[str, dict[str, str]] = {
    "rtsp": {
        "protocol_whitelist": "rtsp,rtsps,rtp,rtcp,srtp,tcp,udp,tls,crypto",
        "allowed_media_types": "video",
        "timeout": str(int(READ_SECONDS * 1e6)),
        "analyzeduration": "1000000",
        "fpsprobesize": "0",
        "max_delay": "300000",
        "user_agent": "oneclick",
    },
    "http": {
        "protocol_whitelist": "http,https,tcp,tls,crypto",
        "format_whitelist": _HTTP_FORMATS,
        "timeout": str(int(READ_SECONDS * 1e6)),
        "analyzeduration": "1000000",
        "user_agent": "oneclick",
    },
    "webcam": {},
}
_FORMATS = {"rtsp": "rtsp", "webcam": "video4linux2,v4l2"}


@dataclass(frozen=True, kw_only=True)
class StreamTimeouts:
    """How long a source may be silent, in seconds."""

    open: float = OPEN_SECONDS
    read: float = READ_SECONDS


def files_of(address: StreamAddress) -> list[Path]:
    """Return the files of a source that is a path: itself, or all recordings of the folder.

    Raises:
        StreamRefused: there is none.
    """
    result = search.find([address.place], SourceOptions())
    paths = [path for recording in result.recordings if (path := recording.local_file)]
    if not paths:
        raise StreamRefused("; ".join(result.failed.values()) or f"no video in {address.label}")
    return paths


@contextlib.contextmanager
def open_stream(
    address: StreamAddress,
    credentials: Credentials | None = None,
    timeouts: StreamTimeouts | None = None,
    authorities: str = "",
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield the container of a network source or webcam, and its video stream.

    Args:
        address: of the source.
        credentials: name and password for it.
        timeouts: how long it may be silent.
        authorities: as `certificates.tls_options` takes them.

    Raises:
        StreamRefused: it denies access, or is not there. StreamBroken: it cannot be opened.
    """
    timeouts = timeouts or StreamTimeouts()
    options = _OPTIONS[address.kind] | {"max_pixels": str(source.MAX_PIXELS)}
    options |= certificates.tls_options(address, authorities)
    if address.kind == "rtsp":
        options["rtsp_transport"] = address.transport
    try:
        container = av.open(
            address.url(credentials),
            format=_FORMATS.get(address.kind),
            options=options,
            timeout=(timeouts.open, timeouts.read),
            metadata_errors="replace",
        )
    except _REFUSALS as error:
        raise StreamRefused(f"{address.label}: {reason(error)}") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        if why := certificates.why_untrusted(address, authorities):
            raise StreamRefused(f"{address.label}: {why}") from None
        raise StreamBroken(f"{address.label}: {reason(error)}") from None
    with container:
        stream = source.choose_stream(container)
        if stream is None or not stream.codec_context:
            raise StreamBroken(f"{address.label} sends no video that can be decoded here")
        stream.codec_context.options = {"max_pixels": str(source.MAX_PIXELS)}
        stream.codec_context.thread_count = 1
        yield container, stream


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield the container of a file that is played as if it were live, and its video stream.

    Raises:
        StreamBroken: it is no video.
    """
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(source.open_video(path, threads=1))
        except BadVideo as error:
            raise StreamBroken(str(error)) from None
        yield opened


class Connection:
    """The packets of one opened source, each with its time and with what is wrong with it.

    Args:
        container: as opened.
        stream: of the container.
        label: what may be shown of the address.
        clock: that the packets are placed by.
        is_paced: wait until a packet is due, for a file.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        *,
        label: str,
        clock: StreamClock,
        is_paced: bool = False,
    ) -> None:
        self._container, self._stream, self._label = container, stream, label
        self._clock, self._is_paced = clock, is_paced
        self._is_stamped = container.format.name not in _UNSTAMPED
        self._base = float(stream.time_base or 0)
        self._units: AccessUnits = access_units.reader_of(stream)
        self._start: Start = "connection"

    def packets(
        self, wait: Callable[[float], object] = time.sleep
    ) -> Generator[StreamPacket, None, None]:
        """Yield the packets until the source ends.

        Args:
            wait: waits so many seconds.

        Raises:
            StreamBroken: nothing comes any more, or nothing that can be understood.
        """
        for packet, decode_stamp, stamp in self._stamped():
            arrival, steady = clocks.read_clocks()
            at, is_jump = self._clock.place(decode_stamp, arrival, steady)
            if self._is_paced and at > arrival:
                wait(at - arrival)
                arrival = time.time()
            content, is_key = bytes(packet), packet.is_keyframe
            is_whole = self._units.follows(content, is_key)
            yield StreamPacket(
                packet=packet,
                content=content,
                stream=self._stream,
                decoder=self._stream.codec_context,
                time=at + stamp - decode_stamp,
                decode_stamp=decode_stamp,
                stamp=stamp,
                arrival=arrival,
                is_key=is_key,
                is_damaged=packet.is_corrupt or not is_whole,
                start=self._reason_to_start(content, is_key, is_jump),
            )

    def _stamped(self) -> Iterator[tuple[Packet[VideoStream], float, float]]:
        """Yield packets with the seconds, by the source's clock, to decode and to show them.

        RTSP gives the first ones no stamps: they wait for one, and stand evenly before it.
        """
        unstamped: list[Packet[VideoStream]] = []
        last: float | None = None
        for packet in self._demux():
            if not self._is_stamped:
                arrival = time.time()
                yield packet, arrival, arrival
                continue
            decode_stamp = packet.dts if packet.dts is not None else packet.pts
            if decode_stamp is None:
                if last is not None:
                    yield packet, last, last
                elif len(unstamped) < _MOST_UNSTAMPED:
                    unstamped.append(packet)
                continue
            seconds = decode_stamp * self._base
            for before, early in zip(range(len(unstamped), 0, -1), unstamped, strict=True):
                yield early, seconds - before * _STEP, seconds - before * _STEP
            unstamped, last = [], seconds
            yield packet, seconds, seconds if packet.pts is None else packet.pts * self._base

    def _reason_to_start(self, content: bytes, is_key: bool, is_jump: bool) -> Start:
        """Return why a stretch begins at a packet, if one does."""
        start: Start = self._start or ("time" if is_jump else "")
        self._start = ""
        if self._units.is_new_format:
            self._units = AccessUnits(self._stream.codec_context.name, b"")
            self._units.follows(content, is_key)
            start = "format"
        return start

    def _demux(self) -> Iterator[Packet[VideoStream]]:
        """Yield packets with content; an error of the content is passed over."""
        errors = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:
                        errors = 0
                        yield packet
                return
            except (av.error.ExitError, av.error.TimeoutError):
                raise StreamBroken(f"{self._label} sends nothing any more") from None
            except (*source.DAMAGE, av.MemoryError, IndexError) as error:
                errors += 1
                if errors > _BROKEN_READS:
                    raise StreamBroken(f"{self._label}: {reason(error)}") from None
            except (av.FFmpegError, OSError) as error:
                raise StreamBroken(f"{self._label}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return why FFmpeg failed, without the URL that stands in its messages."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return "it does not answer in time"
    text = getattr(error, "strerror", None) or type(error).__name__
    return str(text).splitlines()[0]
