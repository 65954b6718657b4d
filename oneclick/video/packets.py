"""Packets of a video stream: where they lie, what their stamps say, and decoding from any of them.

A packet is known by its number in the file. The decoder gets that number in place of a time stamp
and carries it over to the frame, so a frame is recognised whatever its own stamp says.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from oneclick.video import access_units, source

ABSENT = np.iinfo(np.int64).min
"""Stands for a stamp or a position that a packet does not have."""
_BYTE_SEEK = ("mpegts", "mpeg")
"""Formats whose stamps are no index: a position in bytes leads to a packet."""
_BETWEEN = 16
"""Bytes between the contents of two packets up to which nothing lies between them."""
_PACKETS_TO_TRY = 64
"""Packets after a seek among which one of the table must be."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PacketTable:
    """Packets of a video stream in the order of the file; arrays of one entry a packet."""

    stamps: NDArray[np.int64]
    """Presentation times in stream ticks, or ABSENT."""
    decode_stamps: NDArray[np.int64]
    """Times of decoding in stream ticks, or ABSENT."""
    positions: NDArray[np.int64]
    """Bytes from the start of the file, or ABSENT."""
    places: NDArray[np.int64]
    """Places in order of presentation as the pictures count them, or ABSENT."""
    is_key: NDArray[np.bool_]
    """Whether decoding can start here."""
    is_discarded: NDArray[np.bool_]
    """Whether an edit list leaves its frame out."""
    is_damaged: NDArray[np.bool_]
    """Whether it, or what lay before it, could not be read whole."""
    is_repeat: NDArray[np.bool_]
    """Whether it is a second copy of the packet before."""
    is_new_format: bool
    """Whether parameters, such as the size of pictures, change within the stream."""

    def __len__(self) -> int:
        return len(self.stamps)

    def number_of(self, packet: Packet[VideoStream]) -> int | None:
        """Return the number of a packet that was read after a seek; None if it is not certain."""
        stamp, _, position = _row(packet)
        if position != ABSENT:
            matches = np.flatnonzero(self.positions == position)
        else:
            matches = np.flatnonzero(self.stamps == stamp)
        return int(matches[0]) if len(matches) == 1 else None

    def is_packet(self, number: int, packet: Packet[VideoStream]) -> bool:
        """Check that a packet is the one of a number."""
        stamp, _, position = _row(packet)
        if number >= len(self):
            return False
        if position != ABSENT:
            return bool(self.positions[number] == position)
        return bool(self.stamps[number] == stamp)

    @property
    def empty_places(self) -> int:
        """Return how many places of an AVI file are empty, since a camera dropped pictures."""
        return max(0, int(self.decode_stamps.max(initial=0)) + 1 - len(self))

    @property
    def is_sound(self) -> bool:
        """Return whether every packet was read whole and once."""
        return not (self.is_damaged.any() or self.is_repeat.any())


def read_table(container: InputContainer, stream: VideoStream) -> PacketTable:
    """Read all packets of a stream, decoding none."""
    reader, codec = access_units.reader_of(stream), stream.codec_context.name
    rows: list[tuple[int, int, int, int]] = []
    flags: list[tuple[bool, bool, bool, bool]] = []
    is_after_damage, previous = False, b""
    for packet in source.packets(container, stream):
        if packet is None:
            is_after_damage = True
            continue
        row, content = _row(packet), bytes(packet)
        is_key = packet.is_keyframe and access_units.is_start(codec, content)
        is_second_copy = content == previous and codec in access_units.CODECS
        is_edit = is_second_copy and rows[-1][2] == row[2] != ABSENT  # one packet, read twice
        is_repeat, before, previous = is_second_copy and not is_edit, previous, content
        is_damaged = is_after_damage or packet.is_corrupt
        if not is_second_copy:
            is_damaged |= not reader.follows(content, is_key)
            if reader.is_start_spoilt and rows and _touch(rows[-1], len(before), row):
                flags[-1] = (*flags[-1][:2], True, flags[-1][3])  # up to its last bytes
        is_key &= reader.can_start
        rows.append((*row, ABSENT if reader.place is None or is_repeat else reader.place))
        flags.append((is_key, packet.is_discard, is_damaged, is_repeat))
        is_after_damage = False
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    bits = np.array(flags, np.bool_).reshape(-1, 4).T
    return PacketTable(
        stamps=columns[0],
        decode_stamps=columns[1],
        positions=columns[2],
        places=columns[3],
        is_key=bits[0],
        is_discarded=bits[1],
        is_damaged=bits[2],
        is_repeat=bits[3],
        is_new_format=reader.is_new_format,
    )


class Decoder:
    """A decoder of numbered packets that leaves out what damage has spoilt.

    Attributes:
        faults: packets that did not decode without a fault.
        keys: packets so far at which decoding can start, ascending.
    """

    def __init__(self, stream: VideoStream, strict: bool) -> None:
        """Set the options of a stream's decoder, before it decodes anything."""
        self.faults: list[int] = []
        self.keys: list[int] = []
        self._spoilt: dict[int, int] = {}
        self._context = stream.codec_context
        if strict:
            self._context.options = self._context.options | {"err_detect": "explode+crccheck"}
        self._strict = strict
        self._is_waiting = False

    def decode_all(
        self, container: InputContainer, stream: VideoStream, table: PacketTable | None = None
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Decode a file that was just opened; yield packet numbers and frames.

        After damage nothing counts until the next packet at which decoding can start, because
        pictures between would be made up from others.

        Args:
            container: the open file.
            stream: the decoder's stream.
            table: its packets; without it none counts as damaged.
        """
        for number, packet in packets_of(container, stream):
            if table is None:
                yield from self.decode(number, packet, bool(packet.is_keyframe), False)
            else:
                yield from self.decode_row(number, packet, table)
        yield from self.drain()

    def decode_row(
        self, number: int, packet: Packet[VideoStream], table: PacketTable
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Decode a packet as its row in the table says."""
        if not table.is_repeat[number]:
            is_key, is_damaged = bool(table.is_key[number]), bool(table.is_damaged[number])
            yield from self.decode(number, packet, is_key, is_damaged)

    def decode(
        self, number: int, packet: Packet[VideoStream], is_key: bool, is_damaged: bool
    ) -> Iterator[tuple[int, VideoFrame]]:
        """Decode a packet; yield the frames that are complete, in order of presentation."""
        if is_damaged and self._strict:
            yield from self.stop(number)
            return
        if self._is_waiting and not is_key:
            return
        self._is_waiting = False
        if is_key:
            self.keys.append(number)
        packet.pts, packet.dts = number, None
        try:
            frames = self._context.decode(packet)
        except source.DAMAGE:
            yield from self.stop(number)
            return
        yield from self._numbered(frames)

    def stop(self, number: int) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the frames before a damaged packet; the next that counts is a key packet."""
        self.faults.append(number)
        if not self._strict:
            return
        self._is_waiting = True
        yield from (numbered for numbered in self.drain() if numbered[0] != number)
        self._context.flush_buffers()

    def drain(self) -> Iterator[tuple[int, VideoFrame]]:
        """Yield the frames that the decoder still holds."""
        with contextlib.suppress(*source.DAMAGE, av.EOFError):
            yield from self._numbered(self._context.decode(None))

    def is_spoilt(self, number: int) -> bool:
        """Check whether a packet's picture may refer to one that the decoder had to make up."""
        return self._spoilt.get(self._group(number), number) < number

    def _numbered(self, frames: list[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        for frame in frames:
            if frame.pts is None:
                continue
            if self._strict and frame.is_corrupt:
                self.faults.append(frame.pts)
                group = self._group(frame.pts)
                self._spoilt[group] = min(frame.pts, self._spoilt.get(group, frame.pts))
            elif not self.is_spoilt(frame.pts):
                yield frame.pts, frame

    def _group(self, number: int) -> int:
        """Return how many key packets there are up to a packet."""
        return bisect.bisect_right(self.keys, number)


class Astray(Exception):
    """A seek led to packets that are not those of the table."""


def packets_from(
    container: InputContainer, stream: VideoStream, table: PacketTable, key: int
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Seek to a key packet and yield the numbered packets from there on.

    Raises:
        Astray: no packet of the table before or at the key is reached, or another one follows.
    """
    if container.format.name in _BYTE_SEEK and table.positions[key] != ABSENT:
        at, in_bytes = int(table.positions[key]), True
    else:
        at, in_bytes = int(table.stamps[key]), False
    if at == ABSENT:
        raise Astray
    try:
        container.seek(at, stream=stream, unsupported_byte_offset=in_bytes)
    except (av.FFmpegError, OSError) as error:
        raise Astray from error
    expected: int | None = None
    for count, packet in enumerate(source.packets(container, stream)):
        if packet is None:
            continue
        if expected is None:
            expected = table.number_of(packet)
            if expected is None or expected > key:
                if count < _PACKETS_TO_TRY and expected is None:
                    continue
                raise Astray
        if not table.is_packet(expected, packet):
            raise Astray
        if expected >= key:
            yield expected, packet
        expected += 1


def packets_of(
    container: InputContainer, stream: VideoStream
) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """Yield the numbered packets of a file that was just opened."""
    whole = (packet for packet in source.packets(container, stream) if packet is not None)
    return enumerate(whole)


def _touch(before: tuple[int, int, int, int], length: int, row: tuple[int, int, int]) -> bool:
    """Check that a packet begins right where the one before ends, but for a few bytes."""
    return ABSENT not in (before[2], row[2]) and 0 <= row[2] - before[2] - length < _BETWEEN


def _row(packet: Packet[VideoStream]) -> tuple[int, int, int]:
    pts, dts, pos = packet.pts, packet.dts, packet.pos
    return (
        ABSENT if pts is None else pts,
        ABSENT if dts is None else dts,
        ABSENT if pos is None or pos < 0 else pos,
    )
