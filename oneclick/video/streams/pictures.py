"""Pictures of a live source, decoded in a thread of their own: whoever is slow gets the newest.

What waits is bounded: packets that nobody decodes in time are left out up to the next key frame,
and a picture that nobody took is replaced by the next. Both are counted.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from oneclick.video import source
from oneclick.video.streams.base import StreamPacket

WAITING_PACKETS = 250
"""Packets that wait for the decoder at most: ten seconds of 25 a second."""
_POLL_SECONDS = 0.2
DecodePolicy = Literal["newest", "every", "keys"]
"""Which pictures are offered: the newest, every one (a slow reader holds up the source, which must
be a file), or key frames alone."""


@dataclass(frozen=True, kw_only=True)
class LivePicture:
    """A decoded picture of a live source."""

    picture: VideoFrame
    time: float
    """Unix seconds when it was taken."""
    arrival: float
    """Unix seconds when its packet was read."""
    stretch: int
    """Number of the stretch; between two stretches time has jumped, or pictures are missing."""


class PictureSlot:
    """Holds the newest picture until it is taken."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._picture: LivePicture | None = None
        self._is_closed = self._is_taken = False
        self.dropped = 0
        """Pictures that were replaced before anybody took them."""

    def put(self, picture: LivePicture, wait: bool = False) -> None:
        """Offer a picture.

        Args:
            picture: the next one.
            wait: until the one before is taken, in place of replacing it.
        """
        with self._condition:
            while wait and self._picture is not None and not self._is_closed:
                self._condition.wait(_POLL_SECONDS)
            self.dropped += self._picture is not None
            self._picture = picture
            self._condition.notify_all()

    def take(self, timeout: float) -> LivePicture | None:
        """Return the newest picture that was not taken; None where none comes in time."""
        with self._condition:
            self._is_taken = False
            if self._picture is None and not self._is_closed:
                self._condition.wait(timeout)
            picture, self._picture = self._picture, None
            self._is_taken = picture is not None
            self._condition.notify_all()
            return picture

    @property
    def is_idle(self) -> bool:
        """Check whether no picture waits, and whoever took the last one came for another."""
        with self._condition:
            return self._picture is None and not self._is_taken

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()


class PictureDecoder(threading.Thread):
    """Decodes the packets of a source and puts pictures into a slot, at most `fps` a second.

    Args:
        slot: gets the pictures.
        fps: pictures a second, by their own times.
        policy: which pictures.
    """

    def __init__(self, slot: PictureSlot, fps: float, policy: DecodePolicy = "newest") -> None:
        super().__init__(name="picture-decoder", daemon=True)
        self._slot, self._step, self._policy = slot, 1 / fps, policy
        self._packets: queue.Queue[StreamPacket | None] = queue.Queue(WAITING_PACKETS)
        self._is_stopped = threading.Event()
        self._is_behind = False
        self._decoder: VideoCodecContext | None = None
        self._due = self._next_key = 0.0
        self._stretch = 0
        self._times: deque[tuple[int, StreamPacket]] = deque(maxlen=64)
        self._number = 0
        self.damaged = 0
        """Packets that were torn, or did not decode."""
        self.dropped = 0
        """Packets that were left out because decoding was too slow."""

    def write(self, packet: StreamPacket) -> None:
        """Queue a packet; where decoding is behind, all up to the next key frame are left out."""
        self.damaged += packet.is_damaged
        if self._policy == "keys":
            if packet.start:
                self._next_key = 0.0  # our clock may have been set back
            if not packet.is_key or packet.time < self._next_key:
                return
            self._next_key = packet.time + self._step
        if self._is_behind and not packet.is_key:
            self.dropped += 1
            return
        try:
            if self._policy == "every":
                self._put_in_turn(packet)
            else:
                self._packets.put_nowait(packet)
            self._is_behind = False
        except queue.Full:
            self._is_behind = True
            self.dropped += 1

    def end_stretch(self) -> None:
        """Let the decoder give out what it holds."""
        with contextlib.suppress(queue.Full):
            if self._policy == "every":
                self._put_in_turn(None)
            else:
                self._packets.put_nowait(None)

    def run(self) -> None:
        """Decode until `close`."""
        while not self._is_stopped.is_set():
            try:
                packet = self._packets.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            try:
                if packet is None:
                    self._drain()
                else:
                    self._decode(packet)
            finally:
                self._packets.task_done()

    def close(self) -> None:
        """End the thread."""
        self._is_stopped.set()
        self._slot.close()

    @property
    def is_idle(self) -> bool:
        """Check whether all packets are decoded."""
        return self._packets.unfinished_tasks == 0

    def _put_in_turn(self, packet: StreamPacket | None) -> None:
        while not self._is_stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._packets.put(packet, timeout=_POLL_SECONDS)
                return

    def _decode(self, packet: StreamPacket) -> None:
        if packet.decoder is not self._decoder or packet.start:
            self._drain()
            self._decoder = packet.decoder
            if packet.start != "connection":
                self._decoder.flush_buffers()
            self._stretch += 1
            self._due = 0.0
        self._number += 1
        self._times.append((self._number, packet))
        data: Packet[Any] = Packet(packet.content)
        data.pts = self._number  # in place of stamps, which may be wrong
        data.is_keyframe = packet.is_key
        try:
            frames = self._decoder.decode(data)
            if self._policy == "keys":  # what follows in the stream is not decoded
                frames += self._decoder.decode(None)
                self._decoder.flush_buffers()
        except source.DAMAGE:
            self.damaged += 1
            return
        for frame in frames:
            self._offer(frame)

    def _drain(self) -> None:
        """Give out the pictures that the decoder holds at the end of a stretch."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        with contextlib.suppress(*source.DAMAGE, av.EOFError):
            for frame in decoder.decode(None):
                self._offer(frame)

    def _offer(self, frame: VideoFrame) -> None:
        packet = next((packet for number, packet in self._times if number == frame.pts), None)
        if packet is None or frame.is_corrupt:
            return
        if packet.time < self._due - self._step / 4:
            return
        self._due = max(self._due + self._step, packet.time + self._step / 2)
        picture = LivePicture(
            picture=frame, time=packet.time, arrival=packet.arrival, stretch=self._stretch
        )
        self._slot.put(picture, wait=self._policy == "every")
