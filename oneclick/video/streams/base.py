"""What all parts of a live stream exchange: packets with the time at which they were taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

Start = Literal["", "connection", "time", "format"]
"""Why a stretch begins at a packet: the source was opened, its time jumped, or its pictures are of
another size. Empty within a stretch."""


@dataclass(frozen=True, kw_only=True)
class StreamPacket:
    """A packet of a live source."""

    packet: Packet[VideoStream]
    content: bytes
    stream: VideoStream
    """Stream of the connection, for a template while that is open; its header may be older than a
    change of format."""
    decoder: VideoCodecContext
    """Decoder of the connection, which may be used after it was closed."""
    time: float
    """Unix seconds when its picture was taken."""
    decode_stamp: float
    """Seconds by the source's own clock, in the order of the packets."""
    stamp: float
    """Seconds by the source's own clock when its picture is shown."""
    arrival: float
    """Unix seconds when it was read."""
    is_key: bool
    is_damaged: bool
    """Whether it is torn, or a packet before it is missing."""
    start: Start


class PacketSink(Protocol):
    """Receives the packets of a source in the thread that reads it; it never raises."""

    def write(self, packet: StreamPacket) -> None:
        """Take the next packet of the source."""
        ...

    def end_stretch(self) -> None:
        """Finish what was begun: the connection is lost, or the source has ended."""
        ...
