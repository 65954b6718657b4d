"""The clock of a source: its own time stamps become unix seconds, and breaks are noticed."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_STEP = 2.0
"""Seconds between two packets from which on time has jumped."""
LARGEST_STEP_BACK = 0.5
"""Seconds that stamps may go back without a jump: some cameras repeat or swap them."""
LARGEST_CLOCK_STEP = 60.0
"""Seconds by which a packet may be late: beyond them our own clock was set."""
_NEXT = 0.04
"""Seconds between the last picture of a file and the first of the next."""
_DRIFT = 0.001
"""Seconds a second by which a camera's clock may be slow against ours."""


@dataclass
class StreamClock:
    """Maps the stamps of one connection to unix seconds.

    A packet cannot have been taken after it arrived, and one that was not delayed arrives at once:
    the least difference of the two is that of the clocks. It may grow slowly, with a drift.

    Args:
        is_played: the source is a file, whose stamps begin when it is opened.
    """

    is_played: bool = False
    _offset: float | None = None
    _last: float = 0.0
    _last_time: float = 0.0
    _is_new: bool = False

    def open_next(self) -> None:
        """Go on with another file, whose stamps begin anew."""
        self._is_new = self._offset is not None

    def place(self, stamp: float, arrival: float) -> tuple[float, bool]:
        """Return when a packet was taken, and whether time jumped before it.

        Args:
            stamp: seconds by the source's own clock, in the order of the packets.
            arrival: unix seconds.
        """
        step = stamp - self._last
        is_step = -LARGEST_STEP_BACK <= step <= LARGEST_STEP and not self._is_new
        is_jump, self._is_new = self._offset is not None and not is_step, False
        is_jump |= self._is_clock_set(arrival - stamp)
        if self._offset is None or (is_jump and not self.is_played):
            self._offset = arrival - stamp
        elif is_jump:  # a file goes on where it is
            self._offset = self._last_time + _NEXT - stamp
        elif not self.is_played:
            drifted = self._offset + _DRIFT * max(step, 0.0)
            self._offset = min(drifted, arrival - stamp)
        self._last = stamp if is_jump else max(stamp, self._last)
        at = stamp + self._offset
        is_back = self._last_time - at > LARGEST_CLOCK_STEP
        self._last_time = at if is_back else max(at, self._last_time)
        return self._last_time, is_jump

    def _is_clock_set(self, offset: float) -> bool:
        """Check whether our own clock shows another time now than the packets before tell."""
        if self.is_played or self._offset is None:
            return False
        return abs(offset - self._offset) > LARGEST_CLOCK_STEP
