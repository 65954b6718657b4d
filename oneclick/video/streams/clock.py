"""The clock of a source: its own time stamps become unix seconds, and breaks are noticed."""

from __future__ import annotations

import time
from dataclasses import dataclass

LARGEST_STEP = 2.0
"""Seconds between two packets from which on time has jumped."""
LARGEST_STEP_BACK = 0.5
"""Seconds that stamps may go back without a jump: some cameras repeat or swap them."""
LARGEST_DELAY = 60.0
"""Seconds by which a packet may be late: beyond them the clocks are compared anew."""
OWN_STEP = 1.0
"""Seconds between two packets by which our clock must leave the steady one to have been set."""
_NEXT = 0.04
"""Seconds between the last picture of a file and the first of the next."""
_DRIFT = 0.001
"""Seconds a second by which a camera's clock may be slow against ours."""
_READ_SECONDS = 0.05
"""Seconds in which both clocks must be read to be compared; a busy machine may take longer."""


def read_clocks() -> tuple[float, float]:
    """Return unix seconds, and those of a clock that nobody sets."""
    for _ in range(10):
        before, unix, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < _READ_SECONDS:
            break
    return unix, after


@dataclass
class StreamClock:
    """Maps the stamps of one connection to unix seconds.

    A packet cannot have been taken after it arrived, and one that was not delayed arrives at once:
    the least difference of the two is that of the clocks. It may grow slowly, with a drift. Where
    our own clock is set, which a steady one shows, it changes by as much.

    Args:
        is_played: the source is a file, whose stamps begin when it is opened.
    """

    is_played: bool = False
    _offset: float | None = None
    _last: float = 0.0
    _last_time: float = 0.0
    _is_new: bool = False
    _ours: float | None = None
    """Seconds by which our clock was before the steady one."""

    def open_next(self) -> None:
        """Go on with another file, whose stamps begin anew."""
        self._is_new = self._offset is not None

    def place(self, stamp: float, arrival: float, steady: float) -> tuple[float, bool]:
        """Return when a packet was taken, and whether time jumped before it.

        Args:
            stamp: seconds by the source's own clock, in the order of the packets.
            arrival: unix seconds.
            steady: seconds of a clock that nobody sets, at the same moment.
        """
        set_by = self._own_step(arrival - steady)
        step = stamp - self._last
        is_step = -LARGEST_STEP_BACK <= step <= LARGEST_STEP and not self._is_new
        is_jump, self._is_new = self._offset is not None and not is_step, False
        is_jump |= self._is_late(arrival - stamp)
        if self._offset is None or (is_jump and not self.is_played):
            self._offset = arrival - stamp
        elif is_jump:  # a file goes on where it is
            self._offset = self._last_time + _NEXT - stamp
        elif not self.is_played:
            drifted = self._offset + _DRIFT * max(step, 0.0)
            self._offset = min(drifted, arrival - stamp)
        self._last = stamp if is_jump else max(stamp, self._last)
        at = stamp + self._offset
        is_back = self._last_time - at > LARGEST_DELAY
        self._last_time = at if is_back else max(at, self._last_time)
        return self._last_time, is_jump or bool(set_by)

    def _own_step(self, ours: float) -> float:
        """Return the seconds by which our clock was set since the last packet, and follow it."""
        step = 0.0 if self._ours is None else ours - self._ours
        self._ours = ours
        if abs(step) < OWN_STEP or self._offset is None:
            return 0.0
        self._offset += step
        self._last_time += step
        return step

    def _is_late(self, offset: float) -> bool:
        """Check whether a packet comes later than any delay explains."""
        if self.is_played or self._offset is None:
            return False
        return abs(offset - self._offset) > LARGEST_DELAY
