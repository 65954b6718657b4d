"""Packets of H.264 and HEVC, looked at without decoding them.

Standards: ITU-T H.264 (7.3.1) and H.265 (7.3.1).
"""

from __future__ import annotations

from collections.abc import Iterator

from av.video.stream import VideoStream

from oneclick.video import h264_pictures, hevc_pictures
from oneclick.video.h264_pictures import FrameNumbers
from oneclick.video.hevc_pictures import ReferenceChecks

CODECS = ("h264", "hevc")
"""Codecs whose packets are looked into."""
_START_CODE = b"\0\0\1"
_PICTURE_OF_MPEG4 = b"\0\0\1\xb6"
_EMPTY_PICTURE = 12
"""Bytes up to which a picture of MPEG-4 only says that nothing changes."""
_ENDS_OF_SEQUENCE = (b"\0\0\1\x48\1", b"\0\0\0\2\x48\1")
"""Last unit of a packet of HEVC after which nothing refers to what was before it."""
_HEADER_BYTES = 64
"""Bytes of a slice that hold what is read of its header."""


class AccessUnits:
    """Checks of a stream's packets, one after the other in the order of the file.

    Attributes:
        is_new_format: whether parameters, such as the size of pictures, have changed.
        can_start: whether the last packet holds a picture at which decoding can start, as far as
            the picture itself tells.
        place: of that picture in order of presentation; None where nothing tells.
        is_start_spoilt: whether the last packet is spoilt from its first bytes on.
    """

    def __init__(self, codec: str, header: bytes) -> None:
        """Take the codec's name and its extradata."""
        self.is_new_format = False
        self.can_start = True
        self.place: int | None = None
        self.is_start_spoilt = False
        self._codec = codec
        self._length_size = 0
        if header and header[0] == 1:
            at = {"h264": 4, "hevc": 21}.get(codec, len(header))
            self._length_size = (header[at] & 3) + 1 if at < len(header) else 0
        self._essence: object = None
        self._numbers: FrameNumbers | None = None
        self._references = ReferenceChecks()
        for unit in _units_of_header(codec, header):
            self._see(unit)

    @property
    def counter_span(self) -> int:
        """Return after how many pictures their counter starts anew; 0 without one."""
        return self._numbers.span if self._numbers else 0

    def follows(self, packet: bytes, is_key: bool) -> bool:
        """Check that a packet is whole, and that no picture before it is missing or out of turn."""
        self.place = None
        if self._codec not in CODECS:
            return True
        size = self._length_size
        self.is_start_spoilt = bool(size) and not _starts_sound(packet, size)
        if self.is_start_spoilt or (size and not is_intact(packet, size)):
            return False
        for unit in _units(packet, self._length_size):
            if self._is_picture(unit):
                return self._picture_follows(unit, is_key, packet)
            self._see(unit)
        return True

    def _is_picture(self, unit: bytes) -> bool:
        if self._codec == "hevc":
            return len(unit) > 1 and _hevc_kind(unit) < hevc_pictures.FIRST_OTHER
        return bool(unit) and unit[0] & 31 in (1, 5)

    def _picture_follows(self, unit: bytes, is_key: bool, packet: bytes) -> bool:
        content = unit[:_HEADER_BYTES]
        if self._codec == "h264":
            return self._numbers is None or self._numbers.follows(content, is_key)
        self.can_start = _hevc_kind(unit) in hevc_pictures.KEYS
        does_follow = self._references.follows(content)
        self.place = self._references.place
        if packet.endswith(_ENDS_OF_SEQUENCE):
            self._references.end_sequence()
        return does_follow

    def _see(self, unit: bytes) -> None:
        """Remember parameters; those that cannot be read are compared byte by byte."""
        essence: object
        if self._codec == "h264":
            if not unit or unit[0] & 31 != h264_pictures.PARAMETERS:
                return
            try:
                parameters = h264_pictures.read_parameters(unit)
                essence = parameters.essence
            except ValueError:
                parameters, essence = None, unit
            if self._essence != essence:
                self._numbers = FrameNumbers(parameters) if parameters else None
        else:
            if len(unit) < 2 or unit[0] & 1 or unit[1] >> 3:  # of another layer
                return
            if _hevc_kind(unit) == hevc_pictures.PICTURE_PARAMETERS:
                self._references.see_picture_parameters(unit)
            if _hevc_kind(unit) != hevc_pictures.SEQUENCE_PARAMETERS:
                return
            try:
                number, sequence = hevc_pictures.read_parameters(unit)
                self._references.see_sequence(number, sequence)
                essence = sequence.essence
            except ValueError:
                essence = unit
        self.is_new_format |= self._essence not in (None, essence)
        self._essence = essence


def reader_of(stream: VideoStream) -> AccessUnits:
    """Return the checks of a stream's packets."""
    return AccessUnits(stream.codec_context.name, stream.codec_context.extradata or b"")


def is_start(codec: str, packet: bytes) -> bool:
    """Check that decoding can start at a packet that is marked so.

    AVI marks MPEG-4 packets that hold no picture, or one that refers to others (ISO/IEC 14496-2,
    6.2.5).
    """
    if codec != "mpeg4":
        return True
    at = packet.find(_PICTURE_OF_MPEG4)
    content = packet[at + len(_PICTURE_OF_MPEG4) :] if at >= 0 else b""
    return len(content) > _EMPTY_PICTURE and content[0] < 0x40


def is_intact(packet: bytes, length_size: int) -> bool:
    """Check the lengths of a packet's NAL units for signs of damage."""
    at = 0
    while at + length_size < len(packet):
        if packet[at + length_size] & 0x80:  # the forbidden bit that opens every unit
            return False
        at += length_size + int.from_bytes(packet[at : at + length_size], "big")
    return at == len(packet)


def _starts_sound(packet: bytes, length_size: int) -> bool:
    size = int.from_bytes(packet[:length_size], "big")
    return 0 < size <= len(packet) - length_size and not packet[length_size] & 0x80


def _units(packet: bytes, length_size: int) -> Iterator[bytes]:
    """Yield the NAL units of a packet, each cut off after a few of its bytes."""
    if length_size:
        at = 0
        while at + length_size < len(packet):
            size = int.from_bytes(packet[at : at + length_size], "big")
            at += length_size
            yield packet[at : at + min(size, 4 * _HEADER_BYTES)]
            at += size
        return
    at = packet.find(_START_CODE)
    while 0 <= at < len(packet) - 3:
        following = packet.find(_START_CODE, at + 3, at + 3 + 4 * _HEADER_BYTES)
        stop = following if following >= 0 else at + 3 + 4 * _HEADER_BYTES
        yield packet[at + 3 : stop]
        at = packet.find(_START_CODE, at + 3)


def _units_of_header(codec: str, header: bytes) -> Iterator[bytes]:
    """Yield the parameters that a stream's extradata hold (ISO/IEC 14496-15, 5.3.3.1, 8.3.3.1)."""
    if codec not in CODECS:
        return
    if not header or header[0] != 1:
        yield from _units(header, 0)
    elif codec == "h264" and len(header) > 8:
        yield from _units_of_array(header, 6, header[5] & 31)[0]
    elif codec == "hevc" and len(header) > 23:
        at = 23
        for _ in range(header[22]):
            count = int.from_bytes(header[at + 1 : at + 3], "big")
            units, at = _units_of_array(header, at + 3, count)
            yield from units


def _units_of_array(header: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Return some NAL units, each behind its length, and where they end."""
    units = []
    for _ in range(count):
        if at + 2 > len(header):
            break
        size = int.from_bytes(header[at : at + 2], "big")
        units.append(header[at + 2 : at + 2 + size])
        at += 2 + size
    return units, at


def _hevc_kind(unit: bytes) -> int:
    return (unit[0] >> 1) & 63
