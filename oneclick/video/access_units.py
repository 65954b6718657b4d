"""Coded pictures of H.264 and HEVC, looked at without decoding them.

Standards: ITU-T H.264 (7.3.1, 7.3.2.1, 7.3.3, 7.4.3) and H.265 (7.3.1).
"""

from __future__ import annotations

from collections.abc import Iterator

from av.video.stream import VideoStream

CODECS = ("h264", "hevc")
"""Codecs whose packets are looked into."""
_START_CODE = b"\0\0\1"
_PICTURE_OF_MPEG4 = b"\0\0\1\xb6"
_EMPTY_PICTURE = 12
"""Bytes up to which a picture of MPEG-4 only says that nothing changes."""
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEADER_BYTES = 64
"""Bytes of a slice that hold what is read of its header."""


class AccessUnits:
    """Checks of a stream's packets, one after the other in the order of the file.

    Attributes:
        is_new_format: whether parameters, such as the size of pictures, have changed.
    """

    def __init__(self, codec: str, header: bytes) -> None:
        """Take the codec's name and its extradata."""
        self.is_new_format = False
        self._codec = codec
        self._length_size = 0
        if header and header[0] == 1:
            at = {"h264": 4, "hevc": 21}.get(codec, len(header))
            self._length_size = (header[at] & 3) + 1 if at < len(header) else 0
        self._parameters: bytes | None = None
        self._numbers: _FrameNumbers | None = None
        for unit in _units_of_header(codec, header):
            self._see(unit)

    def follows(self, packet: bytes, is_key: bool) -> bool:
        """Check that a packet is whole, and that no picture before it is missing or out of turn."""
        if self._codec not in CODECS:
            return True
        if self._length_size and not is_intact(packet, self._length_size):
            return False
        does_follow = True
        for unit in _units(packet, self._length_size):
            kind = self._kind(unit)
            if self._codec == "h264" and kind in (1, 5):
                if self._numbers:
                    does_follow = self._numbers.follows(unit, is_key)
                break
            if self._codec == "hevc" and kind < 32:
                break
            self._see(unit)
        return does_follow

    def _kind(self, unit: bytes) -> int:
        return (unit[0] >> 1) & 63 if self._codec == "hevc" else unit[0] & 31

    def _see(self, unit: bytes) -> None:
        """Remember the sequence parameters."""
        if not unit or self._kind(unit) != {"h264": 7, "hevc": 33}[self._codec]:
            return
        parameters = bytes(unit).rstrip(b"\0")
        if self._parameters not in (None, parameters):
            self.is_new_format = True
        if self._codec == "h264" and self._parameters != parameters:
            self._numbers = _FrameNumbers.of(parameters)
        self._parameters = parameters


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
    """Yield the sequence parameters that a stream's extradata hold."""
    if codec not in CODECS:
        return
    if not header or header[0] != 1:
        yield from _units(header, 0)
    elif codec == "h264" and len(header) > 8:  # ISO/IEC 14496-15, 5.3.3.1
        at = 6
        for _ in range(header[5] & 31):
            size = int.from_bytes(header[at : at + 2], "big")
            yield header[at + 2 : at + 2 + size]
            at += 2 + size


class _Bits:
    """Bits of a NAL unit, without the bytes that prevent start codes."""

    def __init__(self, unit: bytes) -> None:
        content = bytes(unit[:_HEADER_BYTES]).replace(b"\0\0\3", b"\0\0")
        self._value, self._left = int.from_bytes(content, "big"), 8 * len(content)

    def number(self, bits: int) -> int:
        """Return the next bits as a number. Raises ValueError past the end."""
        self._left -= bits
        if self._left < 0:
            raise ValueError("the unit ends early")
        return (self._value >> self._left) & ((1 << bits) - 1)

    def golomb(self) -> int:
        """Return the next Exp-Golomb number without a sign. Raises ValueError past the end."""
        zeros = 0
        while not self.number(1):
            zeros += 1
        return (1 << zeros) - 1 + self.number(zeros)


class _FrameNumbers:
    """The counter that H.264 carries in each picture, by which a missing one is noticed."""

    def __init__(self, bits: int, are_planes_separate: bool, has_fields: bool) -> None:
        self._bits, self._are_planes_separate = bits, are_planes_separate
        self._has_fields = has_fields
        self._of_reference: int | None = None
        self._last: tuple[int, int] | None = None

    @staticmethod
    def of(parameters: bytes) -> _FrameNumbers | None:
        """Read the sequence parameters; None where they allow gaps or cannot be read."""
        bits = _Bits(parameters[1:])
        try:
            profile, _ = bits.number(8), bits.number(16)
            bits.golomb()
            are_planes_separate = False
            if profile in _HIGH_PROFILES:
                if bits.golomb() == 3:
                    are_planes_separate = bool(bits.number(1))
                bits.golomb(), bits.golomb(), bits.number(1)
                if bits.number(1):  # scaling lists: rare, and long to read
                    return None
            width = bits.golomb() + 4
            order = bits.golomb()
            if order == 0:
                bits.golomb()
            elif order == 1:
                bits.number(1), bits.golomb(), bits.golomb()
                for _ in range(min(bits.golomb(), 255)):
                    bits.golomb()
            bits.golomb()
            if bits.number(1) or width > 16:
                return None
            bits.golomb(), bits.golomb()
            has_fields = not bits.number(1)
        except ValueError:
            return None
        return _FrameNumbers(width, are_planes_separate, has_fields)

    def follows(self, unit: bytes, is_key: bool) -> bool:
        """Check that a picture's number follows those before it; its first slice is given."""
        bits = _Bits(unit[1:])
        try:
            bits.golomb(), bits.golomb(), bits.golomb()
            if self._are_planes_separate:
                bits.number(2)
            number = bits.number(self._bits)
        except ValueError:
            return False
        is_reference, is_idr = bool(unit[0] & 0x60), unit[0] & 31 == 5
        before, self._last = self._last, (number, is_reference)
        expected = self._of_reference
        if is_reference or expected is None:
            self._of_reference = number
        if is_idr or is_key or expected is None:
            return True
        following = (expected + 1) % (1 << self._bits)
        is_second_field = self._has_fields and number == expected and before == self._last
        return number == following or is_second_field
