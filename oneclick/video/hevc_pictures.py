"""The pictures that each picture of HEVC refers to, by which a missing one is noticed.

Standard: ITU-T H.265 (7.3.2.2, 7.3.2.3, 7.3.6, 7.3.7, 7.4.8, 8.3.1, 8.3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from oneclick.video.bits import Bits

SEQUENCE_PARAMETERS = 33
PICTURE_PARAMETERS = 34
END_OF_SEQUENCE = 36
FIRST_OTHER = 32
"""NAL unit type from which on units hold no picture."""
_RADL, _RASL = (6, 7), (8, 9)
"""Pictures that come before a key picture in order of presentation, and after it in the file."""
_LAST_UNREFERRED = 14
"""NAL unit types up to here, if even, are of pictures that their layer does not refer to."""
KEYS = range(16, 24)
"""NAL unit types of pictures at which decoding can start."""
_IDR = (19, 20)
_CLEAN_RANDOM_ACCESS = 21
_MOST_REFERENCES = 16
_MOST_SETS = 64
_SEQUENCE_PLACES = 1 << 40
"""Places of a coded sequence: all its pictures are shown before those of the next."""

_ReferenceSet = list[tuple[int, bool]]
"""Distance in order of presentation, and whether the picture itself needs it; nearest first, those
before the picture before those after it."""


@dataclass(frozen=True, kw_only=True)
class HevcParameters:
    """What is read of a sequence parameter set."""

    essence: tuple[int, int]
    """Its bits up to the notes on how it may be shown, which change no picture."""
    are_planes_separate: bool
    order_bits: int
    """Bits of the number by which pictures are ordered."""
    sets: list[_ReferenceSet]


@dataclass(frozen=True)
class _PictureParameters:
    sequence: int
    has_output_flag: bool
    extra_bits: int


def read_parameters(unit: bytes) -> tuple[int, HevcParameters]:
    """Read the number of a sequence parameter set, and the set. Raises ValueError."""
    bits = Bits(unit[2:])
    bits.number(4)
    layers = bits.number(3)
    bits.number(1)
    _skip_profile(bits, layers)
    number = bits.golomb()
    are_planes_separate = bits.golomb() == 3 and bits.flag()
    bits.skip_golombs(2)
    if bits.flag():  # edges that are cut away
        bits.skip_golombs(4)
    bits.skip_golombs(2)
    order_bits = bits.golomb() + 4
    bits.skip_golombs(3 * (layers + 1 if bits.flag() else 1))
    bits.skip_golombs(6)
    if bits.flag() and bits.flag():
        _skip_scaling_lists(bits)
    bits.number(2)
    if bits.flag():  # samples that are not predicted
        bits.number(8)
        bits.skip_golombs(2)
        bits.flag()
    count = bits.golomb()
    if count > _MOST_SETS or order_bits > 16:
        raise ValueError("more than there may be")
    sets: list[_ReferenceSet] = []
    for _ in range(count):
        sets.append(_read_set(bits, sets, count))
    if bits.flag():  # long-term references
        for _ in range(min(bits.golomb(), 32)):
            bits.number(order_bits + 1)
    bits.number(2)
    parameters = HevcParameters(
        essence=bits.before(),
        are_planes_separate=are_planes_separate,
        order_bits=order_bits,
        sets=sets,
    )
    return number, parameters


def _skip_profile(bits: Bits, layers: int) -> None:
    bits.number(96)
    if not layers:
        return
    has_parts = [(bits.flag(), bits.flag()) for _ in range(8)][:layers]
    for has_profile, has_level in has_parts:
        bits.number(88 * has_profile + 8 * has_level)


def _skip_scaling_lists(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if bits.flag():
                bits.skip_golombs(min(64, 16 << 2 * size) + (size > 1))
            else:
                bits.golomb()


def _read_set(bits: Bits, sets: list[_ReferenceSet], count: int) -> _ReferenceSet:
    """Read the next reference picture set, which may be told as a change of an earlier one."""
    if sets and bits.flag():
        back = bits.golomb() + 1 if len(sets) == count else 1
        if back > len(sets):
            raise ValueError("a change of a set that is not there")
        sign = -1 if bits.flag() else 1
        shift = sign * (bits.golomb() + 1)
        chosen = []
        for distance in [*(distance for distance, _ in sets[-back]), 0]:
            is_used = bits.flag()
            if is_used or bits.flag():
                chosen.append((distance + shift, is_used))
        chosen = [(distance, is_used) for distance, is_used in chosen if distance]
        return sorted(chosen, key=lambda entry: (entry[0] > 0, abs(entry[0])))
    numbers = bits.golomb(), bits.golomb()
    if sum(numbers) > _MOST_REFERENCES:
        raise ValueError("more references than there may be")
    entries: _ReferenceSet = []
    for sign, length in zip((-1, 1), numbers, strict=True):
        distance = 0
        for _ in range(length):
            distance += sign * (bits.golomb() + 1)
            entries.append((distance, bits.flag()))
    return entries


class ReferenceChecks:
    """Checks of a stream's pictures, one after the other in the order of the file.

    Attributes:
        place: of the last picture in order of presentation; None where nothing tells.
    """

    def __init__(self) -> None:
        self.place: int | None = None
        self._sequence_start = 0
        self._sequences: dict[int, HevcParameters] = {}
        self._pictures: dict[int, _PictureParameters] = {}
        self._present: set[int] = set()
        self._last_order = 0
        self._is_at_start = True
        self._has_no_past = True

    def see_sequence(self, number: int, parameters: HevcParameters) -> None:
        """Remember a sequence parameter set by its number."""
        self._sequences[number] = parameters

    def see_picture_parameters(self, unit: bytes) -> None:
        """Remember a picture parameter set; one that cannot be read makes its pictures suspect."""
        bits = Bits(unit[2:])
        try:
            number, sequence = bits.golomb(), bits.golomb()
            bits.flag()
            has_output_flag, extra_bits = bits.flag(), bits.number(3)
        except ValueError:
            return
        self._pictures[number] = _PictureParameters(sequence, has_output_flag, extra_bits)

    def end_sequence(self) -> None:
        """Forget all pictures: the next one is a key picture."""
        self._is_at_start = True

    def follows(self, unit: bytes) -> bool:
        """Check that what a picture refers to is there; its first slice is given."""
        kind, layer = (unit[0] >> 1) & 63, unit[1] & 7
        self.place = None
        try:
            return self._follows(kind, layer, Bits(unit[2:]))
        except (ValueError, KeyError):
            return False

    def _follows(self, kind: int, layer: int, bits: Bits) -> bool:
        if not bits.flag():
            return False  # the picture's first slice is missing
        is_key = kind in KEYS
        if is_key:
            bits.flag()
        picture = self._pictures[bits.golomb()]
        sequence = self._sequences[picture.sequence]
        bits.number(picture.extra_bits)
        bits.golomb()
        bits.number(picture.has_output_flag + 2 * sequence.are_planes_separate)
        begins_anew = is_key and (self._is_at_start or kind < _CLEAN_RANDOM_ACCESS)
        order, references = 0, list[tuple[int, bool]]()
        if kind not in _IDR:
            order = self._order_of(bits.number(sequence.order_bits), sequence, begins_anew)
            references = _references(bits, sequence.sets)
        if begins_anew:
            self._sequence_start += _SEQUENCE_PLACES
        if is_key:
            self._is_at_start, self._has_no_past = False, begins_anew
        if kind in _RASL and self._has_no_past:
            return True  # no decoder shows it
        self.place = self._sequence_start + order
        needed = {order + distance for distance, is_used in references if is_used}
        does_follow = is_key or needed <= self._present
        remaining = {order + distance for distance, _ in references} & self._present
        self._present = {order} if begins_anew else remaining | {order}
        is_referred = kind > _LAST_UNREFERRED or kind % 2 == 1
        if layer == 1 and is_referred and kind not in (*_RADL, *_RASL):
            self._last_order = order
        return does_follow

    def _order_of(self, low: int, sequence: HevcParameters, begins_anew: bool) -> int:
        """Return the number of a picture in order of presentation, from its lower bits."""
        if begins_anew:
            return low
        span = 1 << sequence.order_bits
        high = self._last_order - self._last_order % span
        difference = low - self._last_order % span
        if difference <= -span // 2:
            high += span
        elif difference > span // 2:
            high -= span
        return high + low


def _references(bits: Bits, sets: list[_ReferenceSet]) -> _ReferenceSet:
    """Read which pictures a slice's picture needs, or leaves for later ones."""
    if not bits.flag():
        return _read_set(bits, sets, len(sets))
    number = bits.number((len(sets) - 1).bit_length()) if len(sets) > 1 else 0
    if number >= len(sets):
        raise ValueError("a set that is not there")
    return sets[number]
