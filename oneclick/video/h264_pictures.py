"""The counter that H.264 carries in each picture, by which a missing one is noticed.

Standard: ITU-T H.264 (7.3.2.1, 7.3.3, 7.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from oneclick.video.bits import Bits

PARAMETERS = 7
"""NAL unit type of sequence parameters."""
_IDR = 5
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True, kw_only=True)
class H264Parameters:
    """What is read of a sequence parameter set."""

    essence: tuple[int, int]
    """Its bits up to the notes on how it may be shown, which change no picture."""
    counter_bits: int
    are_planes_separate: bool
    has_fields: bool
    has_gaps: bool
    """Whether numbers may be missing although no picture is."""


def read_parameters(unit: bytes) -> H264Parameters:
    """Read a sequence parameter set. Raises ValueError where it is none."""
    bits = Bits(unit[1:])
    profile, _ = bits.number(8), bits.number(16)
    bits.golomb()
    are_planes_separate = False
    if profile in _HIGH_PROFILES:
        chroma = bits.golomb()
        are_planes_separate = chroma == 3 and bits.flag()
        bits.skip_golombs(2)
        bits.flag()
        if bits.flag():
            _skip_scaling_lists(bits, 12 if chroma == 3 else 8)
    counter_bits = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.flag()
        bits.skip_golombs(2)
        bits.skip_golombs(min(bits.golomb(), 255))
    bits.golomb()
    has_gaps = bits.flag()
    bits.skip_golombs(2)
    has_fields = not bits.flag()
    if has_fields:
        bits.flag()
    bits.flag()
    if bits.flag():  # edges that are cut away
        bits.skip_golombs(4)
    if counter_bits > 16:
        raise ValueError("a counter of more bits than there may be")
    return H264Parameters(
        essence=bits.before(),
        counter_bits=counter_bits,
        are_planes_separate=are_planes_separate,
        has_fields=has_fields,
        has_gaps=has_gaps,
    )


def _skip_scaling_lists(bits: Bits, count: int) -> None:
    for number in range(count):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + bits.signed_golomb()) % 256
            last = following or last


class FrameNumbers:
    """The numbers of the pictures of a stream, one after the other."""

    def __init__(self, parameters: H264Parameters) -> None:
        self._parameters = parameters
        self._of_reference: int | None = None
        self._last: tuple[int, int] | None = None

    @property
    def span(self) -> int:
        """Return after how many numbers they start anew."""
        return 1 << self._parameters.counter_bits

    def follows(self, unit: bytes, is_key: bool) -> bool:
        """Check that a picture's number follows those before it; its first slice is given."""
        bits, parameters = Bits(unit[1:]), self._parameters
        try:
            is_whole = bits.golomb() == 0  # else the slices before are lost
            bits.skip_golombs(2)
            if parameters.are_planes_separate:
                bits.number(2)
            number = bits.number(parameters.counter_bits)
        except ValueError:
            return False
        is_reference, is_idr = bool(unit[0] & 0x60), unit[0] & 31 == _IDR
        before, self._last = self._last, (number, is_reference)
        expected = self._of_reference
        if is_reference or expected is None:
            self._of_reference = number
        if is_idr or is_key or expected is None or parameters.has_gaps or not is_whole:
            return is_whole
        following = (expected + 1) % self.span
        is_second_field = parameters.has_fields and number == expected and before == self._last
        return number == following or is_second_field
