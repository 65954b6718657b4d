"""Bits of the NAL units of H.264 and HEVC."""

from __future__ import annotations


class Bits:
    """Reader of a NAL unit's bits, without the bytes that prevent start codes."""

    def __init__(self, unit: bytes) -> None:
        content = bytes(unit).replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(content, "big")
        self._count = self._left = 8 * len(content)

    def number(self, bits: int) -> int:
        """Return the next bits as a number. Raises ValueError past the end."""
        self._left -= bits
        if self._left < 0:
            raise ValueError("the unit ends early")
        return (self._value >> self._left) & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Return the next bit. Raises ValueError past the end."""
        return self.number(1) == 1

    def golomb(self) -> int:
        """Return the next Exp-Golomb number without a sign. Raises ValueError past the end."""
        zeros = 0
        while not self.number(1):
            zeros += 1
        return (1 << zeros) - 1 + self.number(zeros)

    def signed_golomb(self) -> int:
        """Return the next Exp-Golomb number with a sign. Raises ValueError past the end."""
        number = self.golomb()
        return (number + 1) // 2 if number % 2 else -(number // 2)

    def skip_golombs(self, count: int) -> None:
        """Skip Exp-Golomb numbers. Raises ValueError past the end."""
        for _ in range(count):
            self.golomb()

    def before(self) -> tuple[int, int]:
        """Return what has been read: how many bits, and their value."""
        return self._count - self._left, self._value >> self._left
